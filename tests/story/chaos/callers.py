"""Callers who ask as the plan says, take every broken answer for "perhaps", and keep their own book of what was said."""

import heapq
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.story.chaos.plan import VOICES_SECONDS, Ask, Plan
from tests.story.chaos.world import World
from tests.story.scene import SOLO, solo

CALLERS = 3
PATIENCE_SECONDS = 120.0
_TIMEOUT_SECONDS = 4.0
_PAUSE_SECONDS = 0.4


@dataclass
class Book:
    """What the callers were told. `ids` are those of accepted jobs by the ask that made them."""

    ids: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: dict[int, int] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    given_up: list[int] = field(default_factory=list)

    @property
    def accepted(self) -> set[str]:
        return {job for ids in self.ids.values() for job in ids}


class Stream:
    """All callers of one run: a few threads that share the plan."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.book = Book()
        self._world = world
        self._plan = plan
        self._due = [(ask.at_seconds, ask.number) for ask in plan.asks]
        self._turn = threading.Lock()
        self._threads = [threading.Thread(target=self._go_on, name=f"caller-{number}") for number in range(CALLERS)]
        self._links = {seconds: self._upload(seconds) for seconds in VOICES_SECONDS}
        self._inline = {seconds: solo(seconds) for seconds in VOICES_SECONDS}

    def begin(self) -> None:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        while (ask := self._next()) is not None:
            self._ask(ask)

    def _next(self) -> Ask | None:
        with self._turn:
            if not self._due:
                return None
            at_seconds, number = heapq.heappop(self._due)
        threading.Event().wait(max(0.0, self._began_at + at_seconds - time.monotonic()))
        return self._plan.asks[number]
