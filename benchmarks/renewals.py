"""Measures how many leases a second one Postgres renews, against bare updates of one row each in the same run.

`python benchmarks/renewals.py`; Postgres (fsync on) and the threads that renew share this machine. With very many jobs
under way at once renewals are most of what Postgres does: jobs times a second, by DUOLOGUE_RENEW_SECONDS.
"""

import contextlib
import itertools
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402 - the path comes first

from cli import environment, stack  # noqa: E402 - likewise
from cli.stack.desk import Desk  # noqa: E402 - likewise
from jobs import accounts, lifecycle, schema, submission  # noqa: E402 - likewise
from jobs.database import transaction  # noqa: E402 - likewise
from jobs.submission import Wish  # noqa: E402 - likewise

JOBS: Final = 200
THREADS: Final = 8
ROUNDS: Final = 3
SECONDS: Final = 4.0
MODEL: Final = "wavespeed-ai/infinitetalk"
INPUTS: Final = {"image": "https://example.com/one.png", "audio": "https://example.com/one.wav"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        with stack.running(Path(folder) / "data", parts=("database", "broker")) as running:
            environment.adopt(running.environment)
            schema.upgrade()
            claims = claimed()
            server = Desk(Path(folder) / "data", "database").server_pid() or 0
            turns = [(measured(bare(), server), measured(renewing(claims), server)) for _ in range(ROUNDS)]
    for name, found in zip(("bare updates, a commit each", "renewals"), zip(*turns, strict=True), strict=True):
        rates, costs = zip(*found, strict=True)
        print(f"{name}: {statistics.median(rates):,.0f} a second, {statistics.median(costs):,.0f} us of Postgres each")
    ratio = statistics.median(ours[1] / theirs[1] for theirs, ours in turns)
    print(f"a renewal costs Postgres {ratio:.2f} times as much processor time as a bare update")


def claimed() -> list[lifecycle.Claim]:
    with transaction() as session:
        _, key = accounts.create_key(session, name="benchmark", account="benchmark")
    with transaction() as session:
        caller = accounts.identify(session, key)
    for _ in range(JOBS):
        submission.submit(caller, Wish(model=MODEL, inputs=INPUTS))
    found = [lifecycle.claim("benchmark", "preview") for _ in range(JOBS)]
    return [claim for claim in found if claim]


def renewing(claims: list[lifecycle.Claim]) -> Callable[[int], Callable[[], object]]:
    """For each thread, what renews one of its jobs after the other."""

    def of_thread(number: int) -> Callable[[], object]:
        mine = itertools.cycle(claims[number::THREADS])
        return lambda: _good(lifecycle.renew(next(mine), "rendering", 0.5))

    return of_thread


def bare() -> Callable[[int], Callable[[], object]]:
    """The least that such an update can be: one row by its key, no more columns than it needs, a commit of its own."""
    url = os.environ["DUOLOGUE_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS bare (id int PRIMARY KEY, until timestamptz) WITH (fillfactor = 50)"
        )
        connection.execute(
            "INSERT INTO bare SELECT n, now() FROM generate_series(1, %s) n ON CONFLICT DO NOTHING", [JOBS]
        )

    def of_thread(number: int) -> Callable[[], object]:
        connection = psycopg.connect(url, autocommit=True)
        mine = itertools.cycle(range(1 + number, 1 + JOBS, THREADS))
        return lambda: connection.execute("UPDATE bare SET until = now() WHERE id = %s", [next(mine)])

    return of_thread


def measured(work: Callable[[int], Callable[[], object]], server: int) -> tuple[float, float]:
    """How often a second all threads together do it, and what of the processor Postgres has for each, microseconds."""
    before = processor_seconds(server)
    until = time.monotonic() + SECONDS
    counts = [0] * THREADS

    def go_on(number: int) -> None:
        once = work(number)
        while time.monotonic() < until:
            once()
            counts[number] += 1

    threads = [threading.Thread(target=go_on, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS, 1e6 * (processor_seconds(server) - before) / sum(counts)


def processor_seconds(eldest: int) -> float:
    """What a server has had of the processor, with its children: those that are there and those that were."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = stat.parent.name, stat.read_text().rpartition(")")[2].split()
            if int(pid) == eldest:
                ticks += sum(map(int, rest[11:15]))
            elif int(rest[1]) == eldest:
                ticks += sum(map(int, rest[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _good(standing: str) -> None:
    assert standing == "good", standing


if __name__ == "__main__":
    main()
