"""The chores' own clock: a small process that needs only Postgres; several may run, each turn is taken once.

Started as `python -m workers.timetable`.
"""

import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from jobs import events, settings, telemetry, timetable
from jobs.errors import DuologueError
from workers.chores import deadlines, prune, rescue, ring_again


@dataclass(frozen=True)
class Chore:
    """One recurring piece of work and how often it is due."""

    name: str
    every_seconds: float
    run_once: Callable[[], int]


def chores() -> list[Chore]:
    """Every chore. The watchful ones are due often enough for a lost worker to cost its lease and little more."""
    watchful = settings.load().chore_seconds
    return [
        Chore("rescue", watchful, rescue.run_once),
        Chore("ring_again", watchful, ring_again.run_once),
        Chore("deadlines", watchful, deadlines.run_once),
        Chore("prune", 60 * watchful, prune.run_once),
    ]


def main() -> None:
    """Run every chore in a thread of its own until SIGTERM or SIGINT; a slow one delays no other."""
    telemetry.start("timetable")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=_keep, args=[chore, stop], name=chore.name) for chore in chores()]
    for thread in threads:
        thread.start()
    events.emit("timetable.started", chores=[chore.name for chore in chores()])
    for thread in threads:
        thread.join()


def take_turn(chore: Chore) -> bool:
    """Run `chore` if it is due and nobody else has taken this turn; whether it was run."""
    if not timetable.take(chore.name, chore.every_seconds):
        return False
    began = time.monotonic()
    done = chore.run_once()
    timetable.tick_off(chore.name, done, round((time.monotonic() - began) * 1000))
    if done:
        events.emit("chore.done", chore=chore.name, done=done)
    return True


def _keep(chore: Chore, stop: threading.Event) -> None:
    """Take turns until told to stop. A turn that fails costs itself, never the thread; an outage is told once."""
    told = ""
    while not stop.wait(chore.every_seconds / 4):
        reason = _why_failed(chore)
        if reason and reason != told:
            events.emit("chore.failed", chore=chore.name, reason=reason)
        told = reason


def _why_failed(chore: Chore) -> str:
    try:
        take_turn(chore)
    except DuologueError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - the edge of one turn: a bug in one chore must not end the others
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    main()
