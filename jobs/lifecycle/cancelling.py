"""Stopping a job on its owner's word."""

import uuid

from sqlalchemy import select

from jobs import journal
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotFound
from jobs.lifecycle import moves
from jobs.rules.states import State
from jobs.tables import Job


def cancel(caller: Caller, job_id: uuid.UUID | None) -> Job:
    """Cancel a job: at once when it waits or is at the upstream, which is asked to stop it and may be late.

    A running one is told through its lease, and confirmed when it is dead.

    Asking twice changes nothing. Raises NotFound, and Conflict when it has completed or failed already.
    """
    with transaction() as session:
        own = select(Job).where(Job.id == job_id, Job.account_id == caller.account_id, Job.deleted_at.is_(None))
        job = session.scalars(own.with_for_update()).one_or_none()
        if job is None:
            raise NotFound("There is no such job.")
        match State(job.status):
            case State.WAITING | State.FORWARDED:
                moves.end(session, job, State.CANCELLED, "job.cancelled")
            case State.RUNNING if job.cancel_requested_at is None:
                job.cancel_requested_at = moves.now(session)
                journal.record(session, job, "job.cancel_requested")
            case State.COMPLETED | State.FAILED:
                raise Conflict(f"The job has {job.status} already; there is nothing left to cancel.")
    return job
