"""Draws a run from a seed: what is asked when, and which fault strikes whom when; the same seed gives the same run."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["fresh", "unusable", "late", "rerun", "repeat", "other body", "refused", "cancel", "delete", "batch"]
Engine = Literal["gpu", "cloud", "preview"]

MAKES_A_JOB: dict[Kind, float] = {"fresh": 0.5, "rerun": 0.35, "unusable": 0.08, "late": 0.07}
"""What share of the jobs is of each kind; `late` is given less time than it may need."""

BESIDES: dict[Kind, float] = {
    "repeat": 0.08,
    "cancel": 0.12,
    "other body": 0.03,
    "refused": 0.03,
    "delete": 0.05,
    "batch": 0.04,
}
"""Requests that make no job of their own, as a share of the jobs; a batch makes one of each of its lines."""

BATCH_LINES = 3

OF_ANOTHER: frozenset[Kind] = frozenset({"rerun", "repeat", "other body", "cancel", "delete"})

VOICES_SECONDS = (0.2, 0.5, 1.2)
"""The longest costs more than is held for a job whose media nobody has read."""

CANCELLED_WITHIN_SECONDS = 4.0
PAYERS = 2
BATCH_PAYER = PAYERS
"""Batches have an account of their own: where others submit all the time, several at once never find room."""
TIGHT_SHARE = 0.4
"""How much of the stream the first account orders: the one that may have only one job at once."""

RECENT_SHARE = 0.8
PRICED_SHARE = 0.8
"""How much of it is rendered for money; previews are free."""

MENU: tuple[tuple[str, str], ...] = (
    *((who, how) for who in ("door", "timetable") for how in ("kill", "freeze")),
    *((who, how) for who in ("worker", "rendering") for how in ("kill", "freeze", "kill", "freeze")),
    *(("broker", how) for how in ("kill", "freeze", "gone", "flush")),
    *(("database", how) for how in ("kill", "freeze", "gone", "restart", "cut")),
    *(("bucket", how) for how in ("kill", "failing", "slow", "cutting")),
)
"""Who is struck, and how: those who hold jobs twice as often.

`gone` is killed and not started again for a while; `cut` ends one open connection.
"""


@dataclass(frozen=True)
class Ask:
    """One request of a caller; `of` is the earlier one it is about."""

    number: int
    at_seconds: float
    kind: Kind
    of: int | None
    voice_seconds: float
    is_inline: bool
    door: int
    payer: int
    engine: Engine


@dataclass(frozen=True)
class Fault:
    """One blow; `which` picks among several of a kind, `lasts_seconds` is for those that end."""

    at_seconds: float
    who: str
    how: str
    which: int
    lasts_seconds: float

    @property
    def name(self) -> str:
        return f"{self.who} {self.how}"


@dataclass(frozen=True)
class Plan:
    seed: int
    asks: tuple[Ask, ...]
    faults: tuple[Fault, ...]

    @property
    def jobs(self) -> int:
        return sum(ask.kind in MAKES_A_JOB for ask in self.asks)


def draw(seed: int, *, jobs: int, faults: int, minutes: float) -> Plan:
    """A run of so many jobs and faults, spread over so many minutes; it knows nothing of the machine it runs on."""
    chance = random.Random(seed)  # noqa: S311 - the seed is the point
    asks = tuple(_asks(chance, jobs, 60 * minutes))
    return Plan(seed, asks, tuple(_faults(chance, faults, 60 * minutes)))


def _asks(chance: random.Random, jobs: int, seconds: float) -> Iterator[Ask]:
    """Cancels follow close upon what they cancel; the other requests about a job come at any time after it."""
    kinds = _kinds(chance, jobs)
    instants = sorted(chance.uniform(0, seconds) for _ in kinds)
    fresh: list[Ask] = []
    for number, (kind, instant) in enumerate(zip(kinds, instants, strict=True)):
        of = _earlier(chance, fresh) if kind in OF_ANOTHER else None
        if of is not None and kind == "cancel":
            instant = of.at_seconds + chance.uniform(0, CANCELLED_WITHIN_SECONDS)  # noqa: PLW2901 - this one comes sooner
        ask = Ask(
            number=number,
            at_seconds=instant,
            kind=kind,
            of=None if of is None else of.number,
            voice_seconds=chance.choice(VOICES_SECONDS),
            is_inline=chance.random() < 0.5,
            door=chance.randrange(2),
            payer=_payer(chance, kind) if of is None else of.payer,
            engine="gpu" if chance.random() < PRICED_SHARE else "preview",
        )
        fresh += [ask] if kind == "fresh" else []
        yield ask


def _earlier(chance: random.Random, fresh: list[Ask]) -> Ask:
    """One of the latest, mostly: older ones may be gone by the time they are asked about."""
    return chance.choice(fresh[-max(1, len(fresh) // 4) :] if chance.random() < RECENT_SHARE else fresh)


def _payer(chance: random.Random, kind: Kind) -> int:
    drawn = 0 if chance.random() < TIGHT_SHARE else 1
    return BATCH_PAYER if kind == "batch" else drawn


def _kinds(chance: random.Random, jobs: int) -> list[Kind]:
    """Every kind in its share, in any order, but a fresh job first, for the others are about one."""
    others: list[Kind] = [
        kind for kind, share in MAKES_A_JOB.items() if kind != "fresh" for _ in range(round(share * jobs))
    ]
    besides: list[Kind] = [kind for kind, share in BESIDES.items() for _ in range(max(1, round(share * jobs)))]
    fresh: list[Kind] = ["fresh"] * (jobs - len(others))
    kinds = [*fresh[1:], *others, *besides]
    chance.shuffle(kinds)
    return ["fresh", *kinds]


def _faults(chance: random.Random, count: int, seconds: float) -> Iterator[Fault]:
    """The whole menu in any order, then again: no kind of blow is left out."""
    dishes: list[tuple[str, str]] = []
    while len(dishes) < count:
        dishes += chance.sample(MENU, len(MENU))
    instants = sorted(chance.uniform(0.02 * seconds, 0.95 * seconds) for _ in range(count))
    for at_seconds, (who, how) in zip(instants, dishes, strict=False):
        yield Fault(at_seconds, who, how, chance.randrange(2), round(chance.uniform(0.5, 8.0), 1))
