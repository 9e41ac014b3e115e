"""Orders that come in, GPUs and a cloud that serve them, moment by moment: pure, and with the house's own rules.

What decides between GPU and cloud is `jobs.rules.routing` itself. Left out are what fails, what is cancelled, and
waiting jobs that are moved to another engine later.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from jobs.rules import routing
from jobs.rules.appraisal import Asked, Policy, Standing
from jobs.rules.estimates import Pace

_MINUTE: Final = 60.0


@dataclass(frozen=True)
class Order:
    """A job: when it comes, how long its video is, and what it keeps a GPU busy for or costs at the cloud."""

    at: float
    video_seconds: float
    gpu_seconds: float
    price_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class Park:
    """What serves: `gpus` slots, and a cloud with so many at once and a minute, that takes so long for a second."""

    gpus: int
    cloud_slots: int = 0
    cloud_per_minute: int = 0
    cloud_seconds_a_second: float = 0.0
    cloud_budget_usd: Decimal | None = None
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Fate:
    """What became of an order."""

    order: Order
    engine: str
    begun_at: float
    ended_at: float

    @property
    def wait_seconds(self) -> float:
        return self.begun_at - self.order.at


def run(orders: Iterable[Order], park: Park) -> Iterator[Fate]:
    """Every order's fate, as they begin. Orders come in the order of their time."""
    hall = _Hall(park)
    for order in orders:
        yield from hall.until(order.at)
        hall.take(order)
        yield from hall.until(order.at)
    yield from hall.until(float("inf"))


class _Line:
    """One engine: who waits, and when each busy slot is free again."""

    def __init__(self, slots: int, per_minute: int = 0) -> None:
        self.slots = slots
        self.waiting = deque[Order]()
        self.busy: list[float] = []
        self._begun = deque[float]()
        self._per_minute = per_minute

    def begins_at(self, now: float) -> float:
        """When the first that waits can begin."""
        at = max(now, self.waiting[0].at)
        if len(self.busy) >= self.slots:
            at = max(at, self.busy[0])
        if self._per_minute and len(self._begun) >= self._per_minute:
            at = max(at, self._begun[0] + _MINUTE)
        return at

    def begin(self, at: float, seconds: float) -> Order:
        self.leave(at)
        heapq.heappush(self.busy, at + seconds)
        if self._per_minute:
            self._begun.append(at)
            if len(self._begun) > self._per_minute:
                self._begun.popleft()
        return self.waiting.popleft()

    def leave(self, now: float) -> None:
        while self.busy and self.busy[0] <= now:
            heapq.heappop(self.busy)


class _Hall:
    def __init__(self, park: Park) -> None:
        self._park = park
        self._now = 0.0
        self._spent_usd = Decimal(0)
        self._taken, self._video_seconds, self._gpu_seconds = 0, 0.0, 0.0
        self._lines = {"gpu": _Line(park.gpus)} if park.gpus else {}
        if park.cloud_slots:
            self._lines["cloud"] = _Line(park.cloud_slots, park.cloud_per_minute)

    def take(self, order: Order) -> None:
        """Give an order to the engine that a front door would give it to."""
        self._taken += 1
        self._video_seconds += order.video_seconds
        self._gpu_seconds += order.gpu_seconds
        asked = Asked(video_seconds=order.video_seconds, price_usd=order.price_usd)
        engine = routing.choose(asked, self._standings(), self._park.policy).engine
        if engine == "cloud":
            self._spent_usd += order.price_usd
        self._lines[engine].waiting.append(order)

    def until(self, moment: float) -> Iterator[Fate]:
        """Everything that begins up to a moment, in the order in which it does."""
        while begin := min(
            ((line.begins_at(self._now), name) for name, line in self._lines.items() if line.waiting), default=None
        ):
            at, name = begin
            if at > moment:
                break
            self._now = at
            order = self._lines[name].waiting[0]
            seconds = order.gpu_seconds if name == "gpu" else order.video_seconds * self._park.cloud_seconds_a_second
            self._lines[name].begin(at, seconds)
            yield Fate(order, name, at, at + seconds)
        self._now = max(self._now, moment) if moment != float("inf") else self._now
        for line in self._lines.values():
            line.leave(self._now)

    def _standings(self) -> dict[str, Standing]:
        """What a front door would know: paces are those of the orders so far."""
        video_seconds = self._video_seconds / self._taken
        factors = {"gpu": self._gpu_seconds / self._video_seconds, "cloud": self._park.cloud_seconds_a_second}
        budget = self._park.cloud_budget_usd
        return {
            name: Standing(
                workers=1,
                slots=line.slots,
                busy=len(line.busy),
                waiting=len(line.waiting),
                per_minute=self._park.cloud_per_minute or None if name == "cloud" else None,
                pace=Pace(factors[name] * video_seconds, factors[name]),
                budget_left_usd=budget - self._spent_usd if name == "cloud" and budget is not None else None,
            )
            for name, line in self._lines.items()
        }
