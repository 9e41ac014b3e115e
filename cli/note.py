"""What a running `duologue up` leaves in its data folder for other commands; void as soon as it ends, in any way."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from jobs.errors import WrongSetting

_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Note:
    """Where the API is, and the variables that lead to the servers once they run."""

    api_url: str
    pid: int
    servers: Mapping[str, str] = field(default_factory=dict)


class Keeping:
    """The right to write one folder's note; the lock behind it ends with its holder, and so tells living from stale."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, note: Note) -> None:
        text = json.dumps(asdict(note)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


@contextmanager
def kept(data: Path) -> Iterator[Keeping]:
    """Be the one `duologue up` of this folder, which must be there. Raises WrongSetting when there is one already."""
    descriptor = os.open(_path(data), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, data)
        keeping = Keeping(descriptor)
        try:
            yield keeping
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def read(data: Path) -> Note | None:
    """The note of the `duologue up` that runs in this folder; None when none does, or it has only just begun."""
    try:
        descriptor = os.open(_path(data), os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError:
        raise WrongSetting(f"{data} belongs to somebody else: choose another folder with --data.") from None
    try:
        if _try_lock(descriptor, fcntl.LOCK_SH):
            return None
        text = os.pread(descriptor, 65536, 0)
    finally:
        os.close(descriptor)
    with suppress(json.JSONDecodeError):  # half of it written: it has only just begun
        return Note(**json.loads(text))
    return None


def refuse_a_second(data: Path) -> None:
    """Raise WrongSetting, naming it, when a `duologue up` runs in this folder."""
    if running := read(data):
        raise WrongSetting(
            f"`duologue up` already runs in {data}: {running.api_url}, process {running.pid}. "
            "Stop it first, or choose another folder with --data."
        )


def _path(data: Path) -> Path:
    return data / "up.json"


def _lock(descriptor: int, data: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS  # a reader holds it for a moment too
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > until:
            refuse_a_second(data)
            raise WrongSetting(f"Another `duologue up` is starting in {data}. Choose another folder with --data.")
        time.sleep(0.02)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
