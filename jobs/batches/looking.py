"""Answers questions about batches, within one account; never changes anything."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.tables import ArchivedJob, Batch, Job


@dataclass(frozen=True)
class Seen:
    """A batch, and how many of its jobs stand how."""

    batch: Batch
    states: dict[str, int]


def batch(caller: Caller, batch_id: uuid.UUID | None) -> Batch:
    """One batch of the caller's. Raises NotFound for everything else."""
    with transaction() as session:
        return own(session, caller, batch_id)


def seen(caller: Caller, batch_id: uuid.UUID | None) -> Seen:
    """One batch of the caller's with its counts as they are now. Raises NotFound."""
    with transaction() as session:
        found = own(session, caller, batch_id)
        return Seen(found, states_of(session, found))


def page(caller: Caller, *, older_than: uuid.UUID | None = None, limit: int = 50) -> list[Seen]:
    """The caller's batches, newest first, at most `limit`; `older_than` is the last id of the page before."""
    query = select(Batch).where(Batch.account_id == caller.account_id)
    if older_than is not None:
        query = query.where(Batch.id < older_than)
    with transaction() as session:
        found = session.scalars(query.order_by(Batch.id.desc()).limit(limit)).all()
        return [Seen(one, states_of(session, one)) for one in found]


def jobs_of(
    caller: Caller,
    batch_id: uuid.UUID | None,
    *,
    statuses: Collection[str] | None = None,
    after_line: int = 0,
    limit: int = 100,
) -> list[Job]:
    """Its jobs in the order of their lines, those after `after_line`; deleted ones are left out. Raises NotFound."""
    with transaction() as session:
        found = own(session, caller, batch_id)
        query = select(Job).where(Job.batch_id == found.id, Job.batch_line > after_line, Job.deleted_at.is_(None))
        if statuses is not None:
            query = query.where(Job.status.in_(statuses))
        return list(session.scalars(query.order_by(Job.batch_line).limit(limit)))


def own(session: Session, caller: Caller, batch_id: uuid.UUID | None, *, is_locked: bool = False) -> Batch:
    """The caller's batch, inside the caller's transaction. Raises NotFound."""
    query = select(Batch).where(Batch.id == batch_id, Batch.account_id == caller.account_id)
    found = session.scalars(query.with_for_update() if is_locked else query).one_or_none()
    if found is None:
        raise NotFound("There is no such batch.")
    return found


def states_of(session: Session, found: Batch) -> dict[str, int]:
    """How many of its jobs are in which state; those that are in the archive by now are counted there."""
    if found.states is not None:
        return dict(found.states)
    if not found.jobs:
        return {}
    counted = _counts(session, Job, found)
    if sum(counted.values()) < found.jobs:
        for status, count in _counts(session, ArchivedJob, found).items():
            counted[status] = counted.get(status, 0) + count
    return counted


def _counts(session: Session, table: type[Job] | type[ArchivedJob], found: Batch) -> dict[str, int]:
    of_batch = select(table.status, func.count().label("jobs")).where(table.batch_id == found.id).group_by(table.status)
    if table is ArchivedJob:  # no index there: its ids were all drawn after the batch's
        of_batch = of_batch.where(ArchivedJob.account_id == found.account_id, ArchivedJob.id > found.id)
    return {row.status: row.jobs for row in session.execute(of_batch)}
