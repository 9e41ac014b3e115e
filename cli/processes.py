"""The programs `duologue up` runs beside the servers, each with its exact command; the one place that knows them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from jobs import doorbell

CLOSING_SECONDS = 5
"""What the front door gives open requests when it is told to stop; as in `api.serving`, which is not imported here."""


@dataclass(frozen=True)
class Program:
    """A command to keep running; `patience_seconds` is what it gets to end by itself once told to."""

    name: str
    command: tuple[str, ...]
    patience_seconds: float


def front_door(host: str, port: int, number: int = 1) -> Program:
    """One process of it; the setting `door_processes` lets several share the port."""
    return Program(
        "front door" if number == 1 else f"front door {number}",
        _python("api.serving", "--host", host, "--port", str(port)),
        patience_seconds=2 * CLOSING_SECONDS,
    )


def worker(engines: Sequence[str], slots: int, drain_seconds: float) -> Program:
    """One process with `slots` threads, each watching over one job at a time."""
    return Program(
        "worker",
        _python(
            *("celery", "-A", "workers.app", "--quiet", "worker", "--pool=threads", f"--concurrency={slots}"),
            *("-Q", ",".join(doorbell.queue_of(engine) for engine in engines)),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        patience_seconds=drain_seconds + 10,
    )


def timetable() -> Program:
    """The chores' clock; it needs only the database."""
    return Program("timetable", _python("workers.timetable"), patience_seconds=10)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cli.tether", module, *arguments)
