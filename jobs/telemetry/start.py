"""Begins to listen to this process's events."""

from jobs.telemetry import lines


def start(program: str) -> None:
    """From now on events become log lines on standard error, each with `program` in it."""
    lines.start(program)
