"""Ctrl-C and SIGTERM: an exception while things start, counted once they run, so that stopping is in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interruptions:
    """How often we were asked to stop; `are_counted` says whether asking raises KeyboardInterrupt or only counts."""

    def __init__(self) -> None:
        self.are_counted = False
        self._count = 0

    @property
    def any(self) -> bool:
        return self._count > 0

    @property
    def are_urgent(self) -> bool:
        """Asked again after the first time."""
        return self._count > 1

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if not self.are_counted:
            raise KeyboardInterrupt


@contextmanager
def noticed() -> Iterator[Interruptions]:
    """Have SIGINT, SIGTERM and SIGHUP noted for as long as this lasts."""
    interruptions = Interruptions()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, interruptions.note) for number in numbers if is_main}
    try:
        yield interruptions
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
