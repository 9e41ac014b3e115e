"""Says every few seconds that this worker is alive and what it can serve; no look at the machine delays that."""

import threading
from importlib.metadata import version
from typing import Final

from jobs import presence, settings
from jobs.errors import Unavailable
from workers import drain, fitness, gpu_memory
from workers.name import NAME

_BEAT_SECONDS: Final = 10.0


def beat(slots: int) -> None:
    """Beat until this process takes no more work, then say goodbye; the machine is looked at meanwhile."""
    engines = settings.load().engines
    gauge = gpu_memory.Gauge()
    gauge.watch()
    for engine in engines:
        threading.Thread(target=_look, args=[engine], name="fitness", daemon=True).start()
    while True:
        serving = fitness.serving(engines)
        free = slots if serving else 0  # or a worker that can do nothing counts as one who works
        is_heard = presence.beat(NAME, serving, free, version("duologue"), gauge.used_bytes)
        if drain.wait(_BEAT_SECONDS if is_heard else 1.0):
            break
    try:
        presence.leave(NAME)
    except Unavailable:
        return


def _look(engine: str) -> None:
    """Look at the machine though nobody rings: none rings for a worker that says it serves nothing."""
    while True:
        fitness.is_fit(engine)
        if drain.wait(_BEAT_SECONDS):
            return
