"""Draws a run from a seed: what is ordered when, who is killed when, how the upstream is given jobs and heard of."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tests.story.chaos.plan import MAKES_A_JOB, VOICES_SECONDS, Ask, Kind

PAYERS: Final = 3
CREW: Final = ("door", "timetable", "timetable", "worker 0", "timetable", "worker 1")
"""Who is killed, in turns: the timetable most often, for it holds what is being sent."""

FRESH_SHARE: Final = 0.25
"""The others are ordered anew after it, with the files that are regular by then."""
_CANCELLED_SHARE: Final = 0.12
_REPEATED_SHARE: Final = 0.04
_CANCELLED_WITHIN_SECONDS: Final = 8.0
_INLINE_SHARE: Final = 0.7

RATES: Final = {
    "never_ends": 0.012,
    "ends_badly": 0.06,
    "reply_hangs": 0.012,
    "output_missing": 0.015,
    "output_truncated": 0.008,
}
"""Faults of the upstream that cost more time than others; every other switch has the usual rate."""
USUAL_RATE: Final = 0.03


@dataclass(frozen=True)
class Kill:
    at_seconds: float
    who: str


@dataclass(frozen=True)
class Plan:
    """`blackout_at_seconds` is when the upstream takes jobs and answers nothing else; 0 is never."""

    seed: int
    seconds: float
    asks: tuple[Ask, ...]
    kills: tuple[Kill, ...]
    has_callbacks: bool
    inputs: Literal["links", "uploads"]
    run_seconds: int
    blackout_at_seconds: float

    @property
    def jobs(self) -> int:
        return sum(ask.kind in MAKES_A_JOB for ask in self.asks)


def draw(seed: int, *, jobs: int, kills: int, seconds: float) -> Plan:
    """A run of so many jobs and kills within so many seconds; it knows nothing of the machine it runs on."""
    chance = random.Random(seed)  # noqa: S311 - the seed is the point
    is_long = seconds >= 60
    instants = sorted(chance.uniform(0.05 * seconds, seconds) for _ in range(kills))
    return Plan(
        seed=seed,
        seconds=seconds,
        asks=tuple(_asks(chance, jobs, seconds)),
        kills=tuple(Kill(instant, CREW[number % len(CREW)]) for number, instant in enumerate(instants, 1)),
        has_callbacks=seed % 2 == 1,
        inputs="uploads" if seed // 2 % 2 else "links",
        run_seconds=150 if is_long else 25,
        blackout_at_seconds=chance.uniform(0.3, 0.7) * seconds if is_long else 0.0,
    )


def _asks(chance: random.Random, jobs: int, seconds: float) -> Iterator[Ask]:
    """Fresh jobs in the first half, re-runs of them until the end, and what is asked about either."""
    made: list[Ask] = []
    fresh = max(1, round(FRESH_SHARE * jobs))
    for number in range(jobs):
        of = chance.choice(made[:fresh]) if number >= fresh else None
        earliest = 0.0 if of is None else of.at_seconds + 0.3 * (seconds - of.at_seconds)
        at_seconds = chance.uniform(earliest, seconds / 2 if of is None else seconds)
        made.append(_ask(chance, number, "rerun" if of else "fresh", of, at_seconds))
    yield from made
    for number in range(jobs, jobs + round(_CANCELLED_SHARE * jobs)):
        of = chance.choice(made)
        yield _ask(chance, number, "cancel", of, of.at_seconds + chance.uniform(0, _CANCELLED_WITHIN_SECONDS))
    already = jobs + round(_CANCELLED_SHARE * jobs)
    for number in range(already, already + round(_REPEATED_SHARE * jobs)):
        of = chance.choice(made[:fresh])
        yield _ask(chance, number, "repeat", of, chance.uniform(of.at_seconds, seconds))


def _ask(chance: random.Random, number: int, kind: Kind, of: Ask | None, at_seconds: float) -> Ask:
    return Ask(
        number=number,
        at_seconds=at_seconds,
        kind=kind,
        of=None if of is None else of.number,
        voice_seconds=chance.choice(VOICES_SECONDS),
        is_inline=chance.random() < _INLINE_SHARE,
        door=0,
        payer=chance.randrange(PAYERS) if of is None else of.payer,
        engine="cloud",
    )
