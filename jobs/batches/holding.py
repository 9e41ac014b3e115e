"""Who works on a batch: one at a time, under a lease, with a fence that every effect names."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from jobs import settings
from jobs.database import transaction
from jobs.errors import LeaseLost
from jobs.rules.batches import Status
from jobs.tables import Batch, Job

_OPEN = (Status.IN_PROGRESS, Status.CANCELLING)
_FREE = or_(Batch.lease_until.is_(None), Batch.lease_until < func.now())


def take_unread(*, is_probing: bool, after: uuid.UUID | None = None) -> Batch | None:
    """A batch whose lines nobody is reading; whoever gets it has a lease on it.

    Accounts take turns: the next one comes that follows the account `after`. One batch of each is probed at a time.
    """
    unread = (Batch.status == Status.VALIDATING) & (Batch.is_probing == is_probing)
    if is_probing:
        unread &= ~_is_probed_already()
    return _take(unread, Batch.account_id <= after, Batch.account_id) if after else _take(unread)


def take_ended() -> Batch | None:
    """A batch all of whose jobs are final, or whose files somebody began to write and fell silent."""
    ended = select(Batch.id).where(Batch.status.in_(_OPEN), ~_has_unfinished_jobs())
    with transaction() as session:
        batch_ids = session.scalars(ended.with_for_update(skip_locked=True)).all()
        _finalize(session, batch_ids)
    return _take(Batch.status == Status.FINALIZING)


def renew(batch: Batch, lines: int) -> None:
    """Say that its holder is alive and how many lines are read. Raises LeaseLost when it is another's, or cancelled."""
    kept = (
        update(Batch)
        .where(Batch.id == batch.id, Batch.fence == batch.fence, Batch.status == batch.status)
        .values(lease_until=_lease(), lines=lines)
        .returning(Batch.id)
    )
    with transaction() as session:
        if session.execute(kept).one_or_none() is None:
            raise _lost(batch)


def hand_back(batch: Batch, pause_seconds: float, *, is_counted: bool = False) -> None:
    """Let go of a batch that cannot be worked on for the moment; it is taken up again after the pause.

    Unless the try counts, the fence goes back too: its holder writes nothing more by it.
    """
    free = update(Batch).where(Batch.id == batch.id, Batch.fence == batch.fence, Batch.finished_at.is_(None))
    pause_until = func.now() + timedelta(seconds=pause_seconds)
    fence = Batch.fence if is_counted else Batch.fence - 1
    with transaction() as session:
        session.execute(free.values(lease_until=pause_until, fence=fence))


def held(session: Session, batch: Batch) -> Batch:
    """Its row, locked, if its holder still is that. Raises LeaseLost otherwise."""
    row = session.scalars(
        select(Batch)
        .where(Batch.id == batch.id, Batch.fence == batch.fence, Batch.status == batch.status)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise _lost(batch)
    return row


def _is_probed_already() -> ColumnElement[bool]:
    """Whether somebody has the account's voices measured just now."""
    other = aliased(Batch)
    under_way = select(other.id).where(other.account_id == Batch.account_id, other.status == Status.VALIDATING)
    return under_way.where(other.is_probing, other.lease_until >= func.now()).exists()


def _take(is_wanted: ColumnElement[bool], *order: SQLColumnExpression[Any]) -> Batch | None:
    oldest = (
        select(Batch.id)
        .where(is_wanted, _FREE)
        .order_by(*order, Batch.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = update(Batch).where(Batch.id == oldest).values(fence=Batch.fence + 1, lease_until=_lease())
    with transaction() as session:
        return session.scalars(taken.returning(Batch)).one_or_none()


def _finalize(session: Session, batch_ids: Sequence[object]) -> None:
    if batch_ids:
        ended = update(Batch).where(Batch.id.in_(batch_ids))
        session.execute(ended.values(status=Status.FINALIZING, finalizing_at=func.now(), lease_until=None))


def _has_unfinished_jobs() -> ColumnElement[bool]:
    return select(Job.id).where(Job.batch_id == Batch.id, Job.status.in_(("waiting", "running", "forwarded"))).exists()


def _lease() -> ColumnElement[datetime]:
    return func.now() + timedelta(seconds=settings.load().lease_seconds)


def _lost(batch: Batch) -> LeaseLost:
    return LeaseLost(f"batch {batch.id.hex}: fence {batch.fence} no longer holds it")
