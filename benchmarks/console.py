"""Measures every page of the console on very many jobs, and what open consoles cost the front door's callers.

`python benchmarks/console.py`; server, load and Postgres (fsync on) share this machine. One process of the front door
serves pages and polls, as `duologue up` has it. Pages are asked for one after the other, each a number of times, with
a session of an operator; the wait is the whole request over loopback. Then polls are measured in turns, with nobody
looking and with consoles open that ask for the overview's moving part as browsers do. It ends with 3 if a goal is
missed.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy import text

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import verdict  # noqa: E402 - found once the root is on the path
from benchmarks.serving import measure, processor_seconds, served  # noqa: E402 - found once the root is on the path

P95_GOAL_MS: Final = 150.0
CONSOLES: Final = 10
EVERY_SECONDS: Final = 5.0
"""So often a browser asks for the overview's moving part."""
CHANGE_GOAL: Final = 0.05
"""By how much open consoles may slow polls at most."""
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a database that is thrown away


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the console.")
    parser.add_argument("--finished", type=int, default=1_000_000, help="finished jobs in the tables")
    parser.add_argument("--waiting", type=int, default=50_000, help="waiting jobs beside them")
    parser.add_argument("--times", type=int, default=40, help="how often each page is asked for")
    parser.add_argument("--rounds", type=int, default=3, help="how often polls are measured, with and without consoles")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> int:
    from benchmarks import front_door
    from cli import stack

    with stack.running(folder / "data", parts={"database", "broker", "bucket"}) as running:
        os.environ |= running.environment | {"DUOLOGUE_ENGINES": "gpu,preview"}
        made = front_door.fill()
        began = time.monotonic()
        fill(arguments.finished, arguments.waiting)
        print(
            f"{arguments.finished:,} finished and {arguments.waiting:,} waiting jobs: {time.monotonic() - began:.0f} s"
        )
        polls = front_door.write_down(folder, {"polls": list(front_door.polls(made))})["polls"]
        with served("api.app:create_app") as port, signed_in(port) as client:
            is_missed = print_pages(client, port, pages(), arguments.times)
            is_missed |= print_change(client, port, polls, arguments.rounds)
    return verdict(is_missed=is_missed)


def fill(finished: int, waiting: int) -> None:
    """Finished jobs as `benchmarks/finished_jobs.py` makes them, every fiftieth failed; waiting ones; hours counted."""
    from benchmarks import finished_jobs
    from jobs import database, hours, operators

    finished_jobs.add(finished)
    with database.engine().begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(_FAIL)
        connection.execute(_WAIT, {"count": waiting})
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    hours.count_due()
    with database.transaction() as session:
        operators.create(session, "ada", "operator", PASSWORD)
    database.engine().dispose()


@contextmanager
def signed_in(port: int) -> Iterator[httpx.Client]:
    """A browser, as far as the server can tell."""
    from tests.api.console.signed_in import Browser

    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=60, headers={"Origin": f"http://127.0.0.1:{port}"}
    ) as client:
        browser = Browser(client)  # type: ignore[arg-type]  # it asks no more of a client than this
        answer = browser.get("/sign-in")
        token = browser.token
        answer = client.post("/console/sign-in", data={"token": token, "name": "ada", "password": PASSWORD})
        assert answer.is_redirect, answer.text
        yield client


def pages() -> dict[str, str]:
    """Every page that lists or counts, and the worst of its filters."""
    from jobs import database

    with database.transaction() as session:
        job = session.execute(text("SELECT id FROM jobs WHERE status = 'completed' ORDER BY id LIMIT 1")).scalar_one()
        middle = session.execute(text("SELECT id FROM jobs ORDER BY id OFFSET 500 LIMIT 1")).scalar_one()
    database.engine().dispose()
    return {
        "nothing but a form": "/console/password",
        "overview": "/console",
        "overview, its moving part": "/console/overview/now",
        "jobs": "/console/jobs",
        "jobs, the oldest page": f"/console/jobs?before={middle.hex}",
        "jobs that wait": "/console/jobs?state=waiting",
        "jobs that failed": "/console/jobs?state=failed",
        "jobs of an account": "/console/jobs?account=account%207",
        "failed jobs of an account": "/console/jobs?state=failed&account=account%207",
        "jobs by error class": "/console/jobs?error_class=engine",
        "jobs of a tag that none has": "/console/jobs?tag=nobody",
        "jobs of a time": "/console/jobs?after=2020-01-01T00:00&until=2026-11-01T00:00",
        "search by id": f"/console/jobs?q={job.hex}",
        "search by the beginning of an id": f"/console/jobs?q={job.hex[:12]}",
        "search that finds nothing": "/console/jobs?q=nobody%20wrote%20this",
        "a job": f"/console/jobs/{job.hex}",
        "batches": "/console/batches",
        "errands": "/console/errands",
        "workers": "/console/workers",
        "errors": "/console/errors",
        "accounts": "/console/accounts",
        "webhooks": "/console/webhooks",
        "audit log": "/console/audit",
    }


def print_pages(client: httpx.Client, port: int, asked: dict[str, str], times: int) -> bool:
    """Print what each takes, of the server's processor too, as that is steadier; whether it is too much."""
    is_missed = False
    for name, path in asked.items():
        for _ in range(2):  # to warm up
            assert client.get(path).is_success, path
        spent, waits = processor_seconds(port), []
        for _ in range(times):
            began = time.perf_counter()
            client.get(path)
            waits.append(1000 * (time.perf_counter() - began))
        server_ms = 1000 * (processor_seconds(port) - spent) / times
        p50, p95 = statistics.median(waits), sorted(waits)[int(times * 0.95)]
        is_missed |= p95 >= P95_GOAL_MS
        print(f"{name:34} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   {server_ms:5.1f} ms of the server", flush=True)
    return is_missed


def print_change(client: httpx.Client, port: int, polls: Path, rounds: int) -> bool:
    """Print what polls do with nobody looking and with consoles open, in turns; whether that is too much."""
    measure(port, polls, 1.0)
    alone, looked_at = [], []
    for _ in range(rounds):
        alone.append(measure(port, polls, 2 * EVERY_SECONDS)["per_second"])
        with looking(client):
            looked_at.append(measure(port, polls, 2 * EVERY_SECONDS)["per_second"])
    ratio = statistics.median(one / other for one, other in zip(looked_at, alone, strict=True))
    print(f"polls a second, nobody looks     {statistics.median(alone):7.0f}   ({min(alone):.0f} to {max(alone):.0f})")
    print(f"with {CONSOLES} consoles open            {statistics.median(looked_at):7.0f}", end="   ")
    print(f"({min(looked_at):.0f} to {max(looked_at):.0f})")
    print(f"ratio, median of the turns         {ratio:5.2f}   (goal: at least {1 - CHANGE_GOAL:.2f})")
    return ratio < 1 - CHANGE_GOAL


@contextmanager
def looking(client: httpx.Client) -> Iterator[None]:
    """So many browsers with the overview open."""
    stop = threading.Event()

    def look(number: int) -> None:
        stop.wait(EVERY_SECONDS * number / CONSOLES)
        while not stop.is_set():
            client.get("/console/overview/now")
            stop.wait(EVERY_SECONDS)

    threads = [threading.Thread(target=look, args=[number]) for number in range(CONSOLES)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


_FAIL: Final = text("""
    UPDATE jobs SET status = 'failed', output = NULL, price_usd = 0, error_code = 1403, error_class = 'engine',
        error = 'the rendering ended without an answer'
    WHERE status = 'completed' AND seed % 50 = 7
""")

_WAIT: Final = text("""
    INSERT INTO jobs (id, account_id, key_id, model, inputs, seed, status, engine_wanted, engine, engine_reason,
        price_usd, wait_until, run_seconds, finish_until)
    SELECT uuidv7(), account_id, owners.id, 'wavespeed-ai/infinitetalk/multi',
        jsonb_build_object('image', 'https://media.example.com/' || number || '/two.png', 'prompt', 'Two people talk',
            'order', 'meanwhile', 'resolution', '480p', 'seed', -1),
        number, 'waiting', 'auto', 'gpu', 'auto: gpu', 0.15, now() + interval '7 days', 21600, now() + interval '8 days'
    FROM generate_series(1, CAST(:count AS bigint)) AS number
    JOIN (SELECT id, account_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many FROM api_keys)
        AS owners ON place = number % many
""")


if __name__ == "__main__":
    sys.exit(main())
