"""What a retry of a batch may still order and still spend; retries of retries belong to the first batch."""

import uuid
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.orm import Session

from jobs.errors import Conflict
from jobs.rules.batches import Status
from jobs.rules.states import State
from jobs.tables import ArchivedJob, Batch, Job

# Its kin are all orders that stem from the same first one, whichever of their batches was retried. OFFSET 0 has them
# looked up by their index, whatever the planner believes of a table that has just grown.
_NOT_DONE = text("""
    NOT EXISTS (
        WITH RECURSIVE older AS (
            SELECT jobs.id AS id, jobs.rerun_of AS rerun_of, 0 AS generation
            UNION ALL
            SELECT one.id, one.rerun_of, generation + 1 FROM jobs one JOIN older ON one.id = older.rerun_of
        ), kin AS (
            (SELECT id, CAST('failed' AS text) AS status FROM older ORDER BY generation DESC LIMIT 1)
            UNION ALL
            SELECT one.id, one.status FROM kin
                CROSS JOIN LATERAL (SELECT id, status FROM jobs WHERE rerun_of = kin.id OFFSET 0) one
        )
        SELECT 1 FROM kin WHERE kin.status NOT IN ('failed', 'cancelled')
    )
""")


def failed(batch_id: uuid.UUID | None) -> Select[Job]:
    """Its failed jobs that no re-run has completed, nor may yet complete, in the order of their lines."""
    of_batch = select(Job).where(Job.batch_id == batch_id, Job.status == State.FAILED, Job.deleted_at.is_(None))
    return of_batch.where(_NOT_DONE).order_by(Job.batch_line)


def check(session: Session, old: Batch, name: str | None) -> None:
    """Raises Conflict unless a retry of that name can be made; the first batch is locked, so one asks at a time."""
    if not Status(old.status).is_final:
        raise Conflict(f"The batch is {old.status}; its failed jobs can be run again once it is final.")
    session.get(Batch, _first(session, old).id, with_for_update=True, populate_existing=True)
    for one in _kin(session, old):  # whoever asks again by the same name is given the one that is there
        if one.status == Status.VALIDATING and (name is None or one.idempotency_key != name):
            raise Conflict(f"Its failed jobs are being ordered once more already, as batch {one.id.hex}.")
    if session.scalars(failed(old.id).limit(1)).one_or_none() is None:
        raise Conflict("None of its jobs failed, or they have been run again, or they are no longer kept.")


def left_usd(session: Session, old: Batch) -> Decimal | None:
    """What is left of its budget, of which a retry that is not final may spend all of its own; None is no limit."""
    kin = _kin(session, old)
    first = kin[0]
    if first.budget_usd is None:
        return None
    reserved = sum((one.budget_usd or Decimal(0) for one in kin if one.finished_at is None), Decimal(0))
    spent = _spent_usd(session, [one for one in kin if one.finished_at is not None])
    return max(first.budget_usd - reserved - spent, Decimal(0))


def _first(session: Session, old: Batch) -> Batch:
    """The batch that it stems from; itself, when it is no retry."""
    first = old
    while first.retry_of is not None and (older := session.get(Batch, first.retry_of)) is not None:
        first = older
    return first


def _kin(session: Session, old: Batch) -> list[Batch]:
    """The first batch and all that stem from it: their jobs are orders of the same lines."""
    kin = [_first(session, old)]
    for one in kin:  # it grows meanwhile
        kin += session.scalars(select(Batch).where(_of_account(one), Batch.retry_of == one.id))
    return kin


def _spent_usd(session: Session, ended: list[Batch]) -> Decimal:
    ids = [one.id for one in ended]
    of_these = select(func.coalesce(func.sum(Job.price_usd), 0)).where(Job.batch_id.in_(ids))
    gone = select(func.coalesce(func.sum(ArchivedJob.price_usd), 0)).where(ArchivedJob.batch_id.in_(ids))
    # No index there: their ids were all drawn after the first batch's.
    gone = gone.where(ArchivedJob.account_id == ended[0].account_id, ArchivedJob.id > min(ids))
    return Decimal(session.scalars(of_these).one() + session.scalars(gone).one())


def _of_account(one: Batch) -> ColumnElement[bool]:
    """Younger than it and its owner's, as all its retries are: there is an index for that."""
    return (Batch.account_id == one.account_id) & (Batch.id > one.id)
