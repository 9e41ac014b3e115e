"""Measures how fast one process of the front door answers polls and takes orders, against bare FastAPI in the same run.

`python benchmarks/front_door.py`; servers, load and Postgres (fsync on) share this machine. The load comes from a
process of its own that keeps 64 connections open and checks every answer's status. Orders have bodies and idempotency
keys of their own and are paid for by prepaid accounts. With `--finished 1000000` all of it is measured twice, without
and with so many finished jobs in the tables. It ends with 3 if a goal is missed.
"""

import argparse
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import state, verdict  # noqa: E402 - found once the root is on the path
from benchmarks.load import NUMBER, NUMBER_LETTERS  # noqa: E402 - likewise
from benchmarks.serving import measure, resident_mb, served  # noqa: E402 - likewise

KEYS: Final = 50
JOBS: Final = 10_000
P99_GOAL_MS: Final = 50.0
MEMORY_GOAL_MB: Final = 200
CHANGE_GOAL: Final = 0.15
"""By how much finished jobs may change a ratio at most."""
BARE: Final = "bare FastAPI, constant GET"
DOOR: Final = "GET .../result"
BARE_POST: Final = "bare FastAPI, validating POST"
DOOR_POST: Final = "POST, 50 accounts"
ONE_POST: Final = "POST, one account"
GOALS: Final = {DOOR: (BARE, 0.6), DOOR_POST: (BARE_POST, 0.5), ONE_POST: (BARE_POST, 0.5)}
"""What is measured, the reference of each, and the least ratio."""
MODEL: Final = "wavespeed-ai/infinitetalk/multi"

Turns = dict[str, list[dict[str, float]]]
"""What `measure` found of each, turn by turn."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the front door.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each of the two is measured, in turns")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each time")
    parser.add_argument("--finished", type=int, default=0, help="measure again with so many finished jobs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), arguments.rounds, arguments.seconds, arguments.finished)


def compare(folder: Path, rounds: int, seconds: float, finished: int) -> int:
    """Measure all of them in turns, print the table; 0 if the goals are reached."""
    from benchmarks import finished_jobs
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
            full = in_turns(ports, files, rounds, seconds)
            rate = statistics.median(turn["per_second"] for turn in full[DOOR]) / 2
            half = {name: measure(ports[name], files[name], 2 * seconds, rate) for name in (BARE, DOOR)}
            is_missed = report(full, half, resident_mb(door))
            if finished:
                began = time.monotonic()
                finished_jobs.add(finished)
                print(f"\nwith {finished} finished jobs, written in {time.monotonic() - began:.0f} s")
                is_missed |= report_change(full, in_turns(ports, files, rounds, seconds), resident_mb(door))
    return verdict(is_missed=is_missed)


def in_turns(ports: dict[str, int], files: dict[str, Path], rounds: int, seconds: float) -> Turns:
    """What each did, turn by turn, after a second to warm up."""
    for name, port in ports.items():
        measure(port, files[name], 1.0)
    full: Turns = {name: [] for name in files}
    for name in [*files] * rounds:
        full[name].append(measure(ports[name], files[name], seconds))
    return full


def write_down(folder: Path, requests: dict[str, list[str]]) -> dict[str, Path]:
    files = {name: folder / f"requests-{number}" for number, name in enumerate(requests)}
    for name, file in files.items():
        file.write_text("\n".join(requests[name]))
    return files


def report(full: Turns, half: dict[str, dict[str, float]], memory_mb: float) -> bool:
    """Print all figures; whether a goal is missed."""
    print_rates(full)
    ratios = ratios_of(full)
    for name, (reference, goal) in GOALS.items():
        print(f"{name:30} {ratios[name]:7.2f} of {reference}, median of the turns (goal: at least {goal})")
        state(
            name,
            f"{rate_of(full[name]):.0f}/s",
            reference=f"{reference}: {rate_of(full[reference]):.0f}/s",
            compared=f"{ratios[name]:.2f}",
            goal=f"at least {goal}",
            is_reached=ratios[name] >= goal,
        )
    print(f"both at half of what polls did, a wait counted from when it was due (goal: p99 under {P99_GOAL_MS:.0f} ms)")
    for name, waits in half.items():
        print(f"{name:30} {waits['per_second']:7.0f} requests/s   p50 {waits['p50_ms']:.1f} ms,", end=" ")
        print(f"p99 {waits['p99_ms']:.1f} ms")
    is_missed = any(ratios[name] < goal for name, (_, goal) in GOALS.items())
    is_missed |= state(
        "polls at half that rate, p99",
        f"{half[DOOR]['p99_ms']:.1f} ms",
        reference=f"{BARE}: {half[BARE]['p99_ms']:.1f} ms",
        goal=f"under {P99_GOAL_MS:.0f} ms",
        is_reached=half[DOOR]["p99_ms"] < P99_GOAL_MS,
    )
    return print_memory(memory_mb) or is_missed


def report_change(before: Turns, after: Turns, memory_mb: float) -> bool:
    """Print what finished jobs change; whether it is too much. Ratios are compared, for machines are noisy."""
    print_rates(after)
    was, now = ratios_of(before), ratios_of(after)
    for name, (reference, _) in GOALS.items():
        print(f"{name:30} {was[name]:7.2f} of {reference} before, {now[name]:.2f} with them: ", end="")
        print(f"{now[name] / was[name]:.2f} of it (goal: at least {1 - CHANGE_GOAL:.2f})")
    return print_memory(memory_mb) or any(now[name] / was[name] < 1 - CHANGE_GOAL for name in GOALS)


def print_rates(full: Turns) -> None:
    """Requests a second, and the server's processor time for one: that is steadier where others use the machine too."""
    for name, turns in full.items():
        found = [turn["per_second"] for turn in turns]
        spent_us = statistics.median(turn["server_us"] for turn in turns)
        print(
            f"{name:30} {statistics.median(found):7.0f} requests/s   ({min(found):.0f} to {max(found):.0f}),", end=" "
        )
        print(f"{spent_us:.0f} us of the server each")


def print_memory(memory_mb: float) -> bool:
    """Whether it is too much."""
    print(f"{'memory of the door after it':30} {memory_mb:7.0f} MB             (goal: under {MEMORY_GOAL_MB})")
    is_reached = memory_mb < MEMORY_GOAL_MB
    return state("memory of the door", f"{memory_mb:.0f} MB", goal=f"under {MEMORY_GOAL_MB} MB", is_reached=is_reached)


def rate_of(turns: list[dict[str, float]]) -> float:
    return statistics.median(turn["per_second"] for turn in turns)


def ratios_of(full: Turns) -> dict[str, float]:
    """How each compares with its reference, the median of the turns."""
    return {
        name: statistics.median(
            one["per_second"] / other["per_second"] for one, other in zip(full[name], full[reference], strict=True)
        )
        for name, (reference, _) in GOALS.items()
    }


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


if __name__ == "__main__":
    sys.exit(main())
