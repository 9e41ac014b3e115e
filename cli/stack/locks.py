"""Locks between processes that the kernel lets go of when their holder dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import WrongSetting

LOOK_SECONDS = 0.02


class Lock:
    """One hold on a lock file; the file itself stays for ever, removing it would split the lock in two."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def share(self) -> bool:
        return self._take(fcntl.LOCK_SH)

    def own(self) -> bool:
        """Hold it alone; a share held before is given up either way."""
        return self._take(fcntl.LOCK_EX)

    def release(self) -> None:
        os.close(self._file)

    def _take(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def alone(path: Path, *, patience_seconds: float, otherwise: str) -> Iterator[None]:
    """Hold the lock alone; after so much waiting raise WrongSetting with the sentence `otherwise`."""
    lock = Lock(path)
    try:
        until = time.monotonic() + patience_seconds
        while not lock.own():
            if time.monotonic() > until:
                raise WrongSetting(otherwise)
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        lock.release()


def shared(path: Path, *, patience_seconds: float, otherwise: str) -> Lock:
    """A share of the lock, which the caller releases; after so much waiting WrongSetting says `otherwise`."""
    lock = Lock(path)
    until = time.monotonic() + patience_seconds
    while not lock.share():
        if time.monotonic() > until:
            lock.release()
            raise WrongSetting(otherwise)
        time.sleep(LOOK_SECONDS)
    return lock


def is_held(path: Path) -> bool:
    """Somebody holds it alone."""
    if not path.exists():
        return False
    lock = Lock(path)
    try:
        return not lock.share()
    finally:
        lock.release()
