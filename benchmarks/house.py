"""Opens a whole house for a benchmark, each program in a process of its own, and reads what it cost."""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

ROOT: Final = Path(__file__).resolve().parents[1]
_PROGRAMS: Final[dict[str, subprocess.Popen[bytes]]] = {}
_TOGETHER: Final = 50


def open_program(closing: ExitStack, name: str, module: str, *words: str) -> None:
    """Start a process of ours under a name; it is stopped when `closing` ends."""
    _PROGRAMS[name] = closing.enter_context(_program(module, *words))


def close_program(name: str) -> None:
    _PROGRAMS[name].terminate()
    _PROGRAMS[name].wait(60)


class Cost:
    """What the programs and Postgres have had of the processor since this was made, or last told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = self._spent()

    def tell(self, what: str, count: int) -> None:
        spent = self._spent()
        each = {name: 1000 * (seconds - self._before.get(name, 0.0)) / count for name, seconds in spent.items()}
        parts = ", ".join(f"{name} {milliseconds:.1f}" for name, milliseconds in each.items())
        print(f"{what}, ms: {sum(each.values()):.1f} ({parts})", flush=True)
        self._before = self._spent()

    def _spent(self) -> dict[str, float]:
        spent = {name: _processor_seconds(one.pid) for name, one in _PROGRAMS.items() if one.poll() is None}
        processes = [int(path.name) for path in Path("/proc").glob("[0-9]*") if _is_postgres(path, self._folder)]
        return spent | {"postgres": sum(map(_processor_seconds, processes))}


def peak_mb(name: str) -> float:
    """The most a program has had in memory; of one that was closed, what it had when last asked."""
    with contextlib.suppress(OSError, IndexError):
        status = Path(f"/proc/{_PROGRAMS[name].pid}/status").read_text()
        _PEAKS[name] = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return _PEAKS.get(name, 0.0)


_PEAKS: Final[dict[str, float]] = {}


def order(jobs: int, model: str) -> None:
    """Order so many jobs the way callers do, and have their media be regular already."""
    from sqlalchemy import text

    from jobs import accounts, database, schema, storage, submission
    from jobs.submission import Wish

    schema.upgrade()
    storage.make_bucket()
    with database.transaction() as session:
        _, key = accounts.create_key(session, name="bench", account="bench")
    inputs = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"}
    for first in range(0, jobs, _TOGETHER):
        asked_for = [(key, Wish(model=model, inputs=inputs), None)] * min(_TOGETHER, jobs - first)
        assert not [one for one in submission.submit_together(asked_for) if isinstance(one, Exception)]
    prefix = "a/jobs/b/1/inputs"
    media = json.dumps({"image": {"key": f"{prefix}/a.png"}, "audio": {"key": f"{prefix}/a.wav", "seconds": 5}})
    with database.transaction() as session:
        session.execute(text("UPDATE jobs SET media = CAST(:media AS jsonb)"), {"media": media})
    database.engine().dispose()


def asked(question: str) -> list[Any]:
    """What Postgres answers."""
    from jobs import database

    with database.single_statements() as cursor:
        return cursor.execute(question.encode()).fetchall()


def spread(what: str, waits: list[float]) -> None:
    """Print the middle and the end of some waits, in seconds."""
    if not waits:
        return
    ordered = sorted(waits)
    p50, p95, p99 = statistics.median(ordered), *(ordered[int(len(ordered) * part)] for part in (0.95, 0.99))
    print(f"  {what}: p50 {p50:.2f} s, p95 {p95:.2f}, p99 {p99:.2f}, most {ordered[-1]:.2f}", flush=True)


def wait_for(look: Callable[[], bool], seconds: float = 300) -> None:
    give_up_at = time.monotonic() + seconds
    while not look():
        if time.monotonic() > give_up_at:
            raise SystemExit("it did not come")
        time.sleep(0.2)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def _program(module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
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


def _processor_seconds(pid: int) -> float:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _is_postgres(process: Path, folder: Path) -> bool:
    """Whether this is a process of the Postgres that lies below `folder`, which is where it stands."""
    try:
        is_one = (process / "comm").read_text().startswith("postgres")
        return is_one and (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False
