"""Whose turn it is: accounts share a queue by weight, and each orders its own jobs by priority and age.

Every queue has a clock that counts turns, not time: an account's next turn is `1 / weight` after its last, and never
before the queue's present. Whoever has the earliest turn begins a job. So an account of weight 3 begins three jobs for
each one of weight 1, however many either has waiting, and one that was away comes back in the present: it neither finds
what it did not use nor waits for what others did.
"""

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WEIGHT_MAX: Final = 1000

PRIORITY_STEP: Final = timedelta(hours=1)
"""What a step of priority is worth: a job goes before those of its account that came so much earlier."""


@dataclass(frozen=True)
class Stand:
    """How an account stands in a queue: the turn of its last job there, None if it had none, and its jobs in line."""

    account: str
    weight: int = 1
    turn: float | None = None
    waiting: int = 0


def queue_of(engine: str, *, is_prepared: bool) -> str:
    """The queue that a waiting job stands in: its engine's, or the upstream's once its media are regular."""
    return "upstream" if engine == "cloud" and is_prepared else engine


def in_line_since(accepted_at: datetime, priority: int) -> datetime:
    """As of when a job stands in its account's line: whatever waits for long enough goes before what is urgent."""
    return accepted_at - priority * PRIORITY_STEP


def turn_of(stand: Stand, nth: int, now: float) -> float:
    """The turn of the account's job that has `nth` of its own before it, `now` being the queue's present."""
    first = now if stand.turn is None else max(now, stand.turn + 1 / stand.weight)
    return first + nth / stand.weight


def order(stands: Sequence[Stand], now: float) -> Iterator[str]:
    """The accounts in the order in which their jobs begin, an account once for each job in line."""
    line = [(*_rank(stand, 0, now), 0, stand) for stand in stands if stand.waiting]
    heapq.heapify(line)
    while line:
        *_, nth, stand = line[0]
        yield stand.account
        if nth + 1 < stand.waiting:
            heapq.heapreplace(line, (*_rank(stand, nth + 1, now), nth + 1, stand))
        else:
            heapq.heappop(line)


def jobs_before(mine: Stand, own: int, others: Sequence[Stand], now: float) -> int:
    """How many jobs begin before the one of `mine` that has `own` of its account's before it, if nobody else comes."""
    return own + sum(_before(_rank(mine, own, now), other, now) for other in others)


def _before(rank: tuple[float, float, str], other: Stand, now: float) -> int:
    steps = (rank[0] - turn_of(other, 0, now)) * other.weight
    earlier = max(math.ceil(steps), 0)
    if _rank(other, earlier, now) < rank:
        earlier += 1
    return min(earlier, other.waiting)


def _rank(stand: Stand, nth: int, now: float) -> tuple[float, float, str]:
    """By turn; of those whose turn it is at once, whose last was longest ago."""
    last = -math.inf if stand.turn is None else stand.turn
    return turn_of(stand, nth, now), turn_of(stand, nth - 1, now) if nth else last, stand.account
