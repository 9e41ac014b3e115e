"""Holds a batch back, lets it go on, and stops it, on its owner's word; a pause interrupts no job that runs."""

import uuid
from collections.abc import Collection

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from jobs import doorbell, lifecycle
from jobs.accounts import Caller
from jobs.batches import ending, looking
from jobs.batches.looking import Seen
from jobs.database import after_commit, be_brief, transaction
from jobs.errors import Conflict, NotFound
from jobs.lifecycle import moves
from jobs.rules import batches
from jobs.rules.batches import PAUSED_UNTIL, Status
from jobs.rules.states import State
from jobs.tables import Batch, Job

STEP = 25
"""Few, for the tally of their account is locked as long as it takes: nobody orders for it meanwhile."""
_RINGS = 32


def pause(caller: Caller, batch_id: uuid.UUID | None) -> Seen:
    """Begin none of its jobs until it is resumed; asking twice changes nothing. Raises NotFound and Conflict."""
    with transaction() as session:
        row = _steerable(session, caller, batch_id, "paused")
        row.paused_at = row.paused_at or session.execute(select(func.now())).scalar_one()
        hold_back(session, row)
        return Seen(row, looking.states_of(session, row))


def resume(caller: Caller, batch_id: uuid.UUID | None) -> Seen:
    """Let a paused batch go on; asking twice changes nothing. Raises NotFound and Conflict."""
    with transaction() as session:
        row = _steerable(session, caller, batch_id, "resumed")
        row.paused_at = None
        held = update(Job).where(Job.batch_id == row.id, Job.status == State.WAITING, Job.due_at == PAUSED_UNTIL)
        _allow_time(session)
        released = held.values(due_at=func.now()).returning(Job.engine).execution_options(synchronize_session=False)
        engines = set(session.scalars(released))
        after_commit(session, lambda: _ring(engines))
        return Seen(row, looking.states_of(session, row))


def cancel(caller: Caller, batch_id: uuid.UUID | None) -> Seen:
    """Stop it: none of its jobs begins any more, those that wait are cancelled soon, those that run when they are dead.

    Asking twice changes nothing. Raises NotFound, and Conflict when there is nothing left to cancel.
    """
    with transaction() as session:
        row = looking.own(session, caller, batch_id, is_locked=True)
        match Status(row.status):
            case Status.VALIDATING:
                row.cancelling_at = session.execute(select(func.now())).scalar_one()
                ending.end(session, row, Status.CANCELLED)
            case Status.IN_PROGRESS:
                batches.check(Status(row.status), Status.CANCELLING)
                row.status, row.cancelling_at = Status.CANCELLING, session.execute(select(func.now())).scalar_one()
                hold_back(session, row)
            case Status.FINALIZING | Status.COMPLETED | Status.FAILED | Status.EXPIRED:
                raise Conflict(f"The batch is {row.status}; there is nothing left to cancel.")
        return Seen(row, looking.states_of(session, row))


def hold_back(session: Session, row: Batch) -> int:
    """Have no claim take its waiting jobs; how many there were."""
    waiting = update(Job).where(Job.batch_id == row.id, Job.status == State.WAITING, Job.due_at < PAUSED_UNTIL)
    _allow_time(session)
    held = session.connection().execute(waiting.values(due_at=PAUSED_UNTIL))
    return held.rowcount


def tend_paused() -> int:
    """Hold back what stumbled back among the waiting of a batch that is paused or being cancelled; how many jobs."""
    held = select(Batch).where(Batch.finished_at.is_(None), Batch.jobs > 0)
    held = held.where(Batch.paused_at.is_not(None) | Batch.cancelling_at.is_not(None))
    with transaction() as session:
        found = session.scalars(held.with_for_update(skip_locked=True)).all()
        return sum(hold_back(session, row) for row in found)


def carry_out_cancels() -> int:
    """Cancel some jobs of every batch that is to be cancelled; how many were cancelled, or told to stop."""
    with transaction() as session:
        wanted = session.scalars(select(Batch).where(Batch.status == Status.CANCELLING)).all()
    return sum(_cancel_waiting(row) + _stop_running(row) for row in wanted)


def _steerable(session: Session, caller: Caller, batch_id: uuid.UUID | None, verb: str) -> Batch:
    row = looking.own(session, caller, batch_id, is_locked=True)
    if row.status not in {Status.VALIDATING, Status.IN_PROGRESS}:
        raise Conflict(f"The batch is {row.status}; it cannot be {verb} any more.")
    return row


def _cancel_waiting(batch: Batch) -> int:
    waiting = select(Job).where(Job.batch_id == batch.id, Job.status == State.WAITING)
    with transaction() as session:
        be_brief(session)
        found = session.scalars(waiting.limit(STEP).with_for_update(skip_locked=True)).all()
        for job in sorted(found, key=lambda job: job.id):
            moves.end(session, job, State.CANCELLED, "job.cancelled")
    return len(found)


def _stop_running(batch: Batch) -> int:
    """Those that run are told once; what others end just now needs no telling."""
    under_way = select(Job.id).where(Job.batch_id == batch.id, Job.cancel_requested_at.is_(None))
    under_way = under_way.where(Job.status.in_((State.RUNNING, State.FORWARDED)), Job.deleted_at.is_(None))
    with transaction() as session:
        found = session.scalars(under_way.limit(STEP)).all()
    return sum(_stop(Caller(batch.account_id, "", batch.key_id), job_id) for job_id in found)


def _stop(caller: Caller, job_id: uuid.UUID) -> bool:
    try:
        lifecycle.cancel(caller, job_id)
    except (Conflict, NotFound):  # it ended by itself, or was deleted
        return False
    return True


def _allow_time(session: Session) -> None:
    """A statement over tens of thousands of rows may take its time."""
    session.execute(text("SET LOCAL statement_timeout = '2min'"))


def _ring(engines: Collection[str]) -> None:
    for engine in engines:
        for _ in range(_RINGS):
            doorbell.ring(engine)
