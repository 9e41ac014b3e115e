"""Remembers answers for some seconds: when one is old a single caller asks anew, and the others take it meanwhile."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from jobs import database

Key = TypeVar("Key")
Answer = TypeVar("Answer")


class Lately(Generic[Key, Answer]):
    """Answers of the database, for keys of which there are few; nobody waits here for what another asks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._of: object = None
        self._known: dict[Key, tuple[float, Answer]] = {}

    def find(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        """What is known, or what `ask` answers now."""
        engine, now = database.engine(), time.monotonic()
        with self._lock:
            if self._of is not engine:
                self._of, self._known = engine, {}
            known = self._known.get(key)
            if known is not None:
                good_until, answer = known
                if now < good_until:
                    return answer
                self._known[key] = (now + self._seconds, answer)  # for all but us, who ask
        answer = ask()
        with self._lock:
            self._known[key] = (time.monotonic() + self._seconds, answer)
        return answer
