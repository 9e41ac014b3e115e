"""What has been kept long enough, and the note that it is gone; never touches the bucket itself."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, func, select, tuple_, update

from jobs import settings
from jobs.database import transaction
from jobs.tables import Attachment, IdempotencyKey, Job, Upload

BATCH = 100


def expired_jobs(besides: Collection[uuid.UUID] = ()) -> list[Job]:
    """Finished jobs whose videos and stored inputs have been kept long enough, the oldest first, without `besides`."""
    oldest_kept = func.now() - timedelta(days=settings.load().keep_videos_days)
    with transaction() as session:
        return list(
            session.scalars(
                select(Job)
                .where(Job.objects_removed_at.is_(None), Job.finished_at < oldest_kept, Job.id.not_in(besides))
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
