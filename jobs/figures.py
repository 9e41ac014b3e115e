"""Gathers every number that monitoring reads, by our own words for them; a few seconds old, however often asked."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from sqlalchemy import Engine

from jobs import counting, database, levels, settings
from jobs.errors import Unavailable
from jobs.levels import Levels, QueueLevel
from jobs.rules.breaker import Phase
from jobs.telemetry.numbers import Figures, Labels, Spread

FRESH_SECONDS: Final = 3.0
_CIRCUIT: Final = {Phase.CLOSED: 0.0, Phase.HALF_OPEN: 1.0, Phase.OPEN: 2.0}

_OfStates = Callable[[QueueLevel], tuple[float, float, float]]
_Known = tuple[float, Engine, Mapping[str, Mapping[Labels, float]]]
_lock = threading.Lock()
_known: _Known | None = None


def gather(requests: Mapping[Labels, Spread]) -> Figures:
    """All there is to say now, with what the front door counted itself; while the database is away, little more."""
    try:
        return Figures(dict(_levels(levels.current())), _counted(), requests)
    except Unavailable:
        return Figures({"database": {(): 0.0}}, {}, requests)


def forget() -> None:
    """Have the next who asks get an answer of this very moment."""
    global _known  # noqa: PLW0603 - one answer for the whole process
    _known = None
    levels.forget()


def _counted() -> Mapping[str, Mapping[Labels, float]]:
    global _known  # noqa: PLW0603 - as above
    with _lock:  # one asks for all
        if _known is None or time.monotonic() - _known[0] >= FRESH_SECONDS or _known[1] is not database.engine():
            _known = (time.monotonic(), database.engine(), counting.counted())
        return _known[2]


def _levels(now: Levels) -> Iterator[tuple[str, Mapping[Labels, float]]]:
    yield "database", {(): 1.0}
    yield "jobs", _by_state(now, lambda queue: (queue.due + queue.later, queue.running, queue.forwarded))
    yield (
        "jobs.oldest",
        _by_state(
            now,
            lambda queue: (queue.oldest_due_seconds, queue.oldest_running_seconds, queue.oldest_forwarded_seconds),
        ),
    )
    yield "workers.slots", {("busy",): float(now.busy), ("free",): float(max(now.slots - now.busy, 0))}
    yield "workers.silent", {} if now.silent_seconds is None else {(): now.silent_seconds}
    yield "workers.gpu", {(): float(now.gpu_used_bytes)}
    configured = {name: now.standings[name] for name in settings.load().engines}
    yield "engine.circuit", {(name,): _CIRCUIT[one.phase] for name, one in configured.items()}
    yield "engine.paused", {(name,): float(bool(one.paused_because)) for name, one in configured.items()}
    budget_usd, left_usd = settings.load().cloud_budget_usd, now.standings["cloud"].budget_left_usd
    yield "budget", {} if left_usd is None else {(): max(float(left_usd / budget_usd), 0.0)}
    yield "webhooks.owed", {(): float(now.webhooks_owed)}
    yield "webhooks.late", {(): now.webhooks_late_seconds}
    yield "chores", {(name,): seconds for name, seconds in now.chores.items()}


def _by_state(now: Levels, of: _OfStates) -> dict[Labels, float]:
    states = ("waiting", "running", "forwarded")
    return {
        (state, name): float(value)
        for name, queue in now.queues.items()
        for state, value in zip(states, of(queue), strict=True)
    }
