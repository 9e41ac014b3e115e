"""Begins to listen to this process's events."""

from jobs import events
from jobs.telemetry import lines, tracing


def start(program: str) -> None:
    """From now on events become log lines, each with `program` in it, and spans where somebody collects those."""
    lines.start(program)
    if tracing.is_on():
        from jobs.telemetry import spans  # late: the library costs memory, and most houses collect no spans

        events.listen(spans.collector(program).hear)
