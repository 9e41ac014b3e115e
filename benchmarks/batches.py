"""Measures how long a batch of many lines takes to be accepted, against raw COPY and pure validation in the same run.

`python benchmarks/batches.py`; worker, Postgres (fsync on), bucket and front door share this machine. The reference is
the sum of two things: reading and judging the same lines with nothing around it, and COPY of the same rows of jobs,
events and ledger into tables of the same shape, indexes included. It ends with 3 if a goal is missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import state, verdict  # noqa: E402 - found once the root is on the path

RATIO_GOAL: Final = 2.0
MEMORY_GOAL_MB: Final = 250.0
P99_GOAL_MS: Final = 100.0
MODEL: Final = "wavespeed-ai/infinitetalk/multi"
_COPIED: Final = {
    "jobs": "SELECT * FROM jobs WHERE batch_id = %s",
    "events": "SELECT events.* FROM events JOIN jobs ON jobs.id = job_id WHERE batch_id = %s",
    "ledger_entries": "SELECT ledger_entries.* FROM ledger_entries JOIN jobs ON jobs.id = job_id WHERE batch_id = %s",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the intake of batches.")
    parser.add_argument("--lines", type=int, default=50_000, help="how many lines a batch has")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured, in turns")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return read_one()
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), arguments.lines, arguments.rounds)


def compare(folder: Path, lines: int, rounds: int) -> int:
    """Measure, print the table; 0 if the goals are reached."""
    from benchmarks.serving import served
    from cli import stack
    from jobs import schema, storage

    with stack.running(folder / "data", parts={"database", "broker", "bucket"}) as running:
        os.environ |= running.environment | {"DUOLOGUE_ENGINES": "gpu"}  # previews are free: no money would be held
        schema.upgrade()
        storage.make_bucket()
        path = write_lines(folder, lines)
        found = [measure(folder, path) for _ in range(rounds)]
        with served("api.app:create_app") as door:
            alone, beside = (polled(path, door, is_busy=is_busy) for is_busy in (False, True))
    for one in found:
        print("  ".join(f"{name} {value:.2f}" for name, value in one.items()))
    return judge(found, alone, beside)


def measure(folder: Path, path: Path) -> dict[str, float]:
    """One round: the intake in a process of its own, then the two references."""
    caller, _ = an_account()
    batch_id = accepted(caller, path)
    facts = worked()
    validation, copy = timed(lambda: judged(caller, path)), copied(batch_id, folder)
    return {
        "intake_s": facts["seconds"],
        "validation_s": validation,
        "copy_s": copy,
        "ratio": facts["seconds"] / (validation + copy),
        "peak_mb": facts["peak_mb"],
    }


def polled(path: Path, door: int, *, is_busy: bool) -> float:
    """99th percentile of polls of the front door, milliseconds: while a batch is read, or with nothing to do."""
    caller, key = an_account()
    with Polls(door, key) as polls:
        if is_busy:
            accepted(caller, path)
            worked()
        else:
            time.sleep(5)
    return polls.p99_ms()


def worked() -> dict[str, float]:
    """Have another process read the batch that waits; what it says of itself."""
    command = [sys.executable, __file__, "--worker"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def judge(found: list[dict[str, float]], alone_ms: float, beside_ms: float) -> int:
    ratio = statistics.median(one["ratio"] for one in found)
    peak = max(one["peak_mb"] for one in found)
    seconds = statistics.median(one["intake_s"] for one in found)
    least = statistics.median(one["validation_s"] + one["copy_s"] for one in found)
    is_missed = state(
        "batch intake",
        f"{seconds:.1f} s",
        reference=f"COPY and validation: {least:.1f} s",
        compared=f"{ratio:.2f}",
        goal=f"at most {RATIO_GOAL:g}",
        is_reached=ratio <= RATIO_GOAL,
    )
    goal = f"at most {MEMORY_GOAL_MB:g} MB"
    is_missed |= state("memory of that", f"{peak:.0f} MB", goal=goal, is_reached=peak <= MEMORY_GOAL_MB)
    is_missed |= state(
        "the door beside that, p99",
        f"{beside_ms:.0f} ms",
        reference=f"alone: {alone_ms:.0f} ms",
        goal=f"at most {P99_GOAL_MS:g} ms",
        is_reached=beside_ms <= P99_GOAL_MS,
    )
    print(
        f"ratio {ratio:.2f} (goal {RATIO_GOAL:g}), peak {peak:.0f} MB (goal {MEMORY_GOAL_MB:g}), p99 of polls "
        f"{beside_ms:.0f} ms beside it, {alone_ms:.0f} ms without (goal {P99_GOAL_MS:g})"
    )
    return verdict(is_missed=is_missed)


def read_one() -> int:
    """What the worker's process does: read the batch that waits, and say how long that took and how much it held."""
    import resource

    from workers import batching

    began = time.perf_counter()
    assert batching.read_all() == 1
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
    return 0


def write_lines(folder: Path, lines: int) -> Path:
    path = folder / "lines.jsonl"
    with path.open("w") as file:
        for number in range(lines):
            inputs = {
                name: f"https://media.example.com/{number}/{name}" for name in ("image", "left_audio", "right_audio")
            }
            options = {"duration_seconds": 5 + number % 40, "tags": ["bench"], "metadata": {"row": number}}
            line = {"custom_id": f"row-{number}", "model": MODEL, "inputs": inputs | {"order": "left_right"}}
            file.write(json.dumps(line | {"options": options}) + "\n")
    return path


def an_account() -> tuple[Any, str]:
    """A new one, prepaid and with money."""
    from decimal import Decimal

    from jobs import accounts, database, ids, ledger, terms

    name = ids.new_id().hex
    with database.transaction() as session:
        _, key = accounts.create_key(session, name=name, account=name)
    with database.transaction() as session:
        terms.change(session, terms.named(session, name), {"is_prepaid": True})
        caller = accounts.identify(session, key)
        ledger.top_up(session, caller.account_id, Decimal(10_000_000), "a benchmark")
    return caller, key


def accepted(caller: Any, path: Path) -> Any:  # noqa: ANN401 - known once the product is imported
    from jobs import batches, database, storage, uploads
    from jobs.batches import BatchWish

    with database.transaction() as session:
        upload = uploads.register(session, caller, path.name, path.stat().st_size, "application/jsonl")
    storage.put(path, upload.object_key, upload.content_type)
    batch, _ = batches.create_from_file(caller, BatchWish(), uploads.link(upload))
    return batch.id


def judged(caller: Any, path: Path) -> None:  # noqa: ANN401 - as above
    """Every line read and judged, and nothing kept."""
    from jobs.rules import batch_lines
    from jobs.submission.wishes import Order, Wish, draft

    with path.open("rb") as file:
        for text in file:
            line = batch_lines.read(text, {})
            options = line.options
            draft(
                Order(
                    caller,
                    Wish(
                        model=line.model,
                        inputs=line.inputs,
                        engine=options.engine,
                        priority=options.priority,
                        tags=tuple(options.tags),
                        metadata=options.metadata,
                        voice_seconds=options.declared_seconds,
                    ),
                )
            )


def copied(batch_id: Any, folder: Path) -> float:  # noqa: ANN401 - as above
    """COPY the very rows that the batch left into empty tables like theirs, in one transaction; how long that took."""
    import psycopg

    from jobs import settings

    url = settings.load().secret("database_url").replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        for table, rows in _COPIED.items():
            with (
                (folder / table).open("wb") as file,
                connection.cursor().copy(f"COPY ({rows.replace('%s', repr(str(batch_id)))}) TO STDOUT") as source,
            ):
                file.writelines(bytes(piece) for piece in source)
            connection.execute(f"CREATE TABLE copied_{table} (LIKE {table} INCLUDING ALL)")
        connection.commit()
        began = time.perf_counter()
        for table in _COPIED:
            _copy_in(connection, table, folder / table)
        connection.commit()
        seconds = time.perf_counter() - began
        for table in _COPIED:
            connection.execute(f"DROP TABLE copied_{table}")
    return seconds


def _copy_in(connection: Any, table: str, path: Path) -> None:  # noqa: ANN401 - psycopg's
    with connection.cursor().copy(f"COPY copied_{table} FROM STDIN") as target, path.open("rb") as file:
        while piece := file.read(2**18):
            target.write(piece)


class Polls:
    """Somebody who asks the front door again and again, and how long each answer took."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._stop = threading.Event()
        self._took: list[float] = []
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def p99_ms(self) -> float:
        return sorted(self._took)[int(len(self._took) * 0.99)] * 1000

    def _ask(self) -> None:
        import httpx

        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30) as client:
            while not self._stop.wait(0.01):
                began = time.perf_counter()
                client.get("/v1/jobs?limit=1", headers={"Authorization": f"Bearer {self._key}"}).raise_for_status()
                self._took.append(time.perf_counter() - began)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
