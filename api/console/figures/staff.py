"""Who works here at this moment: workers with what they hold, engines with how they stand."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.rules.states import State
from jobs.tables import Account, Chore, Engine, Job

_HELD_MAX = 200
"""More at once is looked at in the list of jobs."""


def held(session: Session) -> dict[str, list[Any]]:
    """What each worker holds, with its lease."""
    running = (
        select(
            Job.id,
            Job.worker,
            Job.engine,
            Job.stage,
            Job.progress,
            Job.attempt,
            Job.lease_until,
            Job.started_at,
            Account.name.label("account"),
        )
        .join(Account, Account.id == Job.account_id)
        .where(Job.status == State.RUNNING)
        .order_by(Job.started_at)
        .limit(_HELD_MAX)
    )
    found: dict[str, list[Any]] = {}
    for row in session.execute(running):
        found.setdefault(row.worker or "", []).append(row)
    return found


def engines(session: Session) -> dict[str, Engine]:
    """The engines there is something to say of, by name."""
    return {row.name: row for row in session.scalars(select(Engine))}


def chores(session: Session) -> Sequence[Chore]:
    """The recurring chores and how they went, those that are due longest first."""
    return session.scalars(select(Chore).order_by(Chore.due_at)).all()
