"""Uploads and names whose time is over."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, func, select, tuple_

from jobs import settings
from jobs.database import transaction
from jobs.tables import IdempotencyKey, Upload

BATCH = 100


def expired_uploads(besides: Collection[uuid.UUID] = ()) -> list[Upload]:
    """Uploads nobody needs: kept as long after their link's end as a job may take that was submitted with it."""
    oldest_kept = func.now() - timedelta(seconds=settings.load().total_seconds)
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
