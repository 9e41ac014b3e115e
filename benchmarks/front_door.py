"""Measures how fast one process of the front door answers polls and takes orders, against bare FastAPI in the same run.

`python benchmarks/front_door.py`; servers, load and Postgres (fsync on) share this machine. The load comes from a
process of its own that keeps 64 connections open and checks every answer's status. Orders have bodies and idempotency
keys of their own and are paid for by prepaid accounts. It ends with 1 if a goal is missed.
"""

import argparse
import itertools
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.load import NUMBER, NUMBER_LETTERS  # noqa: E402 - found once the root is on the path

KEYS: Final = 50
JOBS: Final = 10_000
P99_GOAL_MS: Final = 50.0
BARE: Final = "bare FastAPI, constant GET"
DOOR: Final = "GET .../result"
BARE_POST: Final = "bare FastAPI, validating POST"
DOOR_POST: Final = "POST, 50 accounts"
ONE_POST: Final = "POST, one account"
GOALS: Final = {DOOR: (BARE, 0.6), DOOR_POST: (BARE_POST, 0.5), ONE_POST: (BARE_POST, 0.5)}
"""What is measured, the reference of each, and the least ratio."""
MODEL: Final = "wavespeed-ai/infinitetalk/multi"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the front door.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each of the two is measured, in turns")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), arguments.rounds, arguments.seconds)


def compare(folder: Path, rounds: int, seconds: float) -> int:
    """Measure all of them in turns, print the table; 0 if the goals are reached."""
    from cli import stack

    with stack.running(folder / "data", parts={"database", "broker", "bucket"}) as running:
        os.environ |= running.environment | {"DUOLOGUE_ENGINES": "gpu"}  # previews are free: no money would be held
        made = fill()
        keys = sorted({key for key, _ in made})
        files = write_down(
            folder,
            {
                BARE: [request("/", "none")],
                DOOR: list(polls(made)),
                BARE_POST: [order("/", key) for key in keys],
                DOOR_POST: [order(f"/api/v3/{MODEL}", key) for key in keys],
                ONE_POST: [order(f"/api/v3/{MODEL}", keys[0])],
            },
        )
        with served("benchmarks.front_door:bare") as bare, served("api.app:create_app") as door:
            ports = {name: bare if name in {BARE, BARE_POST} else door for name in files}
            for name, port in ports.items():
                measure(port, files[name], 1.0)
            full: dict[str, list[float]] = {name: [] for name in files}
            for name in [*files] * rounds:
                full[name].append(measure(ports[name], files[name], seconds)["per_second"])
            rate = statistics.median(full[DOOR]) / 2
            half = {name: measure(ports[name], files[name], 2 * seconds, rate) for name in (BARE, DOOR)}
            memory = resident_mb(door)
    return report(full, half, memory)


def write_down(folder: Path, requests: dict[str, list[str]]) -> dict[str, Path]:
    files = {name: folder / f"requests-{number}" for number, name in enumerate(requests)}
    for name, file in files.items():
        file.write_text("\n".join(requests[name]))
    return files


def report(full: dict[str, list[float]], half: dict[str, dict[str, float]], memory_mb: float) -> int:
    for name, found in full.items():
        print(f"{name:30} {statistics.median(found):7.0f} requests/s   ({min(found):.0f} to {max(found):.0f})")
    is_missed = False
    for name, (reference, goal) in GOALS.items():
        ratio = statistics.median(one / other for one, other in zip(full[name], full[reference], strict=True))
        print(f"{name:30} {ratio:7.2f} of {reference}, median of the turns (goal: at least {goal})")
        is_missed |= ratio < goal
    print(f"both at half of what polls did, a wait counted from when it was due (goal: p99 under {P99_GOAL_MS:.0f} ms)")
    for name, waits in half.items():
        print(f"{name:30} {waits['per_second']:7.0f} requests/s   p50 {waits['p50_ms']:.1f} ms,", end=" ")
        print(f"p99 {waits['p99_ms']:.1f} ms")
    print(f"{'memory of the door after it':30} {memory_mb:7.0f} MB             (goal: under 200)")
    return int(is_missed or half[DOOR]["p99_ms"] >= P99_GOAL_MS)


def fill() -> list[tuple[str, str]]:
    """The jobs, half completed with a video and half running, of as many accounts as keys; key and job id of each."""
    from sqlalchemy import insert, text, update

    from jobs import accounts, database, ids, ledger, schema
    from jobs.rules import keys
    from jobs.tables import Account, Job

    schema.upgrade()
    made, rows, now = [], [], datetime.now(UTC)
    with database.transaction() as session:
        assert session.scalar(text("SHOW fsync")) == "on"
        owners = [accounts.create_key(session, name="bench", account=f"account {n}") for n in range(KEYS)]
        for row, _ in owners:
            ledger.top_up(session, row.account_id, Decimal(10**6), "for the benchmark")
        session.execute(update(Account).values(is_prepaid=True, submits_per_minute=10**6, waiting_max=10**6))
        for number, (row, key) in zip(range(JOBS), itertools.cycle(owners), strict=False):
            job_id, is_done = ids.new_id(), number // KEYS % 2 == 0
            video = {"key": keys.video(row.account_id, job_id, 1), "bytes": 9, "sha256": "0" * 64, "width": 896}
            rows.append(
                {
                    "id": job_id,
                    "account_id": row.account_id,
                    "key_id": row.id,
                    "seed": 1,
                    "inputs": INPUTS,
                    "model": MODEL,
                    "engine_wanted": "auto",
                    "engine": "preview",
                    "engine_reason": "The only one.",
                    "attempt": 1,
                    "fence": 1,
                    "worker": "bench",
                    "started_at": now,
                    "wait_until": now,
                    "run_seconds": 60,
                    "finish_until": now + timedelta(days=1),
                    "status": "completed" if is_done else "running",
                    "output": video if is_done else None,
                    "finished_at": now if is_done else None,
                    "lease_until": None if is_done else now,
                }
            )
            made.append((key, job_id.hex))
        session.execute(insert(Job), rows)
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    database.engine().dispose()
    return made


MEDIA: Final = {"image": "two.png", "left_audio": "left.mp3", "right_audio": "right.mp3"}
INPUTS: Final = {name: f"https://media.example.com/{file}" for name, file in MEDIA.items()}


def polls(made: list[tuple[str, str]]) -> Iterator[str]:
    random.Random(1).shuffle(made)  # noqa: S311 - an order, not a secret
    for key, job_id in made:
        yield request(f"/api/v3/predictions/{job_id}/result", key)


def request(path: str, key: str) -> str:
    """One request on one line; the bars stand for line ends. The headers are those a Python client sends."""
    headers = (
        f"Host: 127.0.0.1|Accept: */*|Accept-Encoding: gzip, deflate|User-Agent: bench|Authorization: Bearer {key}"
    )
    return f"GET {path} HTTP/1.1|{headers}||"


def order(path: str, key: str) -> str:
    """One order on one line; `NUMBER` makes each of its kind."""
    body = {name: f"https://media.example.com/{NUMBER}/{file}" for name, file in MEDIA.items()}
    text = json.dumps(body | {"prompt": f"Two people talk, {NUMBER}.", "resolution": "480p", "seed": -1})
    length = len(text) + text.count(NUMBER) * (NUMBER_LETTERS - len(NUMBER))
    headers = f"Content-Type: application/json|Content-Length: {length}|Idempotency-Key: {NUMBER}"
    return request(path, key).replace("GET", "POST", 1).removesuffix("|") + f"{headers}||{text}"


def bare() -> Any:  # noqa: ANN401 - FastAPI is imported where it is served, not where the load is made
    """What the framework alone can do."""
    from typing import Literal

    from fastapi import FastAPI
    from pydantic import BaseModel, Field

    app = FastAPI()

    class Form(BaseModel):
        image: str = Field(pattern="^https?://")
        left_audio: str = Field(pattern="^https?://")
        right_audio: str = Field(pattern="^https?://")
        prompt: str = Field("", max_length=10_000)
        resolution: Literal["480p", "720p"] = "480p"
        seed: int = Field(-1, ge=-1, le=2**31 - 1)

    @app.get("/")
    async def constant() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/")
    async def validate(form: Form) -> dict[str, str]:  # noqa: ARG001 - to be validated is all it is for
        return {"status": "ok"}

    return app


_SERVERS: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def served(factory: str) -> Iterator[int]:
    """The port of one process that serves the application as `duologue up` does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["--factory", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    server = subprocess.Popen([sys.executable, "-m", "uvicorn", factory, *options], cwd=ROOT)
    try:
        until = time.monotonic() + 30
        while not listens(port):
            assert server.poll() is None, f"{factory} does not start"
            assert time.monotonic() < until, f"{factory} does not come up"
            time.sleep(0.05)
        _SERVERS[port] = server
        yield port
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident_mb(port: int) -> float:
    """What the process that listens on `port` has in memory."""
    pid = _SERVERS[port].pid
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def measure(port: int, file: Path, seconds: float, rate: float = 0) -> dict[str, float]:
    command = [sys.executable, str(ROOT / "benchmarks" / "load.py"), str(port), str(file), str(seconds), str(rate)]
    said: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return said


if __name__ == "__main__":
    sys.exit(main())
