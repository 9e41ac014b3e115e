"""The chores' own clock, the courier and the forwarder: a small process that needs only Postgres; several may run.

Started as `python -m workers.timetable`.
"""

import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from jobs import events, schema, settings, telemetry, timetable, upstream
from jobs.errors import DuologueError, Unavailable
from workers import courier, forwarding
from workers.chores import (
    archive,
    close_batches,
    count_happenings,
    count_hours,
    count_spending,
    deadlines,
    forget_batches,
    months,
    probe_batches,
    prune,
    read_batches,
    reconcile,
    reroute,
    rescue,
    ring_again,
    run_errands,
    settle,
    sweep,
    tell_progress,
    tend_batches,
    tend_outbox,
    tend_turns,
)

_LOOK_SECONDS = 60.0
"""A chore that came due while nobody was here is taken so soon, however seldom it comes."""


@dataclass(frozen=True)
class Chore:
    """One recurring piece of work and how often it is due."""

    name: str
    every_seconds: float
    run_once: Callable[[], int]


def chores() -> list[Chore]:
    """Every chore. The watchful ones are due often enough for a lost worker to cost its lease and little more."""
    chosen = settings.load()
    watchful = chosen.chore_seconds
    return [
        Chore("rescue", watchful, rescue.run_once),
        Chore("ring_again", watchful, ring_again.run_once),
        Chore("deadlines", watchful, deadlines.run_once),
        Chore("tend_turns", watchful, tend_turns.run_once),
        Chore("reroute", watchful, reroute.run_once),
        Chore("count_happenings", watchful / 2, count_happenings.run_once),
        Chore("count_spending", 12 * watchful, count_spending.run_once),
        Chore("count_hours", 12 * watchful, count_hours.run_once),
        Chore("read_batches", watchful / 5, read_batches.run_once),
        Chore("probe_batches", watchful / 5, probe_batches.run_once),
        Chore("close_batches", watchful / 2, close_batches.run_once),
        Chore("tend_batches", watchful / 2, tend_batches.run_once),
        Chore("forget_batches", 60 * watchful, forget_batches.run_once),
        Chore("run_errands", watchful / 2, run_errands.run_once),
        Chore("settle", 12 * watchful, settle.run_once),
        Chore("reconcile", 12 * watchful, reconcile.run_once),
        Chore("archive", 12 * watchful, archive.run_once),
        Chore("prune", 60 * watchful, prune.run_once),
        Chore("tell_progress", chosen.webhook_progress_seconds, tell_progress.run_once),
        Chore("tend_outbox", 60 * watchful, tend_outbox.run_once),
        Chore("months", 720 * watchful, months.run_once),
        Chore("sweep", 17_280 * watchful, sweep.run_once),
    ]


def main() -> None:
    """Run every chore, the courier and the forwarder, each in a thread of its own, until SIGTERM or SIGINT.

    A slow one delays no other.
    """
    telemetry.start("timetable")
    chosen = settings.with_servers()
    _refuse_an_older_schema()
    if "cloud" in chosen.engines:
        upstream.configured()  # a key that cannot be read stops the program here, not a thread of it later
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = [threading.Thread(target=_keep, args=[chore, stop], name=chore.name) for chore in chores()]
    threads.append(threading.Thread(target=courier.keep, args=[stop], name="courier"))
    threads.append(threading.Thread(target=forwarding.keep, args=[stop], name="forwarder"))
    for thread in threads:
        thread.start()
    events.emit("timetable.started", chores=[chore.name for chore in chores()])
    for thread in threads:
        thread.join()


def _refuse_an_older_schema() -> None:
    with suppress(Unavailable):  # a database that is away is waited for
        schema.insist()


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
    """Take turns until told to stop. A turn that fails costs itself, never the thread; an outage is told once.

    Whoever took the last turn is there when the next is due; the others look more often, in case he is not.
    """
    told, took = "", False
    while not stop.wait(min(chore.every_seconds if took else chore.every_seconds / 4, _LOOK_SECONDS)):
        took, reason = _turn(chore)
        if reason and reason != told:
            events.emit("chore.failed", chore=chore.name, reason=reason)
        told = reason


def _turn(chore: Chore) -> tuple[bool, str]:
    """Whether the turn was taken, and why it failed if it did."""
    try:
        return take_turn(chore), ""
    except DuologueError as error:
        return False, str(error)
    except Exception:  # noqa: BLE001 - the edge of one turn: a bug in one chore must not end the others
        return False, traceback.format_exc()


if __name__ == "__main__":
    with settings.said_at_the_door():
        main()
