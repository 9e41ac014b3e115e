"""Measures the cloud engine with very many jobs at the upstream at once: pace, memory, and how soon videos are ours.

`python benchmarks/cloud_in_flight.py`; the stand-in for WaveSpeed, the forwarder (in the chores' process), one worker,
the front door, Postgres (fsync on) and the bucket share this machine, each in a process of its own. First all jobs are
sent and none ends. Then they end, so many a second, and each is timed from the moment its end is asked of the fake
until its video lies in our bucket. The last of them end without the worker, much faster: how many ends are heard of,
asked about and written down in a second, the bytes of the videos aside. With `--no-callbacks` sweeps alone find what
has ended, and the last part is left out. The fake's own count says whether a tier's limit was passed. It ends with 3 if
a goal is missed.
"""

import argparse
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - the path comes first

from benchmarks import ending, house  # noqa: E402 - as above
from benchmarks.figures import verdict  # noqa: E402 - as above

MEMORY_GOAL_MB: Final = 400
SOON_SECONDS: Final = 10.0
"""Goal: from a webhook, or from the end where sweeps alone find it out, until the video is ours."""
RATE_GOAL: Final = 200.0
MODEL: Final = "wavespeed-ai/infinitetalk"
AT_ONCE: Final = 8


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the cloud engine with very many jobs at the upstream.")
    parser.add_argument("--jobs", type=int, default=10_000, help="how many jobs are at the upstream at once")
    parser.add_argument("--rate", type=float, default=30.0, help="how many end a second while the worker fetches them")
    parser.add_argument("--fetched", type=int, help="how many end at that rate, the others never; all if not given")
    parser.add_argument("--burst", type=int, default=2000, help="how many end at 200 a second, and are not fetched")
    parser.add_argument("--callbacks", action=argparse.BooleanOptionalAction, default=True, help="or sweeps alone")
    given = parser.parse_args()
    given.burst = min(given.burst, given.jobs // 4) if given.callbacks else 0
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return measure(Path(folder), given)


def measure(folder: Path, given: argparse.Namespace) -> int:
    from cli import stack

    with ExitStack() as closing:
        running = closing.enter_context(stack.running(folder / "data"))
        port, door = house.free_port(), house.free_port()
        fake = f"http://127.0.0.1:{port}"
        os.environ |= running.environment | {
            "DUOLOGUE_ENGINES": "cloud",
            "DUOLOGUE_PORT": str(door),
            "DUOLOGUE_WAVESPEED_URL": fake,
            "DUOLOGUE_WAVESPEED_API_KEYS": "one:ultra,two:ultra",
            "DUOLOGUE_WAVESPEED_INPUTS": "links",
            "DUOLOGUE_WAVESPEED_CALLBACKS": str(given.callbacks),
        }
        house.order(given.jobs, MODEL)
        # A job of 5 s lasts for more than an hour there: none ends by itself.
        plan = ("--keys", "one=ultra,two=ultra", "--credit", "100000", "--no-fetch", "--speed", "0.001")
        house.open_program(closing, "fake", "cli", "fake-wavespeed", "--port", str(port), *plan)
        house.open_program(closing, "door", "api.serving")
        house.wait_for(lambda: house.answers(f"{fake}/fake/bill") and house.answers(f"http://127.0.0.1:{door}/health"))
        house.open_program(closing, "forwarder", "workers.timetable")
        house.open_program(
            closing, "worker", "celery", "-A", "workers.app", "--quiet", "worker", "--pool=threads",
            f"--concurrency={AT_ONCE}", "-Q", "duologue.cloud", "--without-mingle", "--without-gossip",
        )  # fmt: skip
        return act(folder, fake, given)


def act(folder: Path, fake: str, given: argparse.Namespace) -> int:
    """The three parts; what this process ends with."""
    print(f"{given.jobs} jobs, two keys of the ultra tier, webhooks {'on' if given.callbacks else 'off'}", flush=True)
    cost = house.Cost(folder)
    failures = [fill(given.jobs)]
    cost.tell("processor time for each job sent", given.jobs)
    names = [row[0] for row in house.asked("SELECT upstream_id FROM upstream_tries WHERE ended_at IS NULL ORDER BY id")]
    slowly, quickly = names[given.burst :][: given.fetched], names[: given.burst]
    failures.append(fetch(fake, slowly, given))
    cost.tell("processor time for each job that ended and was fetched", len(slowly))
    if quickly:
        house.peak_mb("worker")
        house.close_program("worker")
        cost = house.Cost(folder)
        failures.append(hear(fake, quickly))
        cost.tell("processor time for each end that was heard of", len(quickly))
    failures += [keep_limits(fake), keep_small()]
    missed = [failure for failure in failures if failure]
    print("every goal reached" if not missed else f"missed: {'; '.join(missed)}")
    return verdict(is_missed=bool(missed))


def fill(jobs: int) -> str:
    """All are sent."""
    began_at = time.monotonic()
    house.wait_for(lambda: at_upstream() == jobs, 600)
    seconds = time.monotonic() - began_at
    print(f"sent in {seconds:.0f} s, {jobs / seconds:.0f} a second; at once there: {at_upstream()}", flush=True)
    return ""


def fetch(fake: str, names: list[str], given: argparse.Namespace) -> str:
    """They end at a steady rate, and a worker fetches each."""
    ended = ending.end_all(fake, names, given.rate)
    house.wait_for(lambda: house.asked("SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL")[0][0] == len(names))
    rows = house.asked("""
        SELECT upstream_id, EXTRACT(EPOCH FROM told_at), EXTRACT(EPOCH FROM ended_at), EXTRACT(EPOCH FROM finished_at)
        FROM upstream_tries AS one JOIN jobs ON jobs.id = one.job_id WHERE finished_at IS NOT NULL
    """)
    told = [float(row[1]) - ended[row[0]] for row in rows if row[1]]
    known = [float(row[2]) - ended[row[0]] for row in rows]
    stored = [float(row[3]) - ended[row[0]] for row in rows]
    print(f"ended at {ending.rate(ended.values()):.1f} a second; from each end", flush=True)
    for what, waits in (("webhook heard", told), ("known", known), ("stored", stored)):
        house.spread(what, waits)
    wave = house.asked("SELECT took_ms FROM chores WHERE name = 'sweep_upstream'")
    print(f"last sweep: {wave[0][0]} ms" if wave else "no sweep yet")
    heard = SOON_SECONDS if given.callbacks else 2 * SOON_SECONDS
    late = sum(wait > heard for wait in stored)
    return f"{late} of {len(stored)} stored later than {heard:g} s" if late else ""


def hear(fake: str, names: list[str]) -> str:
    """They end much faster, and nobody fetches them."""
    ended = ending.end_all(fake, names, RATE_GOAL * 1.1)
    known = "SELECT count(*) FROM upstream_tries WHERE ended_at IS NOT NULL AND collected_at IS NULL"
    house.wait_for(lambda: house.asked(known)[0][0] == len(names))
    rows = house.asked("""
        SELECT upstream_id, EXTRACT(EPOCH FROM told_at), EXTRACT(EPOCH FROM ended_at) FROM upstream_tries
        WHERE ended_at IS NOT NULL AND collected_at IS NULL
    """)
    heard, written = (ending.rate(float(row[place]) for row in rows if row[place]) for place in (1, 2))
    print(f"ended at {ending.rate(ended.values()):.0f} a second, without the worker:")
    print(f"heard at {heard:.0f} a second, asked about and written down at {written:.0f} (goal {RATE_GOAL:g})")
    house.spread("known", [float(row[2]) - ended[row[0]] for row in rows])
    return "" if written >= RATE_GOAL else f"{written:.0f} ends a second written down"


def keep_limits(fake: str) -> str:
    keys: list[dict[str, Any]] = httpx.get(f"{fake}/fake/bill", timeout=120).json()["keys"]
    for key in keys:
        most = f"at once {key['peak_in_flight']}, in a minute {key['peak_in_a_minute']}"
        print(f"{key['name']}: {most}, refused {key['refused_by_limit']}")
    refused = sum(key["refused_by_limit"] for key in keys)
    return f"{refused} calls beyond a limit" if refused else ""


def keep_small() -> str:
    most = {name: house.peak_mb(name) for name in ("forwarder", "worker")}
    told = ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in most.items())
    print(f"memory at most: {told} (goal {MEMORY_GOAL_MB})")
    return "" if max(most.values()) < MEMORY_GOAL_MB else "memory"


def at_upstream() -> int:
    there = "SELECT count(*) FROM upstream_tries WHERE ended_at IS NULL AND upstream_id IS NOT NULL"
    return int(house.asked(there)[0][0])


if __name__ == "__main__":
    sys.exit(main())
