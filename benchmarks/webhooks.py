"""Measures the courier: its rate against a bare `httpx.AsyncClient` loop, a long backlog, and the first try's delay.

`python benchmarks/webhooks.py`; receiver, courier, Postgres (fsync on) and the bare loop share this machine, each in a
process of its own. It ends with 3 if a goal is missed.
"""

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import state, verdict  # noqa: E402 - the path comes first
from benchmarks.receiving import AT_ONCE, bare_rate, closed_port, receiving, told  # noqa: E402 - the path comes first

RATIO_GOAL: Final = 0.5
P95_GOAL_SECONDS: Final = 1.0
ACCOUNTS: Final = 20
BAD: Final = {"dead": 2, "hang": 2}
PER_SECOND: Final = 100


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the courier.")
    parser.add_argument("--rounds", type=int, default=3, help="how often courier and bare loop are measured, in turns")
    parser.add_argument("--each", type=int, default=5000, help="how many posts each time")
    parser.add_argument("--backlog", type=int, default=100_000, help="how long the backlog is")
    parser.add_argument("--seconds", type=int, default=30, help="how long jobs complete for the delays")
    parser.add_argument("--courier", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.courier:
        carry()
        return 0
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), given)


def compare(folder: Path, given: argparse.Namespace) -> int:
    from cli import stack

    with stack.running(folder / "data", parts={"database", "bucket"}) as running, receiving() as port:
        os.environ |= running.environment | {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"}
        os.environ["DUOLOGUE_WEBHOOK_CONCURRENCY"] = str(AT_ONCE)
        accounts = prepare()
        reached = rates(port, accounts[0], given.rounds, given.each)
        drained = drain(port, accounts[0], given.backlog)
        waits = {bad: delays(port, accounts, given.seconds, bad=bad) for bad in (False, True)}
    return report(reached, drained, waits)


def report(
    reached: dict[str, list[float]], drained: list[tuple[int, float, float]], waits: dict[bool, list[float]]
) -> int:
    ratio = statistics.median(ours / bare for ours, bare in zip(reached["courier"], reached["bare"], strict=True))
    for name, found in reached.items():
        print(f"{name:8} {statistics.median(found):6.0f} posts/s   ({min(found):.0f} to {max(found):.0f})")
    print(f"ratio    {ratio:6.2f}           (goal: at least {RATIO_GOAL})")
    for left, per_second, resident_mb in drained:
        print(f"backlog of {left:6}: {per_second:6.0f} posts/s, {resident_mb:.0f} MB resident")
    for bad, found in waits.items():
        whose = "with a fifth of the receivers dead or hanging" if bad else "with good receivers only"
        p50, p95, p99 = (found[int(len(found) * part)] for part in (0.5, 0.95, 0.99))
        print(f"first try {whose}: p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, of {len(found)}")
    p95 = waits[True][int(len(waits[True]) * 0.95)]
    courier, bare = (f"{statistics.median(reached[name]):.0f}/s" for name in ("courier", "bare"))
    least = {"compared": f"{ratio:.2f}", "goal": f"at least {RATIO_GOAL}"}
    is_missed = state("webhooks", courier, reference=f"bare: {bare}", **least, is_reached=ratio >= RATIO_GOAL)
    goal, is_reached = f"under {P95_GOAL_SECONDS:g} s", p95 < P95_GOAL_SECONDS
    is_missed |= state("first try beside bad receivers, p95", f"{p95:.2f} s", goal=goal, is_reached=is_reached)
    return verdict(is_missed=is_missed)


def prepare() -> list[Any]:
    """The schema, and the accounts that are told."""
    from jobs import accounts, database, schema

    schema.upgrade()
    found = []
    with database.transaction() as session:
        for number in range(ACCOUNTS):
            _, key = accounts.create_key(session, name="bench", account=f"account {number}")
            found.append(accounts.identify(session, key))
    return found


def rates(port: int, account: Any, rounds: int, each: int) -> dict[str, list[float]]:  # noqa: ANN401 - jobs.accounts is imported late
    """Posts a second of both, in turns."""
    reached: dict[str, list[float]] = {"bare": [], "courier": []}
    for _ in range(rounds):
        reached["bare"].append(bare_rate(port, each))
        owe(account, each, f"http://127.0.0.1:{port}/hook")
        arrived = told(port)["/hook"]
        with carrying():
            reached["courier"].append(rate(port, arrived, each))
            wait_until_settled()
    return reached


def drain(port: int, account: Any, backlog: int) -> list[tuple[int, float, float]]:  # noqa: ANN401 - as above
    """How fast each quarter of a backlog goes, and what the courier's process has in memory after it."""
    owe(account, backlog, f"http://127.0.0.1:{port}/hook")
    found, arrived = [], told(port)["/hook"]
    with carrying() as courier:
        for quarter in range(4):
            per_second = rate(port, arrived + quarter * backlog // 4, backlog // 4)
            found.append((backlog - quarter * backlog // 4, per_second, resident_mb(courier.pid)))
        wait_until_settled()
    return found


def delays(port: int, accounts: list[Any], seconds: int, *, bad: bool) -> list[float]:
    """Seconds from the move to the first try, at good receivers, while jobs complete at a steady rate; sorted."""
    from sqlalchemy import text

    from jobs import database

    base = f"http://127.0.0.1:{port}"
    urls = [f"{base}/hook"] * len(accounts)
    if bad:
        urls = [f"http://127.0.0.1:{closed_port()}/"] * BAD["dead"] + [f"{base}/hang"] * BAD["hang"] + urls
    claims = running_jobs(accounts, urls[: len(accounts)], seconds * PER_SECOND)
    with carrying():
        arrived = told(port)["/hook"]
        owe(accounts[0], 1, f"{base}/hook")
        while told(port)["/hook"] == arrived:  # so that the courier's own start is not measured
            time.sleep(0.1)
        complete(claims)
        time.sleep(3)
    with database.transaction() as session:
        first = "SELECT DISTINCT ON (delivery_id) delivery_id, at FROM delivery_tries ORDER BY delivery_id, id"
        wanted = session.execute(
            text(
                f"""
                SELECT extract(epoch FROM coalesce(tried.at, now()) - created_at)::float8 FROM deliveries
                LEFT JOIN ({first}) AS tried ON delivery_id = deliveries.id WHERE url = :good AND job_id = ANY(:jobs)
                """  # noqa: S608 - made of our own words
            ),
            {"good": f"{base}/hook", "jobs": [claim.job_id for claim in claims]},
        )
        return sorted(wanted.scalars())


def running_jobs(accounts: list[Any], urls: list[str], count: int) -> list[Any]:
    """Claims on so many running jobs, in turn of every account."""
    from jobs.lifecycle import Claim
    from jobs.rules.catalog import MODELS

    made = []
    for (account, url), number in zip(itertools.cycle(zip(accounts, urls, strict=True)), range(count), strict=False):
        made.append((account, job_row(account, "running", url), number))
    insert_jobs([row for _, row, _ in made])
    return [
        Claim(row["id"], account.account_id, 1, 1, "bench", "preview", MODELS[row["model"]], {}, {}, 1, {}, 0)
        for account, row, _ in made
    ]


def complete(claims: list[Any]) -> None:
    """Finish these jobs, so many a second, as workers do."""
    from jobs import lifecycle
    from jobs.lifecycle import Output

    def finish(number: int) -> None:
        claim = claims[number]
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        lifecycle.finish(claim, Output(f"{claim.account_id.hex}/v.mp4", 9, "0" * 64, 896, 448, 100, 4.0))

    began = time.monotonic()
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(finish, range(len(claims))))
    late = time.monotonic() - began - len(claims) / PER_SECOND
    if late > 1:
        print(f"(jobs completed at {len(claims) / (time.monotonic() - began):.0f} a second: the machine is busy)")


def owe(account: Any, count: int, url: str) -> None:  # noqa: ANN401 - as above
    """So many completed jobs, and what is owed for each."""
    from sqlalchemy import insert, text

    from jobs import database, ids
    from jobs.rules.deliveries import lane_of
    from jobs.tables import Delivery

    rows = [job_row(account, "completed", url) for _ in range(count)]
    insert_jobs(rows)
    owed = {"account_id": account.account_id, "lane": lane_of(account.account_id, url), "url": url}
    kind = {"kind": "job.completed"}
    with database.transaction() as session:
        session.execute(insert(Delivery), [{"id": ids.new_id(), "job_id": row["id"], **owed, **kind} for row in rows])
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def insert_jobs(rows: list[dict[str, Any]]) -> None:
    from sqlalchemy import insert

    from jobs import database
    from jobs.tables import Job

    with database.transaction() as session:
        session.execute(insert(Job), rows)


def job_row(account: Any, status: str, url: str) -> dict[str, Any]:  # noqa: ANN401 - as above
    from datetime import UTC, datetime, timedelta

    from jobs import ids

    job_id, now = ids.new_id(), datetime.now(UTC)
    key, is_done = f"{account.account_id.hex}/jobs/{job_id.hex}/1/{job_id.hex}.mp4", status == "completed"
    media = {name: f"https://media.example.com/{job_id.hex}/{name}" for name in ("image", "left_audio", "right_audio")}
    return {
        "id": job_id,
        "account_id": account.account_id,
        "key_id": account.key_id,
        "model": "wavespeed-ai/infinitetalk/multi",
        "inputs": media | {"prompt": "Two people talk.", "order": "left_right", "resolution": "480p", "seed": -1},
        "seed": 1,
        "webhook_url": url,
        "status": status,
        "engine_wanted": "auto",
        "engine": "preview",
        "engine_reason": "The only one.",
        "attempt": 1,
        "fence": 1,
        "worker": "bench",
        "started_at": now,
        "wait_until": now + timedelta(days=1),
        "run_seconds": 3600,
        "finish_until": now + timedelta(days=1),
        "finished_at": now if is_done else None,
        "lease_until": None if is_done else now + timedelta(days=1),
        "output": {"key": key, "bytes": 9, "sha256": "0" * 64, "width": 896, "height": 448} if is_done else None,
    }


def wait_until_settled() -> None:
    from sqlalchemy import text

    from jobs import database

    while True:
        with database.transaction() as session:
            if session.execute(text("SELECT count(*) FROM deliveries WHERE status = 'owed'")).scalar_one() == 0:
                return
        time.sleep(0.2)


def rate(port: int, before: int, count: int) -> float:
    """Posts a second, from the first of these to the last, as the receiver saw them."""
    while told(port)["/hook"] < before + count:
        time.sleep(0.05)
    first, last = told(port, before, before + count - 1)["at"]
    return float(count / (last - first))


def carry() -> None:
    """The courier alone, as the timetable runs it."""
    from jobs import telemetry
    from workers import courier

    telemetry.start("courier")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    courier.keep(stop)


@contextmanager
def carrying() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, __file__, "--courier"], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def resident_mb(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
