"""Kills programs at their time, and has the upstream fall silent once."""

import threading
import time
from collections import Counter

from tests.story.cloud.plan import Plan
from tests.story.cloud.world import World, rates

BLACKOUT_SECONDS = 30.0
_SILENT = {"read_fails": 1.0, "submit_fails_late": 0.4}


class Storm:
    """What befalls one run."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.kills: Counter[str] = Counter()
        self._world = world
        self._plan = plan
        self._began_at = time.monotonic()
        self._threads = [threading.Thread(target=self._kill), threading.Thread(target=self._black_out)]

    def begin(self) -> None:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _kill(self) -> None:
        for kill in self._plan.kills:
            self._wait_until(kill.at_seconds)
            self._world.crew.kill(kill.who)
            self.kills[kill.who] += 1

    def _black_out(self) -> None:
        """For a while jobs are taken, many of them without a word, and nothing is said of any."""
        if self._plan.blackout_at_seconds:
            self._wait_until(self._plan.blackout_at_seconds)
            self._world.fake.set_faults(**_SILENT)
            self._wait_until(self._plan.blackout_at_seconds + BLACKOUT_SECONDS)
            self._world.fake.set_faults(**{name: rates()[name] for name in _SILENT})

    def _wait_until(self, seconds: float) -> None:
        threading.Event().wait(max(0.0, self._began_at + seconds - time.monotonic()))
