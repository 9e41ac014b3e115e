"""Starts the decoding child, waits for it no longer than its limits, and turns its end into facts or a MediaError."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from jobs import events
from jobs.errors import MediaError, WorkerUnfit
from jobs.rules.catalog import Kind
from workers.intake.decode import STARTED
from workers.intake.limits import Limits

_ROOT: Final = Path(__file__).resolve().parents[2]
_WAIT_SECONDS: Final = 0.2
_COMPLAINT_BYTES: Final = 2000
_OUT_OF_TIME: Final = {-signal.SIGXCPU, -signal.SIGALRM}
_OUT_OF_MEMORY_WORDS: Final = (b"MemoryError", b"bad_alloc", b"Cannot allocate memory", b"failed to map segment")


@dataclass(frozen=True)
class Piece:
    """One fetched file that is to be decoded, and where its regular form goes. Videos are only looked at."""

    field: str
    kind: Kind
    source: Path
    target: Path


def decode(piece: Piece, limits: Limits, check: Callable[[], None]) -> dict[str, Any]:
    """Decode in a child process; the facts it found. Raises MediaError, WorkerUnfit, and whatever `check` raises."""
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as complaints:
        child = _start(piece, limits, answers, complaints)
        try:
            _wait(child, piece.field, limits, check)
        finally:
            _end(child)
        return _understand(piece, child.returncode, _tail(answers), _tail(complaints))


def _start(piece: Piece, limits: Limits, answers: IO[bytes], complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    order = {"field": piece.field, "kind": piece.kind, "source": str(piece.source), "target": str(piece.target)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "workers.intake.decode", json.dumps({**order, "limits": asdict(limits)})],
        stdin=subprocess.DEVNULL,
        stdout=answers,
        stderr=complaints,
        env=_environment(),
        start_new_session=True,
    )


def _environment() -> dict[str, str]:
    """Nothing of ours, no secret above all; and one thread per library, for each reserves memory under the limit."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    one_thread = dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
    )
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, **one_thread, "PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": path}


def _wait(child: subprocess.Popen[bytes], field: str, limits: Limits, check: Callable[[], None]) -> None:
    ends_at = time.monotonic() + limits.decode_seconds
    while True:
        check()
        seconds_left = ends_at - time.monotonic()
        try:
            child.wait(min(_WAIT_SECONDS, max(0.0, seconds_left)))
        except subprocess.TimeoutExpired:
            if seconds_left <= _WAIT_SECONDS:
                raise _too_slow(field) from None
        else:
            return


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave nothing behind: the child leads a group of its own, and the group goes as one."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _understand(piece: Piece, returncode: int, answer: bytes, complaint: bytes) -> dict[str, Any]:
    started, _, said_last = answer.partition(b"\n")
    if returncode == 0:
        said: dict[str, Any] = json.loads(said_last)
        if "refused" in said:
            raise MediaError(piece.field, said["refused"])
        if "ours" in said:
            raise WorkerUnfit(f"the worker's machine could not go on: {said['ours']}")
        facts: dict[str, Any] = said["facts"]
        return facts
    events.emit(
        "intake.child_died",
        field=piece.field,
        kind=piece.kind,
        returncode=returncode,
        complaint=complaint.decode("utf-8", "replace"),
    )
    if started != STARTED.encode():  # it could not even load its libraries: the file was not touched
        raise WorkerUnfit("the worker cannot decode media; its log says why")
    if returncode in _OUT_OF_TIME:
        raise _too_slow(piece.field)
    if returncode == -signal.SIGKILL:
        # Not our doing: the machine ran out of memory, perhaps for somebody else's sake.
        raise MediaError(piece.field, "decoding was stopped by the machine", permanent=False)
    if any(word in complaint for word in _OUT_OF_MEMORY_WORDS):
        raise MediaError(piece.field, "needs too much memory to decode")
    raise MediaError(piece.field, "cannot be decoded")


def _too_slow(field: str) -> MediaError:
    return MediaError(field, "took too long to decode")


def _tail(file: IO[bytes]) -> bytes:
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, size_bytes - _COMPLAINT_BYTES))
    return file.read()
