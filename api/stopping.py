"""Hears the signal to stop as it comes; the server itself tells us only after every open answer has ended."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def heard(tell: Callable[[], None]) -> Iterator[None]:
    """Have `tell` called in the running loop when a stop is signalled; whoever listened before hears it too.

    Off the main thread no signal is heard: whoever runs us there stops us by other means.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def hear(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        listener = before[signal.Signals(number)]
        if callable(listener):
            listener(number, frame)

    for number, listener in before.items():
        if callable(listener):  # else the signal ends us, or is ignored, and so it should stay
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, listener in before.items():
            if signal.getsignal(number) is hear:
                signal.signal(number, listener)
