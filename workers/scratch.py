"""Gives each attempt a folder that goes with it, says whether there is room, and clears away what the killed left."""

import fcntl
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from jobs import events

_LEAST_BYTES: Final = 256 * 2**20
"""What one input may take once it is regular."""
_PATIENCE_SECONDS: Final = 30.0
_PREFIX = "duologue-job-"
_UNFINISHED = "duologue-new-"

_had_room = True
_asked_at = math.inf


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, held until the end. Raises OSError when the disk has no room even for that."""
    draft = Path(tempfile.mkdtemp(prefix=_UNFINISHED))
    holding = os.open(draft, os.O_RDONLY)
    try:
        fcntl.flock(holding, fcntl.LOCK_EX)
        # Held before it has a name that `sweep` looks for: nobody ever finds a living worker's folder unheld.
        place = draft.rename(draft.with_name(_PREFIX + draft.name.removeprefix(_UNFINISHED)))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(holding)


def has_room() -> bool:
    """Whether a job's files would find room; it is said once where they would not."""
    global _asked_at  # noqa: PLW0603 - one disk for the whole process
    _asked_at = min(_asked_at, time.monotonic())
    try:
        free_bytes = shutil.disk_usage(tempfile.gettempdir()).free
    except OSError:
        free_bytes = 0
    _asked_at = math.inf
    return _note(free_bytes)


def had_room() -> bool:
    """What was found last, asking nobody: a disk on the network may never answer, and then there is none."""
    return _note(0) if time.monotonic() - _asked_at > _PATIENCE_SECONDS else _had_room


def sweep() -> int:
    """Remove the folders whose holders are gone; how many there were. Other users' folders are left to them."""
    return sum(_sweep(left) for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


def _note(free_bytes: int) -> bool:
    global _had_room
    had_room, _had_room = _had_room, free_bytes >= _LEAST_BYTES
    if had_room and not _had_room:
        events.emit("scratch.full", free_bytes=free_bytes)
    return _had_room


def _sweep(left: Path) -> bool:
    with suppress(OSError):
        holding = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(holding, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left)
        finally:
            os.close(holding)
        return True
    return False
