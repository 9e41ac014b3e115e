"""The way of a finished job into the archive: it is let go, its objects leave the bucket, its row follows them.

Each step may be cut off anywhere, done twice, or done by many at once: the row goes last, so that whatever is still in
the bucket is still in the book.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from jobs import settings
from jobs.database import transaction
from jobs.rules import deliveries
from jobs.rules.deliveries import Status
from jobs.tables import ArchivedJob, Batch, Delivery, Endpoint, Event, Job

BATCH = 100

_LENT = text("""
    SELECT DISTINCT CAST(split_part(file ->> 'key', '/', 3) AS uuid), file ->> 'key'
    FROM jobs, jsonb_path_query(media, '$.*') AS file
    WHERE rerun_of IS NOT NULL AND media IS NOT NULL AND finished_at IS NULL
""")
"""Jobs and the files of theirs that an unfinished re-run may still begin with; its own among them do no harm."""

_COPY_JOBS = text("""
    INSERT INTO archived_jobs (id, account_id, key_id, rerun_of, batch_id, model, engine, status, error_code,
        error_class, price_usd, cost_usd, attempt, fence, workers_lost, inference_ms, video_seconds, created_at,
        started_at, finished_at, deleted_at)
    SELECT id, account_id, key_id, rerun_of, batch_id, model, engine, status, error_code, error_class,
        price_usd, cost_usd, attempt, fence, workers_lost, inference_ms, CAST(output ->> 'seconds' AS double precision),
        created_at, started_at, finished_at, deleted_at
    FROM jobs WHERE id = ANY(:ids)
""")

# The words of an error may quote what a caller wrote; a number cannot, nor can these names.
_COPY_EVENTS = text("""
    INSERT INTO archived_events (job_id, id, account_id, kind, at, status, attempt, fence, detail)
    SELECT job_id, id, account_id, kind, at, status, attempt, fence, (
        SELECT coalesce(jsonb_object_agg(name, fact), '{}') FROM jsonb_each(detail) AS facts (name, fact)
        WHERE jsonb_typeof(fact) IN ('number', 'boolean') OR name IN ('worker', 'error_class'))
    FROM events WHERE job_id = ANY(:ids)
""")


class Leaving(NamedTuple):
    """A job whose objects may be removed now, but for the keys `lent` to unfinished re-runs: those hold its row too."""

    job: Job
    lent: Collection[str]


def let_go() -> int:
    """Show nobody any more the media of jobs kept long enough or deleted, a batch at a time; how many jobs that were.

    A webhook that is still tried must find the video it tells of: its job stays as long as it may be tried, or
    its endpoint paused, at most.
    A batch tells of all of its jobs as it ends, and its failed ones may be ordered once more: they stay as long as it.
    """
    oldest_kept = func.now() - timedelta(days=settings.load().keep_videos_days)
    is_kept_long_enough = (Job.finished_at < oldest_kept) & ~_is_to_be_told() & ~_is_of_a_kept_batch(oldest_kept)
    return _let_go(is_kept_long_enough, Job.finished_at) + _let_go(Job.deleted_at.is_not(None), Job.deleted_at)


def leaving() -> Iterator[list[Leaving]]:
    """The jobs whose objects may be removed now, a batch at a time.

    They were let go so long ago that nobody who saw them before is still about to repeat them.
    """
    with transaction() as session:
        let_go_by = session.execute(select(func.now() - timedelta(seconds=settings.load().lease_seconds))).scalar_one()
        lent: dict[uuid.UUID, set[str]] = defaultdict(set)
        for job_id, key in session.execute(_LENT):
            lent[job_id].add(key)
    batch = _leaving(let_go_by, None)
    while batch:
        yield [Leaving(job, lent.get(job.id, ())) for job in batch]
        batch = _leaving(let_go_by, batch[-1].id)


def archive(job_ids: Collection[uuid.UUID]) -> int:
    """Move these jobs and their events, whose objects are gone, into the archive; how many it were.

    One that somebody else is just moving or deleting is passed over.
    """
    ours = select(Job.id).where(Job.id.in_(job_ids), Job.objects_removed_at.is_not(None))
    with transaction() as session:
        # First the locks: what is read after them has everything that others did to these jobs.
        found = session.scalars(ours.order_by(Job.id).with_for_update(skip_locked=True)).all()
        for copy in (_COPY_JOBS, _COPY_EVENTS):
            session.execute(copy, {"ids": found})
        session.execute(delete(Event).where(Event.job_id.in_(found)))
        session.execute(delete(Job).where(Job.id.in_(found)))
    return len(found)


def archived(job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these jobs are in the archive."""
    with transaction() as session:
        return set(session.scalars(select(ArchivedJob.id).where(ArchivedJob.id.in_(job_ids))))


def final(job_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these jobs are final, and not yet in the archive."""
    with transaction() as session:
        return set(session.scalars(select(Job.id).where(Job.id.in_(job_ids), Job.finished_at.is_not(None))))


def _is_to_be_told() -> ColumnElement[bool]:
    """Whether it is owed to somebody, no longer than it may be: to a paused endpoint, as long as the log is kept."""
    is_paused = exists().where(Endpoint.id == Delivery.endpoint_id, Endpoint.paused_at.is_not(None))
    is_tried = Delivery.owed_since > func.now() - timedelta(days=deliveries.OWED_MAX_DAYS)
    is_kept = Delivery.owed_since > func.now() - timedelta(days=settings.load().keep_deliveries_days)
    owed = select(Delivery.id).where(Delivery.job_id == Job.id, Delivery.status == Status.OWED)
    return owed.where(is_tried | (is_kept & is_paused)).exists()


def _is_of_a_kept_batch(oldest_kept: ColumnElement[datetime]) -> ColumnElement[bool]:
    # No join: these few are read once, however many jobs of theirs are passed over.
    kept = select(Batch.id).where(Batch.finished_at.is_(None) | (Batch.finished_at >= oldest_kept))
    return Job.batch_id.is_not(None) & Job.batch_id.in_(kept)


def _let_go(is_over: ColumnElement[bool], since: InstrumentedAttribute[datetime | None]) -> int:
    """Oldest first along the index of `since`; what has to stay is passed over once, however many batches follow."""
    let_go, after = 0, None
    while batch := _let_go_batch(is_over, since, after):
        let_go, after = let_go + len(batch), max(batch)
    return let_go


def _let_go_batch(
    is_over: ColumnElement[bool], since: InstrumentedAttribute[datetime | None], after: datetime | None
) -> list[datetime]:
    """Since when each was over. Money is never held for one that left: whoever settles old accounts needs its row."""
    over = select(Job.id).where(
        is_over, Job.objects_removed_at.is_(None), Job.finished_at.is_not(None), Job.held_usd == 0
    )
    if after is not None:
        over = over.where(since >= after)
    ours = over.order_by(since).limit(BATCH).with_for_update(skip_locked=True)
    with transaction() as session:
        let_go = update(Job).where(Job.id.in_(ours)).values(objects_removed_at=func.now()).returning(since)
        return [moment for moment in session.scalars(let_go) if moment]


def _leaving(let_go_by: datetime, after: uuid.UUID | None) -> list[Job]:
    query = select(Job).where(Job.objects_removed_at < let_go_by, Job.finished_at.is_not(None), Job.held_usd == 0)
    if after is not None:
        query = query.where(Job.id > after)
    with transaction() as session:
        return list(session.scalars(query.order_by(Job.id).limit(BATCH)))
