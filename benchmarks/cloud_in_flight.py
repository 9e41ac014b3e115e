"""Measures the cloud engine with very many jobs at the upstream at once: pace, memory, and how soon videos are ours.

`python benchmarks/cloud_in_flight.py`; the stand-in for WaveSpeed, the forwarder (in the chores' process), one worker,
the front door, Postgres (fsync on) and the bucket share this machine, each in a process of its own. The fake's own
count says whether a tier's limit was passed. It ends with 1 if a goal is missed.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - the path comes first

MEMORY_GOAL_MB: Final = 400
STORED_GOAL_SECONDS: Final = 10
MODEL: Final = "wavespeed-ai/infinitetalk"
AT_ONCE: Final = 8
_PATIENCE_SECONDS: Final = 3600


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the cloud engine with very many jobs at the upstream.")
    parser.add_argument("--jobs", type=int, default=10_000, help="how many jobs are at the upstream at once")
    parser.add_argument("--speed", type=float, default=0.02, help="seconds of video the upstream makes in a second")
    parser.add_argument("--callbacks", action=argparse.BooleanOptionalAction, default=True, help="or sweeps alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return measure(Path(folder), given)


def measure(folder: Path, given: argparse.Namespace) -> int:
    from cli import stack

    with ExitStack() as closing:
        running = closing.enter_context(stack.running(folder / "data"))
        port, door = free_port(), free_port()
        fake = f"http://127.0.0.1:{port}"
        os.environ |= running.environment | {
            "DUOLOGUE_ENGINES": "cloud",
            "DUOLOGUE_PORT": str(door),
            "DUOLOGUE_WAVESPEED_URL": fake,
            "DUOLOGUE_WAVESPEED_API_KEYS": "one:ultra,two:ultra",
            "DUOLOGUE_WAVESPEED_INPUTS": "links",
            "DUOLOGUE_WAVESPEED_CALLBACKS": str(given.callbacks),
        }
        order(given.jobs)
        keys = ("--keys", "one=ultra,two=ultra", "--credit", "100000", "--no-fetch", "--speed", str(given.speed))
        closing.enter_context(program("cli", "fake-wavespeed", "--port", str(port), *keys))
        closing.enter_context(program("api.serving"))
        wait_for(lambda: answers(f"{fake}/fake/bill") and answers(f"http://127.0.0.1:{door}/health"))
        forwarder = closing.enter_context(program("workers.timetable"))
        worker = closing.enter_context(
            program("celery", "-A", "workers.app", "--quiet", "worker", "--pool=threads", f"--concurrency={AT_ONCE}",
                    "-Q", "duologue.cloud", "--without-mingle", "--without-gossip")
        )  # fmt: skip
        return report(follow(forwarder.pid, worker.pid, given.jobs), fake, given)


def follow(forwarder: int, worker: int, jobs: int) -> dict[str, Any]:
    """Watch until all are final: the most that were there at once, and the most memory of each process."""
    began_at = time.monotonic()
    found: dict[str, Any] = {"most": 0, "forwarder_mb": 0.0, "worker_mb": 0.0, "sent_seconds": None}
    while True:
        at_upstream, unsent, final = counts()
        found["most"] = max(found["most"], at_upstream)
        found["forwarder_mb"] = max(found["forwarder_mb"], resident_mb(forwarder))
        found["worker_mb"] = max(found["worker_mb"], resident_mb(worker))
        if not unsent and found["sent_seconds"] is None:
            found["sent_seconds"] = time.monotonic() - began_at
        if final == jobs:
            found["seconds"] = time.monotonic() - began_at
            return found
        if time.monotonic() - began_at > _PATIENCE_SECONDS:
            raise SystemExit(f"only {final} of {jobs} jobs are final")
        time.sleep(1)


def report(found: dict[str, Any], fake: str, given: argparse.Namespace) -> int:
    keys = httpx.get(f"{fake}/fake/bill", timeout=120).json()["keys"]
    told, ended = waits("told_at"), waits("ended_at")
    memory_mb = max(found["forwarder_mb"], found["worker_mb"])
    sent_seconds = found["sent_seconds"]
    print(f"{given.jobs} jobs, two keys of the ultra tier, webhooks {'on' if given.callbacks else 'off'}")
    print(f"sent in {sent_seconds:.0f} s, {given.jobs / sent_seconds:.0f} a second; at once there: {found['most']}")
    for key in keys:
        most = f"at once {key['peak_in_flight']}, in a minute {key['peak_in_a_minute']}"
        print(f"{key['name']}: {most}, refused {key['refused_by_limit']}")
    print(
        f"memory: forwarder {found['forwarder_mb']:.0f} MB, worker {found['worker_mb']:.0f} MB (goal {MEMORY_GOAL_MB})"
    )
    for name, seconds in (("from its webhook", told), ("from when we knew", ended)):
        if seconds:
            p95 = seconds[int(len(seconds) * 0.95)]
            print(f"{name} to stored: p50 {statistics.median(seconds):.1f} s, p95 {p95:.1f}, most {seconds[-1]:.1f}")
    print(f"stored: {storing_rate():.0f} a second while they came")
    refused = sum(key["refused_by_limit"] for key in keys)
    late = bool(told) and told[-1] > STORED_GOAL_SECONDS
    return int(memory_mb > MEMORY_GOAL_MB or refused > 0 or late)


def order(jobs: int) -> None:
    """Order so many jobs the way callers do, and have their media be regular already."""
    from sqlalchemy import text

    from jobs import accounts, database, schema, storage, submission
    from jobs.submission import Wish

    schema.upgrade()
    storage.make_bucket()
    with database.transaction() as session:
        _, key = accounts.create_key(session, name="bench", account="bench")
    with database.transaction() as session:
        caller = accounts.identify(session, key)
    inputs = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"}
    for _ in range(jobs):
        submission.submit(caller, Wish(model=MODEL, inputs=inputs))
    prefix = "a/jobs/b/1/inputs"
    media = json.dumps({"image": {"key": f"{prefix}/a.png"}, "audio": {"key": f"{prefix}/a.wav", "seconds": 5}})
    with database.transaction() as session:
        session.execute(text("UPDATE jobs SET media = CAST(:media AS jsonb)"), {"media": media})
    database.engine().dispose()


def counts() -> tuple[int, int, int]:
    """Jobs that the upstream has, that wait to be sent, and that are final."""
    at_upstream, unsent, final = asked("""
        SELECT (SELECT count(*) FROM upstream_tries WHERE ended_at IS NULL AND upstream_id IS NOT NULL),
            count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE finished_at IS NOT NULL) FROM jobs
    """)[0]  # fmt: skip
    return int(at_upstream), int(unsent), int(final)


def waits(since: str) -> list[float]:
    """Seconds from a moment of the try to its job's end, sorted."""
    rows = asked(f"""
        SELECT EXTRACT(EPOCH FROM jobs.finished_at - one.{since}) FROM jobs JOIN upstream_tries AS one
        ON one.job_id = jobs.id AND one.outcome = 'completed' WHERE one.{since} IS NOT NULL ORDER BY 1
    """)  # noqa: S608 - our own words
    return [float(row[0]) for row in rows]


def storing_rate() -> float:
    """Jobs completed a second between the first tenth and the last."""
    rows = asked("SELECT EXTRACT(EPOCH FROM finished_at) FROM jobs WHERE status = 'completed' ORDER BY finished_at")
    first, last = rows[len(rows) // 10][0], rows[len(rows) * 9 // 10][0]
    return float(len(rows) * 0.8 / max(float(last - first), 0.001))


def asked(question: str) -> list[Any]:
    from jobs import database

    with database.reading() as cursor:
        return cursor.execute(question.encode()).fetchall()


@contextmanager
def program(module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, stopped at the end."""
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen([sys.executable, "-m", module, *words], cwd=ROOT, stdout=said, stderr=said)
        try:
            yield started
        finally:
            started.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(60)
            started.kill()
            started.wait()


def wait_for(look: Any) -> None:  # noqa: ANN401 - any look
    give_up_at = time.monotonic() + 120
    while not look():
        if time.monotonic() > give_up_at:
            raise SystemExit("the servers did not come up")
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
