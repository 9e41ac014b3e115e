"""Batches that have been kept long enough, and names of batches that are free again."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import delete, func, select

from jobs import settings
from jobs.database import transaction
from jobs.tables import Batch

STEP = 100


def over(besides: Collection[uuid.UUID] = ()) -> list[Batch]:
    """Batches that nobody need see any more: final for as long as a job is kept; a few at a time."""
    kept = func.now() - timedelta(days=settings.load().keep_videos_days)
    with transaction() as session:
        wanted = select(Batch).where(Batch.finished_at < kept, Batch.id.not_in(besides))
        return list(session.scalars(wanted.order_by(Batch.finished_at).limit(STEP)))


def forget(batch_ids: Collection[uuid.UUID]) -> int:
    """Forget batches whose files are gone; how many there were. Their jobs stay as long as jobs do."""
    with transaction() as session:
        gone = delete(Batch).where(Batch.id.in_(batch_ids), Batch.finished_at.is_not(None)).returning(Batch.id)
        return len(session.scalars(gone).all())
