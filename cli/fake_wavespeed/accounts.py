"""Who may call the fake: each key is an account of its own, with its tier's limits counted exactly."""

import asyncio
import base64
import hashlib
from collections import Counter, deque
from collections.abc import Callable

from cli.fake_wavespeed.plan import Key, Plan

Clock = Callable[[], float]
"""Seconds that only grow."""


class Account:
    """One key. It counts what it submits in any minute, and gives out as many slots as its tier runs at once."""

    def __init__(self, number: int, key: Key, plan: Plan, clock: Clock) -> None:
        self.number = number
        self.key = key
        self.balance_usd = plan.credit_usd
        self.webhook_secret = _secret(f"{plan.seed}/{key.text}")
        self.slots = asyncio.Semaphore(key.tier.at_once)
        self.in_flight = 0
        self.peaks = Counter({"in_flight": 0, "in_a_minute": 0})
        self.refused_by_limit = 0
        self._minute_seconds = plan.minute_seconds
        self._clock = clock
        self._submits: deque[float] = deque()

    @property
    def name(self) -> str:
        return f"key-{self.number}"

    @property
    def uuid(self) -> str:
        return hashlib.blake2b(self.name.encode(), digest_size=16).hexdigest()

    def seconds_to_wait(self) -> float:
        """Count a submit, or tell how long the limit wants none."""
        now = self._clock()
        while self._submits and self._submits[0] <= now - self._minute_seconds:
            self._submits.popleft()
        if len(self._submits) >= self.key.tier.per_minute:
            self.refused_by_limit += 1
            return self._submits[0] + self._minute_seconds - now
        self._submits.append(now)
        self._note("in_a_minute", len(self._submits))
        return 0.0

    def enter(self) -> None:
        """Note one more prediction that is not final."""
        self.in_flight += 1
        self._note("in_flight", self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1

    def told(self) -> dict[str, object]:
        """What a test may want to know of it."""
        return {
            "name": self.name,
            "tier": self.key.tier.name,
            "balance_usd": str(self.balance_usd),
            "in_flight": self.in_flight,
            "peak_in_flight": self.peaks["in_flight"],
            "peak_in_a_minute": self.peaks["in_a_minute"],
            "refused_by_limit": self.refused_by_limit,
        }

    def _note(self, what: str, count: int) -> None:
        self.peaks[what] = max(self.peaks[what], count)


def _secret(text: str) -> str:
    return "whsec_" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
