"""How the engines stand, in one query, asked at most once a second by each process however many orders come."""

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, Row, text
from sqlalchemy.orm import Session

from jobs import database, driving, presence, settings, upstream
from jobs.database import transaction
from jobs.rules.appraisal import ENGINES, Standing
from jobs.rules.breaker import Phase
from jobs.rules.estimates import Pace

FRESH_SECONDS = 1.0
_WAITING_MAX = 5_000
_FORWARDED_MAX = 10_000
_MEASURED = 50


@dataclass
class Facts:
    """How every engine stood when the database was asked, and what this process has given to each since then."""

    standings: dict[str, Standing]
    of: Engine
    read_at: float = field(default_factory=time.monotonic)

    def configured(self) -> dict[str, Standing]:
        """How those stand that jobs may be given to here."""
        return {name: self.standings[name] for name in settings.load().engines}

    def note(self, engine: str, price_usd: Decimal) -> None:
        """Count one more job as waiting there, until the database is asked again."""
        standing = self.standings[engine]
        standing.waiting += 1
        if standing.budget_left_usd is not None:
            standing.budget_left_usd -= price_usd

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.read_at < FRESH_SECONDS and self.of is database.engine()


_lock = threading.Lock()
_known: Facts | None = None


def current(session: Session | None = None) -> Facts:
    """What is known, at most a second old; asked in the caller's transaction if there is one. Raises Unavailable."""
    global _known  # noqa: PLW0603 - one answer for the whole process
    known = _known
    if known is not None and known.is_fresh:
        return known
    if session is not None:  # whoever holds a connection must not wait here for one who wants another
        _known = read(session)
        return _known
    with nullcontext() if driving.is_driven() else _lock:  # one asks for all, but no event loop waits for it
        known = _known
        if known is None or not known.is_fresh:
            with transaction() as own:
                known = _known = read(own)
    return known


def forget() -> None:
    """Have the next who asks get an answer of this very moment."""
    global _known  # noqa: PLW0603 - as above
    _known = None


def read(session: Session) -> Facts:
    """Ask the database, in the caller's transaction."""
    keys = upstream.configured() if "cloud" in settings.load().engines else ()
    given = {
        "engines": list(ENGINES),
        "alive_seconds": presence.ALIVE_SECONDS,
        "waiting": _WAITING_MAX,
        "forwarded": _FORWARDED_MAX,
        "measured": _MEASURED,
        "keys": [key.name for key in keys],
    }
    with session.no_autoflush:  # our question must not write a row that is half changed
        rows = session.execute(_STAND, given).all()
    standings = {row.name: _standing(row) for row in rows}
    standings["cloud"] = replace(
        standings["cloud"],
        slots=sum(key.tier.at_once for key in keys),
        per_minute=sum(key.tier.per_minute for key in keys),
    )
    return Facts(standings, database.engine())


# A text: every part is found by an index made for it, and what could be long is counted no further than matters.
_STAND = text("""
    SELECT asked.name, present.workers, present.slots, queue.waiting, queue.price_usd, pace.run_seconds,
        pace.realtime_factor, coalesce(because, '') AS because, paused_at, paused_because, open_until,
        open_until > now() AS is_open,
        CASE WHEN month = CAST(date_trunc('month', now(), 'UTC') AS date) THEN month_usd ELSE 0 END AS month_usd,
        CASE WHEN asked.name = 'cloud' THEN (
            SELECT count(*) FROM (SELECT FROM jobs WHERE status = 'forwarded' LIMIT :forwarded) AS there
        ) ELSE (
            SELECT count(*) FROM jobs WHERE status = 'running' AND worker = ANY(present.names)
        ) END AS busy,
        asked.name = 'cloud' AND cardinality(CAST(:keys AS text[])) = (
            SELECT count(*) FROM upstream_keys AS one WHERE one.name = ANY(:keys) AND closed_until > now()
        ) AS is_refused
    FROM unnest(CAST(:engines AS text[])) AS asked (name)
    LEFT JOIN engines ON engines.name = asked.name
    CROSS JOIN LATERAL (
        SELECT count(*) AS workers, coalesce(sum(slots), 0) AS slots, array_agg(one.name) AS names
        FROM workers AS one
        WHERE seen_at > now() - make_interval(secs => :alive_seconds) AND asked.name = ANY(one.engines)
    ) AS present
    CROSS JOIN LATERAL (
        SELECT count(*) AS waiting, coalesce(sum(price_usd), 0) AS price_usd FROM (
            -- In order, so that it follows the index: an engine for which nothing waits would have every job read.
            SELECT price_usd FROM jobs WHERE status = 'waiting' AND engine = asked.name AND due_at <= now()
            ORDER BY due_at LIMIT :waiting
        ) AS first
    ) AS queue
    CROSS JOIN LATERAL (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY spent) AS run_seconds,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY spent / greatest(video, 0.04)) AS realtime_factor
        FROM (
            SELECT CAST(extract(epoch FROM finished_at - started_at) AS double precision) AS spent,
                CAST(output ->> 'seconds' AS double precision) AS video
            FROM jobs WHERE status = 'completed' AND engine = asked.name ORDER BY finished_at DESC LIMIT :measured
        ) AS latest
    ) AS pace
""")


def _standing(row: Row[*tuple[Any, ...]]) -> Standing:
    phase = Phase.CLOSED if row.open_until is None else Phase.OPEN if row.is_open else Phase.HALF_OPEN
    is_refused = bool(row.is_refused)
    budget_usd = settings.load().cloud_budget_usd
    return Standing(
        workers=row.workers,
        slots=row.slots,
        busy=row.busy,
        waiting=row.waiting,
        pace=None if row.run_seconds is None else Pace(row.run_seconds, row.realtime_factor),
        phase=Phase.OPEN if is_refused else phase,
        shut_because="the upstream refuses every key of ours for now" if is_refused else row.because,
        paused_because=(row.paused_because or "an operator said so") if row.paused_at else "",
        budget_left_usd=budget_usd - row.month_usd - row.price_usd if row.name == "cloud" and budget_usd else None,
    )
