"""Gives each attempt a folder of its own that goes with it, and clears away what killed workers left behind."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "duologue-job-"
_UNFINISHED = "duologue-new-"


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


def sweep() -> int:
    """Remove the folders whose holders are gone; how many there were. Other users' folders are left to them."""
    return sum(_sweep(left) for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"))


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
