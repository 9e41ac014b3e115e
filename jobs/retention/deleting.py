"""Deleting jobs on their owner's word."""

import uuid
from collections.abc import Collection

from sqlalchemy import func, select

from jobs import journal
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.states import FINAL
from jobs.tables import Job


def delete_jobs(caller: Caller, job_ids: Collection[uuid.UUID]) -> int:
    """Hide these of the caller's jobs from everybody, at once and for good; how many there were.

    Only final ones: what is unfinished stays as it is, so that no id sent by mistake ends a job that is being rendered.
    They leave for the archive with those that have been kept long enough.
    """
    final = select(Job).where(Job.id.in_(job_ids), Job.account_id == caller.account_id, Job.status.in_(FINAL))
    with transaction() as session:
        # In one order, so that two who delete the same jobs never wait for each other.
        found = session.scalars(final.where(Job.deleted_at.is_(None)).order_by(Job.id).with_for_update()).all()
        for job in found:
            job.deleted_at = func.now()
            journal.record(session, job, "job.deleted")
    return len(found)
