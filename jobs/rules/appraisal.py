"""How an engine stands, and what one job may expect of it: whether it could begin, when, and what it would cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Final

from jobs.rules import costs, estimates
from jobs.rules.breaker import Phase
from jobs.rules.estimates import Pace, Queue

ENGINES: Final = ("gpu", "cloud", "preview")

GUESS: Final = {
    "gpu": Pace(run_seconds=300.0, realtime_factor=30.0),
    "cloud": Pace(run_seconds=180.0, realtime_factor=15.0),
    "preview": Pace(run_seconds=10.0, realtime_factor=1.0),
}
"""What is taken for an engine's pace until it has completed a job."""


@dataclass
class Standing:
    """How one configured engine stands; whoever gives it a job counts that here.

    `workers` are the living processes that serve it, `slots` the jobs they can have under way, `busy` those they have.
    `per_minute` is how many may begin in a minute, `budget_left_usd` what it may still cost; None is no limit.
    """

    workers: int = 0
    slots: int = 0
    busy: int = 0
    waiting: int = 0
    per_minute: int | None = None
    pace: Pace | None = None
    phase: Phase = Phase.CLOSED
    shut_because: str = ""
    paused_because: str = ""
    budget_left_usd: Decimal | None = None


@dataclass(frozen=True)
class Policy:
    """How long a job may have to wait for a GPU before the cloud is worth its money, and whether it ever is."""

    wait_seconds: float = 600.0
    may_overflow: bool = True
    gpu_usd_per_hour: Decimal = Decimal(0)


@dataclass(frozen=True)
class Asked:
    """What is known of a job when its engine is chosen; `price_usd` is the catalog's, which the upstream charges us."""

    wish: str = "auto"
    allowed: frozenset[str] | None = None
    video_seconds: float | None = None
    price_usd: Decimal = Decimal(0)

    def may_use(self, engine: str) -> bool:
        return self.allowed is None or engine in self.allowed


class Trouble(IntEnum):
    """Why nothing new can begin on an engine, the soonest to pass first."""

    NONE = 0
    TRIED = 1
    SHUT = 2
    DESERTED = 3
    PAUSED = 4
    SPENT = 5
    BARRED = 6


@dataclass(frozen=True)
class Option:
    """One engine as it was considered: `wait_seconds` until a job begins and `run_seconds` it takes, where known."""

    engine: str
    sentence: str
    trouble: Trouble = Trouble.NONE
    is_probe: bool = False
    wait_seconds: float | None = None
    run_seconds: float | None = None
    cost_usd: Decimal | None = None

    @property
    def is_ready(self) -> bool:
        return self.trouble is Trouble.NONE


def appraise(engine: str, asked: Asked, standings: Mapping[str, Standing], policy: Policy) -> Option:
    """The engine as it looks to one job; `standings` has those that are configured."""
    if engine not in standings:
        return Option(engine, f"{engine} is not configured here", Trouble.BARRED)
    if not asked.may_use(engine):
        return Option(engine, f"this account may not render on {engine}", Trouble.BARRED)
    return _appraised(engine, standings[engine], asked, policy)


def wait_seconds(engine: str, standing: Standing) -> float:
    """Seconds until a job that is ordered now begins, after all that wait; as long as the engine is not in trouble."""
    pace = standing.pace or GUESS[engine]
    queue = Queue(standing.waiting, max(standing.slots, 1), standing.busy)
    in_line = estimates.starts_in_seconds(queue, pace, 0.0) or 0.0
    in_pace = standing.waiting * 60 / standing.per_minute if standing.per_minute else 0.0
    return max(in_line, in_pace)


def said(seconds: float) -> str:
    """When something begins, for people."""
    if seconds < 1:
        return "at once"
    return f"in about {seconds:.0f} s"


def _appraised(engine: str, standing: Standing, asked: Asked, policy: Policy) -> Option:
    trouble, sentence = _trouble(engine, standing, asked)
    run = estimates.run_seconds(standing.pace or GUESS[engine], asked.video_seconds)
    expected = None if trouble else wait_seconds(engine, standing)
    return Option(
        engine,
        sentence or _as_it_stands(engine, standing, expected or 0.0),
        trouble,
        is_probe=trouble is Trouble.TRIED and standing.waiting + standing.busy == 0,
        wait_seconds=expected,
        run_seconds=run,
        cost_usd=_cost_usd(engine, run, asked, policy),
    )


def _trouble(engine: str, standing: Standing, asked: Asked) -> tuple[Trouble, str]:
    """The trouble that lasts longest, in a sentence."""
    if standing.budget_left_usd is not None and standing.budget_left_usd < asked.price_usd:
        return Trouble.SPENT, f"the budget of {engine} for this month is used up"
    if standing.paused_because:
        return Trouble.PAUSED, f"{engine} is paused: {standing.paused_because}"
    if not standing.workers:
        return Trouble.DESERTED, f"no worker with the {engine} engine is alive"
    if standing.phase is Phase.OPEN:
        return Trouble.SHUT, f"{engine} is shut for a while: {standing.shut_because}"
    if standing.phase is Phase.HALF_OPEN:
        return Trouble.TRIED, f"{engine} was shut and is tried again, one job at a time"
    return Trouble.NONE, ""


def _as_it_stands(engine: str, standing: Standing, expected_seconds: float) -> str:
    guessed = "" if standing.pace or expected_seconds < 1 else ", a guess, for nothing has been measured yet"
    jobs = "job waits" if standing.waiting == 1 else "jobs wait"
    load = f"{standing.waiting} {jobs}, {standing.busy} of {standing.slots} places are busy"
    return f"on {engine} it would begin {said(expected_seconds)}{guessed}: {load}"


def _cost_usd(engine: str, run_seconds: float, asked: Asked, policy: Policy) -> Decimal:
    """What the job should cost us there."""
    return asked.price_usd if engine == "cloud" else costs.attempt_usd(engine, run_seconds, policy.gpu_usd_per_hour)
