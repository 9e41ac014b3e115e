"""When an engine is shut because what it is given fails, and when it is tried again: one job at a time.

Distinct jobs are counted, so that one job that cannot be rendered shuts nothing, however often it is tried.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from jobs.rules.retries import PROFILE_MAX

FAULTS: Final[dict[str, frozenset[str]]] = {
    "gpu": frozenset({"engine", "out_of_memory", "worker_lost"}),
    "cloud": frozenset({"provider_away", "provider_failed"}),
}
"""What speaks against each engine that can be shut; nothing takes the place of a preview, so that it cannot."""

FAILURES_MAX: Final = 5
FIRST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_SECONDS: Final = 600.0


class Phase(StrEnum):
    """Closed lets everything through, open nothing, half-open one job at a time."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Breaker:
    """What is remembered of an engine since it last rendered a job well."""

    failing: tuple[uuid.UUID, ...] = ()
    trips: int = 0
    open_until: datetime | None = None

    def phase(self, now: datetime) -> Phase:
        if self.open_until is None:
            return Phase.CLOSED
        return Phase.OPEN if now < self.open_until else Phase.HALF_OPEN


def blames(engine: str, error_class: str, *, permanent: bool = False, profile: int = 0) -> bool:
    """Whether an attempt that ended so speaks against the engine, and not against the job or somebody else.

    What would fail again whoever renders it is the job's fault; out of memory is the engine's only with the smallest
    profile.
    """
    is_only_tight = error_class == "out_of_memory" and profile < PROFILE_MAX
    return error_class in FAULTS.get(engine, ()) and not permanent and not is_only_tight


def after_failure(breaker: Breaker, job_id: uuid.UUID, now: datetime) -> Breaker:
    """What is remembered once `job_id` has failed for the engine's fault."""
    match breaker.phase(now):
        case Phase.OPEN:
            return breaker  # it had begun before
        case Phase.HALF_OPEN:
            return _shut(breaker.failing, breaker.trips + 1, now)
    failing = breaker.failing if job_id in breaker.failing else (*breaker.failing, job_id)
    return _shut(failing, 1, now) if len(failing) >= FAILURES_MAX else Breaker(failing)


def pause_seconds(trips: int) -> float:
    """How long an engine stays shut that was shut `trips` times in a row: twice as long each time."""
    return float(min(FIRST_PAUSE_SECONDS * 2.0 ** min(trips - 1, 20), LONGEST_PAUSE_SECONDS))


def _shut(failing: tuple[uuid.UUID, ...], trips: int, now: datetime) -> Breaker:
    return Breaker(failing, trips, now + timedelta(seconds=pause_seconds(trips)))
