"""Rings for jobs that wait although a worker has room: the first ring may have been lost."""

from jobs import doorbell, lifecycle, presence


def run_once() -> int:
    """Ring once for each due job that a free slot could take; how many rings that were."""
    rings = 0
    for engine, due in lifecycle.due_engines().items():
        slots, busy = presence.slots(engine)
        for _ in range(min(due, max(slots - busy, 0))):
            doorbell.ring(engine)
            rings += 1
    return rings
