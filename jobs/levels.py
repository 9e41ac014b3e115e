"""How queues, workers and webhooks stand at this moment: numbers, also where there is nothing to count.

One question by indexes made for it, asked at most once in a few seconds by each process, however many look. What could
be long is counted no further than `COUNTED_MAX`.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine, text

from jobs import database, dispatch, presence
from jobs.database import transaction
from jobs.rules.appraisal import ENGINES, GUESS, Standing
from jobs.tables.jobs import IN_LINE, UNPREPARED

FRESH_SECONDS: Final = 3.0
COUNTED_MAX: Final = 100_000
LANES_MAX: Final = 2_000
SILENT_MAX_SECONDS: Final = 3600.0
"""A worker that was not heard of for longer is no news any more."""


@dataclass(frozen=True)
class QueueLevel:
    """One engine's jobs, ages in seconds: `due` could begin now, `later` are held back or wait for their next try.

    `unprepared` is what of the due ones a worker could begin: at the cloud the rest waits for its turn at the upstream.
    `oldest_due_seconds` is how long the one that has been due longest waits; the others say how long jobs are there.
    """

    due: int = 0
    unprepared: int = 0
    later: int = 0
    running: int = 0
    forwarded: int = 0
    oldest_due_seconds: float = 0.0
    oldest_running_seconds: float = 0.0
    oldest_forwarded_seconds: float = 0.0


@dataclass(frozen=True)
class Levels:
    """All of it.

    `silent_seconds` is the longest silence among workers heard of lately; None where there are none.
    `webhooks_late_seconds` is how long the delivery waits that has been due longest, of receivers that take anything;
    `chores` says how many seconds ago each came to its end.
    """

    queues: Mapping[str, QueueLevel]
    standings: Mapping[str, Standing]
    slots: int
    busy: int
    silent_seconds: float | None
    gpu_used_bytes: int
    webhooks_owed: int
    webhooks_late_seconds: float
    chores: Mapping[str, float]
    of: Engine
    read_at: float = field(default_factory=time.monotonic)

    def seconds_of_work(self, engine: str) -> float:
        """How long one slot would take for all that is due, by the pace that was measured; a guess before that."""
        pace = self.standings[engine].pace or GUESS[engine]
        return self.queues[engine].due * pace.run_seconds

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.read_at < FRESH_SECONDS and self.of is database.engine()


_lock = threading.Lock()
_known: Levels | None = None


def current() -> Levels:
    """What is known, a few seconds old at most. Raises Unavailable."""
    global _known  # noqa: PLW0603 - one answer for the whole process
    with _lock:  # one asks for all
        known = _known
        if known is None or not known.is_fresh:
            known = _known = _read()
    return known


def forget() -> None:
    """Have the next who asks get an answer of this very moment."""
    global _known  # noqa: PLW0603 - as above
    _known = None
    dispatch.forget()


def _read() -> Levels:
    with transaction() as session:
        queues = session.execute(_QUEUES, {"engines": list(ENGINES), "most": COUNTED_MAX}).all()
        staff = session.execute(
            _STAFF, {"alive_seconds": presence.ALIVE_SECONDS, "silent_max_seconds": SILENT_MAX_SECONDS}
        ).one()
        chores = session.execute(_CHORES).all()
        webhooks = session.execute(_WEBHOOKS, {"most": COUNTED_MAX, "lanes": LANES_MAX}).one()
        standings = dispatch.current(session).standings
    return Levels(
        queues={row.name: QueueLevel(*row[1:]) for row in queues},
        standings=standings,
        slots=staff.slots,
        busy=staff.busy,
        silent_seconds=staff.silent_seconds,
        gpu_used_bytes=staff.gpu_used_bytes,
        webhooks_owed=webhooks.owed,
        webhooks_late_seconds=webhooks.late_seconds or 0.0,
        chores={row.name: row.seconds for row in chores},
        of=database.engine(),
    )


_QUEUES = text(f"""
    SELECT asked.name, due.jobs, CASE asked.name WHEN 'cloud' THEN unprepared.jobs ELSE due.jobs END,
        later.jobs, running.jobs, forwarded.jobs,
        CAST(coalesce(extract(epoch FROM now() - first.due_at), 0) AS double precision),
        CAST(coalesce(extract(epoch FROM now() - running.since), 0) AS double precision),
        CAST(coalesce(extract(epoch FROM now() - forwarded.since), 0) AS double precision)
    FROM unnest(CAST(:engines AS text[])) AS asked (name)
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM jobs WHERE status = 'waiting' AND engine = asked.name AND due_at <= now() LIMIT :most
        ) AS found
    ) AS due
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM jobs
            WHERE asked.name = 'cloud' AND engine = asked.name AND {IN_LINE} AND {UNPREPARED} AND due_at <= now()
            LIMIT :most
        ) AS found
    ) AS unprepared
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM (
            SELECT FROM jobs WHERE status = 'waiting' AND engine = asked.name AND due_at > now() LIMIT :most
        ) AS found
    ) AS later
    LEFT JOIN LATERAL (
        SELECT due_at FROM jobs WHERE status = 'waiting' AND engine = asked.name AND due_at <= now()
        ORDER BY due_at LIMIT 1
    ) AS first ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs, min(started_at) AS since FROM jobs WHERE status = 'running' AND engine = asked.name
    ) AS running
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs, min(started_at) AS since FROM (
            SELECT started_at FROM jobs WHERE status = 'forwarded' AND engine = asked.name LIMIT :most
        ) AS found
    ) AS forwarded
""")  # noqa: S608 - the two conditions are constants of ours

_STAFF = text("""
    WITH heard AS (
        SELECT name, slots, gpu_used_bytes, extract(epoch FROM now() - seen_at) AS silent_seconds,
            seen_at > now() - make_interval(secs => :alive_seconds) AS is_alive
        FROM workers WHERE seen_at > now() - make_interval(secs => :silent_max_seconds)
    )
    SELECT coalesce(sum(slots) FILTER (WHERE is_alive), 0) AS slots,
        CAST(coalesce(sum(gpu_used_bytes) FILTER (WHERE is_alive), 0) AS bigint) AS gpu_used_bytes,
        CAST(max(silent_seconds) AS double precision) AS silent_seconds,
        (
            SELECT count(*) FROM jobs
            WHERE status = 'running' AND worker IN (SELECT name FROM heard WHERE is_alive)
        ) AS busy
    FROM heard
""")

_CHORES = text("""
    SELECT name, CAST(extract(epoch FROM now() - ran_at) AS double precision) AS seconds FROM chores
    WHERE ran_at IS NOT NULL ORDER BY name
""")

# From lane to lane on one index, as couriers walk; a receiver that is shut, paused or gone is waited for on purpose.
_WEBHOOKS = text("""
    WITH RECURSIVE lanes (lane, number) AS (
        (SELECT lane, 1 FROM deliveries WHERE status = 'owed' ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT lane FROM deliveries WHERE status = 'owed' AND lane > lanes.lane ORDER BY lane LIMIT 1),
            number + 1
        FROM lanes WHERE lanes.lane IS NOT NULL AND number < :lanes
    )
    SELECT (SELECT count(*) FROM (SELECT FROM deliveries WHERE status = 'owed' LIMIT :most) AS found) AS owed,
        (
            SELECT CAST(extract(epoch FROM now() - min(first.due_at)) AS double precision) FROM lanes
            CROSS JOIN LATERAL (
                SELECT due_at FROM deliveries
                WHERE status = 'owed' AND deliveries.lane = lanes.lane AND due_at <= now()
                ORDER BY due_at, id LIMIT 1
            ) AS first
            WHERE NOT EXISTS (SELECT FROM receivers WHERE receivers.lane = lanes.lane AND shut_until > now())
                AND NOT EXISTS (
                    SELECT FROM endpoints WHERE endpoints.id = lanes.lane
                        AND (url IS NULL OR coalesce(paused_at, disabled_at, deleted_at) IS NOT NULL)
                )
        ) AS late_seconds
""")
