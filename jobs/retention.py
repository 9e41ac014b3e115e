"""What has been kept long enough or was deleted, and the note that it is gone; never touches the bucket itself."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, func, select, tuple_, update

from jobs import journal, settings
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.states import FINAL
from jobs.tables import Attachment, IdempotencyKey, Job, Upload

BATCH = 100


def delete_jobs(caller: Caller, job_ids: Collection[uuid.UUID]) -> int:
    """Hide these of the caller's jobs from everybody, at once and for good; how many there were.

    Only final ones: what is unfinished stays as it is, so that no id sent by mistake ends a job that is being rendered.
    Their objects are removed with those that have been kept long enough.
    """
    final = select(Job).where(Job.id.in_(job_ids), Job.account_id == caller.account_id, Job.status.in_(FINAL))
    with transaction() as session:
        # In one order, so that two who delete the same jobs never wait for each other.
        found = session.scalars(final.where(Job.deleted_at.is_(None)).order_by(Job.id).with_for_update()).all()
        for job in found:
            job.deleted_at = func.now()
            journal.record(session, job, "job.deleted")
    return len(found)


def expired_jobs(besides: Collection[uuid.UUID] = ()) -> list[Job]:
    """Finished jobs kept long enough, or deleted by their owner, whose objects are still there; without `besides`."""
    oldest_kept = func.now() - timedelta(days=settings.load().keep_videos_days)
    with transaction() as session:
        return list(
            session.scalars(
                select(Job)
                .where(Job.objects_removed_at.is_(None), Job.id.not_in(besides))
                .where((Job.finished_at < oldest_kept) | Job.deleted_at.is_not(None))
                .order_by(Job.finished_at)
                .limit(BATCH)
            )
        )


def mark_removed(job_ids: Collection[uuid.UUID]) -> None:
    """Note that the objects of these jobs are gone, and forget media that came inside their requests."""
    with transaction() as session:
        session.execute(delete(Attachment).where(Attachment.job_id.in_(job_ids)))
        session.execute(update(Job).where(Job.id.in_(job_ids)).values(objects_removed_at=func.now()))


def expired_uploads(besides: Collection[uuid.UUID] = ()) -> list[Upload]:
    """Uploads nobody needs: kept as long after their link's end as a job may wait that was submitted with it."""
    oldest_kept = func.now() - timedelta(seconds=settings.load().wait_seconds)
    with transaction() as session:
        wanted = select(Upload).where(Upload.expires_at < oldest_kept, Upload.id.not_in(besides))
        return list(session.scalars(wanted.order_by(Upload.expires_at).limit(BATCH)))


def forget_uploads(upload_ids: Collection[uuid.UUID]) -> None:
    with transaction() as session:
        session.execute(delete(Upload).where(Upload.id.in_(upload_ids)))


def forget_idempotency_keys() -> int:
    """Free the names whose time is over, a batch at a time; how many there were."""
    name = (IdempotencyKey.account_id, IdempotencyKey.key)
    over = select(*name).where(IdempotencyKey.expires_at < func.now()).limit(10 * BATCH)
    with transaction() as session:
        gone = session.execute(delete(IdempotencyKey).where(tuple_(*name).in_(over)).returning(IdempotencyKey.job_id))
        return len(gone.all())
