"""Measures whole lifecycles on an engine that does nothing, against what others would build on, in the same run.

`python benchmarks/lifecycle.py`; the workers, Postgres (fsync on) and Valkey share this machine. One lifecycle of ours
is what a worker's slot does for a job around its rendering: the claim with its lease and fence, then the end with the
event, the money and the webhook that is owed; slots that do so at the same time share a transaction. Jobs belong to
eight prepaid accounts, each with an endpoint that is told of every end. Nothing is fetched, rendered or stored. With
`--idle` it measures how long one order waits until a worker has begun with it. It ends with 3 if a goal is missed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

from benchmarks import peers  # noqa: E402 - found once the root is on the path
from benchmarks.figures import state, verdict  # noqa: E402 - likewise

ACCOUNTS: Final = 8
SLOTS: Final = 32
"""Of one worker of ours: threads, which wait for Postgres nearly all of the time where there is nothing to render."""
PROCESSES: Final = 2
MODEL: Final = "wavespeed-ai/infinitetalk/multi"
CELERY_GOAL: Final = 1.5
PROCRASTINATE_GOAL: Final = 1.0
P50_GOAL_MS: Final = 20.0
P99_GOAL_MS: Final = 100.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure whole lifecycles on an engine that does nothing.")
    parser.add_argument("--jobs", type=int, default=4_000, help="how many each of them gets")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns")
    parser.add_argument("--idle", type=int, default=200, help="how many single orders are timed; 0 leaves it out")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return work()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        with servers(Path(folder)):
            is_missed = compare(arguments.jobs, arguments.rounds)
            is_missed |= bool(arguments.idle) and time_single_orders(arguments.idle)
            return verdict(is_missed=is_missed)


@contextmanager
def servers(folder: Path) -> Iterator[None]:
    from cli import stack
    from jobs import schema

    with stack.running(folder / "data", parts={"database", "broker", "bucket"}) as running:
        os.environ |= running.environment | {"DUOLOGUE_ENGINES": "gpu,preview"}
        schema.upgrade()
        yield


def compare(count: int, rounds: int) -> bool:
    """Print all rates; whether a goal is missed."""
    measured: dict[str, Callable[[], float]] = {
        "ours": lambda: our_rate(count),
        "raw Celery": lambda: peers.celery_rate(count, PROCESSES),
        "Procrastinate": lambda: beside(peers.procrastinate_rate, count),
        "SKIP LOCKED loop": lambda: beside(peers.loop_rate, count),
    }
    rates: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(rounds):
        for name, measure in measured.items():
            rates[name].append(measure())
    for name, found in rates.items():
        print(f"{name:20} {statistics.median(found):7.0f} jobs/s   ({min(found):.0f} to {max(found):.0f})")
    ratios = {
        name: statistics.median(own / other for own, other in zip(rates["ours"], found, strict=True))
        for name, found in rates.items()
    }
    print(f"{ratios['raw Celery']:.2f} of raw Celery (goal: at least {CELERY_GOAL:g}),", end=" ")
    print(f"{ratios['Procrastinate']:.2f} of Procrastinate (goal: at least {PROCRASTINATE_GOAL:g}),", end=" ")
    print(f"{ratios['SKIP LOCKED loop']:.2f} of the plain loop")
    goals = {"raw Celery": CELERY_GOAL, "Procrastinate": PROCRASTINATE_GOAL}
    missed = [
        state(
            "whole lifecycles",
            f"{statistics.median(rates['ours']):.0f}/s",
            reference=f"{name}: {statistics.median(rates[name]):.0f}/s",
            compared=f"{ratios[name]:.2f}",
            goal=f"at least {goal:g}",
            is_reached=ratios[name] >= goal,
        )
        for name, goal in goals.items()
    ]
    loop = f"SKIP LOCKED loop: {statistics.median(rates['SKIP LOCKED loop']):.0f}/s"
    compared = f"{ratios['SKIP LOCKED loop']:.2f}"
    state("whole lifecycles", "", reference=loop, compared=compared, goal="", is_reached=None)
    return any(missed)


def our_rate(count: int) -> float:
    """Lifecycles a second by the moments that Postgres wrote down."""
    from sqlalchemy import func, select

    from jobs import database
    from jobs.tables import Job

    before = order(count)
    commands = [[sys.executable, __file__, "--worker"]] * PROCESSES
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) for command in commands]
    assert [process.wait() for process in processes] == [0] * PROCESSES
    span = select(func.count(), func.extract("epoch", func.max(Job.finished_at) - func.min(Job.started_at)))
    with database.transaction() as session:
        done, seconds = session.execute(span.where(Job.status == "completed", Job.created_at > before)).one()
    assert done == count
    return count / float(seconds)


def order(count: int) -> object:
    """So many jobs that wait, of all accounts in turn; the moment before them."""
    from sqlalchemy import func, select, text

    from jobs import database, submission, turns
    from jobs.submission import Wish

    turns.tend()  # as the chores do: those of the round before have left
    callers = owners()  # their jobs are for gpu: previews are free, and no money would move
    with database.transaction() as session:
        before = session.scalar(select(func.now()))
    inputs = {name: f"https://media.example.com/{name}" for name in ("image", "left_audio", "right_audio")}
    asked = [
        (callers[number % ACCOUNTS], Wish(model=MODEL, inputs=inputs, engine="gpu"), None) for number in range(count)
    ]
    for first in range(0, count, 500):
        taken = submission.submit_together(asked[first : first + 500])
        assert not [one for one in taken if isinstance(one, Exception)]
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    database.engine().dispose()
    return before


def owners() -> list[str]:
    """A key each of new accounts that have money and want to be told."""
    from jobs import accounts, database, ids, ledger, terms, webhooks

    made = []
    for _ in range(ACCOUNTS):
        name = ids.new_id().hex
        with database.transaction() as session:
            row, key = accounts.create_key(session, name=name, account=name)
            terms.change(session, terms.named(session, name), {"is_prepaid": True})
            ledger.top_up(session, row.account_id, Decimal(10**6), "for the benchmark")
            caller = accounts.identify(session, key)
        webhooks.register(caller, url="https://receiver.example.com/", kinds=["job.completed"])
        made.append(key)
    return made


def work() -> int:
    """What a worker's process does: its slots take jobs and end them until there are none."""
    threads = [threading.Thread(target=live, args=[f"bench-{os.getpid()}"]) for _ in range(SLOTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


def live(worker: str) -> None:
    from jobs import lifecycle
    from jobs.lifecycle import Output

    while (claim := lifecycle.claim(worker, "gpu")) is not None:
        key = f"{claim.account_id.hex}/jobs/{claim.job_id.hex}/{claim.fence}/video.mp4"
        lifecycle.finish(claim, Output(key, 900_000, "0" * 64, 896, 448, 125, 5.0), inference_ms=90_000)


def beside(rate: Callable[[int, int], float], count: int) -> float:
    """Measure another in a database of its own on the same server."""
    import psycopg

    own = os.environ["DUOLOGUE_DATABASE_URL"]
    other = own.rsplit("/", 1)[0] + "/peers"
    with psycopg.connect(peers.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS peers WITH (FORCE)")
        connection.execute("CREATE DATABASE peers")
    os.environ["DUOLOGUE_DATABASE_URL"] = other
    try:
        return rate(count, PROCESSES)
    finally:
        os.environ["DUOLOGUE_DATABASE_URL"] = own


def time_single_orders(count: int) -> bool:
    """From an order to a worker's claim, one at a time through the real worker; whether a goal is missed."""
    waits = sorted(1000 * seconds for seconds in single_waits(count))
    p50, p99 = (waits[int(len(waits) * part)] for part in (0.50, 0.99))
    print(f"idle, from order to start: p50 {p50:.1f} ms (goal: under {P50_GOAL_MS:g}),", end=" ")
    print(f"p99 {p99:.1f} ms (goal: under {P99_GOAL_MS:g}), of {count}")
    missed = [
        state(f"idle, order to start, {name}", f"{wait:.1f} ms", goal=f"under {goal:g} ms", is_reached=wait < goal)
        for name, wait, goal in (("p50", p50, P50_GOAL_MS), ("p99", p99, P99_GOAL_MS))
    ]
    return any(missed)


def single_waits(count: int) -> Iterator[float]:
    """What each of `count` orders waited, seconds; its media lie where nobody may fetch from: it is over at once."""
    from jobs import submission
    from jobs.submission import Wish

    [key, *_] = owners()
    inputs = dict.fromkeys(("image", "left_audio", "right_audio"), "http://127.0.0.1:1/refused")
    with a_worker():
        for number in range(count):
            time.sleep(0.02 + number % 7 / 100)  # the last ring has died away by then
            [taken] = submission.submit_together([(key, Wish(model=MODEL, inputs=inputs, engine="preview"), None)])
            assert not isinstance(taken, Exception), taken
            yield waited(taken.job_id)


@contextmanager
def a_worker() -> Iterator[None]:
    """The real one, idle by now."""
    from cli import processes
    from jobs import database
    from jobs.tables import Worker

    program = processes.worker(("preview",), 2, 1.0)
    variables = os.environ | {"DUOLOGUE_ENGINES": "preview"}
    worker = subprocess.Popen(
        program.command,
        cwd=ROOT,
        env=variables,
        stdin=subprocess.PIPE,  # its tether to us
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda session: session.query(Worker).count() > 0)
        yield
    finally:
        worker.terminate()
        worker.wait()
        database.engine().dispose()


def waited(job_id: uuid.UUID) -> float:
    """Seconds from its acceptance to its claim, by Postgres' clock, once it is over."""
    from jobs import database
    from jobs.tables import Job

    until(lambda session: session.get_one(Job, job_id).finished_at is not None)
    with database.transaction() as session:
        job = session.get_one(Job, job_id)
    assert job.started_at is not None
    return (job.started_at - job.created_at).total_seconds()


def until(is_so: Callable[["Session"], bool]) -> None:
    """Wait until it is so, half a minute at most."""
    from jobs import database

    give_up_at = time.monotonic() + 30
    while True:
        with database.transaction() as session:
            if is_so(session):
                return
        assert time.monotonic() < give_up_at, "it does not come about"
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
