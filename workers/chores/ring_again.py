"""Rings for jobs that wait although a worker has room: the first ring may have been lost."""

from jobs import doorbell, lifecycle, presence, settings


def run_once() -> int:
    """Ring once for each due job that a free slot could take; how many rings that were."""
    rings = 0
    for engine in settings.load().engines:
        slots, busy = presence.slots(engine)
        for _ in range(min(lifecycle.due(engine), max(slots - busy, 0))):
            doorbell.ring(engine)
            rings += 1
    return rings
