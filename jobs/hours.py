"""Counts what happened in each hour, so that nobody who looks at figures counts jobs; each hour is one transaction.

An hour is counted anew as long as it may still change: while it lasts, some time after it for transactions that began
in it, and once more when the upstream's bill has said its last word on what its jobs cost.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.lifecycle.costing import REFUND_DAYS
from jobs.rules import moments
from jobs.tables import CountedHour, EngineHour, FinishedHour

HOUR: Final = timedelta(hours=1)
_YOUNG: Final = 2 * HOUR
"""So long after its beginning an hour is counted again and again: no transaction of ours lasts an hour."""
_SETTLED: Final = timedelta(days=REFUND_DAYS + 1)
"""So long after its beginning nothing about its money changes any more."""


def count_due() -> int:
    """Count every hour that may have changed since it was last counted; how many of them had never been."""
    with transaction() as session:
        now = session.execute(select(func.now())).scalar_one()
        changing, new = _changing(session, now), _uncounted(session, now)
    for hour in (*changing, *new):
        count(hour)
    return len(new)


def count(hour: datetime) -> None:
    """Count one hour, whatever was counted of it before. Two who do so at once wait for each other."""
    within = {"hour": hour, "end": hour + HOUR, "first": moments.first_id(hour), "last": moments.first_id(hour + HOUR)}
    row = insert(CountedHour).values(hour=hour, counted_at=func.now())
    with transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '5min'"))
        session.execute(row.on_conflict_do_update(index_elements=["hour"], set_={"counted_at": func.now()}))
        for table, counting in ((FinishedHour, _COUNT_FINISHED), (EngineHour, _COUNT_ENGINES)):
            session.execute(delete(table).where(table.hour == hour))
            session.execute(counting, within)


def _changing(session: Session, now: datetime) -> list[datetime]:
    """Hours that were counted before all was said about them."""
    is_young = CountedHour.counted_at < CountedHour.hour + _YOUNG
    is_settled = (CountedHour.counted_at < CountedHour.hour + _SETTLED) & (CountedHour.hour + _SETTLED <= now)
    found = select(CountedHour.hour).where(CountedHour.hour >= now - 2 * _SETTLED, is_young | is_settled)
    return list(session.scalars(found.order_by(CountedHour.hour)))


def _uncounted(session: Session, now: datetime) -> list[datetime]:
    """Hours that nobody has counted yet: since the last that was, or since the oldest job there is."""
    last: datetime | None = session.scalars(select(func.max(CountedHour.hour))).one()
    hour = last + HOUR if last is not None else session.scalars(_OLDEST).one() or now
    hour = hour.replace(minute=0, second=0, microsecond=0)
    return [hour + number * HOUR for number in range(int((now - hour) / HOUR) + 1)] if hour <= now else []


_OLDEST: Final = text("""
    SELECT least((SELECT created_at FROM jobs ORDER BY id LIMIT 1),
        (SELECT created_at FROM archived_jobs ORDER BY id LIMIT 1))
""")

# Those whose objects are still there are found by when they finished; those on their way out are few.
_ENDED: Final = """
    SELECT account_id, model, engine, status, error_class, price_usd, cost_usd,
        CAST(output ->> 'seconds' AS double precision) AS video_seconds, created_at, started_at, finished_at
    FROM jobs WHERE objects_removed_at IS NULL AND finished_at >= :hour AND finished_at < :end
    UNION ALL
    SELECT account_id, model, engine, status, error_class, price_usd, cost_usd,
        CAST(output ->> 'seconds' AS double precision), created_at, started_at, finished_at
    FROM jobs WHERE objects_removed_at IS NOT NULL AND finished_at >= :hour AND finished_at < :end
    UNION ALL
    SELECT account_id, model, engine, status, error_class, price_usd, cost_usd,
        video_seconds, created_at, started_at, finished_at
    FROM archived_jobs WHERE finished_at >= :hour AND finished_at < :end
"""

_COUNT_FINISHED: Final = text(f"""
    INSERT INTO finished_hours (hour, account_id, model, engine, status, error_class, jobs, price_usd, cost_usd,
        video_seconds, run_seconds)
    SELECT :hour, account_id, model, engine, status, coalesce(error_class, ''), count(*), sum(price_usd), sum(cost_usd),
        coalesce(sum(video_seconds), 0), coalesce(extract(epoch FROM sum(finished_at - started_at)), 0)
    FROM ({_ENDED}) AS ended
    GROUP BY account_id, model, engine, status, coalesce(error_class, '')
""")  # noqa: S608 - our own words

_COUNT_ENGINES: Final = text(f"""
    INSERT INTO engine_hours (hour, engine, accepted, wait_p50_seconds, wait_p95_seconds, run_p50_seconds,
        run_p95_seconds)
    SELECT :hour, engine, coalesce(accepted, 0), wait[1], wait[2], run[1], run[2]
    FROM (
        SELECT engine, count(*) AS accepted FROM (
            SELECT engine FROM jobs WHERE id >= :first AND id < :last
            UNION ALL SELECT engine FROM archived_jobs WHERE id >= :first AND id < :last
        ) AS came GROUP BY engine
    ) AS given
    FULL JOIN (
        SELECT engine, percentile_cont(CAST('{{0.5, 0.95}}' AS float[])) WITHIN GROUP (ORDER BY wait_seconds) AS wait,
            percentile_cont(CAST('{{0.5, 0.95}}' AS float[])) WITHIN GROUP (ORDER BY run_seconds) AS run
        FROM (
            SELECT engine, CAST(extract(epoch FROM started_at - created_at) AS float) AS wait_seconds,
                CAST(extract(epoch FROM finished_at - started_at) AS float) AS run_seconds
            FROM ({_ENDED}) AS ended WHERE status = 'completed'
        ) AS timed GROUP BY engine
    ) AS paced USING (engine)
""")  # noqa: S608 - our own words
