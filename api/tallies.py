"""Counts this front door's answers by route and status, in a fraction of a microsecond; those of its siblings too.

Processes that share a port are asked at random, so each counts in a file of its own that the others read: a piece of
memory with a name. The file of a process that has ended is taken over by the next one, which goes on from there.
"""

import fcntl
import hashlib
import mmap
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jobs import events
from jobs.telemetry.metrics import REQUESTS
from jobs.telemetry.numbers import Labels, Spread

_BOUNDS: Final = REQUESTS.buckets
_ROWS: Final = 1024
_STATUS, _SUM, _BUCKETS, _NAME = 0, 1, 2, 2 + len(_BOUNDS) + 1
"""Where the words of a row begin; the endless bucket is the last, and a row without a status is not begun."""
_NAME_BYTES: Final = 128
_WORDS: Final = _NAME + _NAME_BYTES // 8
_BYTES: Final = 8 * _WORDS * _ROWS
_FILES: Final = "door-{}-{}.counts".format(hashlib.sha256(repr((_BOUNDS, _WORDS)).encode()).hexdigest()[:12], "{}")
"""What versions of ours with other rows do not open."""
_SIBLINGS_MAX: Final = 64
_NOWHERE: Final = -1


class Tallies:
    """One process's rows. Only its event loop writes; a row has its place for ever once it was begun."""

    def __init__(self, folder: Path | None = None) -> None:
        """With a `folder` there are siblings, who count in there too."""
        self._folder = folder
        self._file = None if folder is None else _take_file(folder)
        self._memory: mmap.mmap | bytearray
        self._memory = bytearray(_BYTES) if self._file is None else mmap.mmap(self._file, _BYTES)
        self._words, self._sums = memoryview(self._memory).cast("Q"), memoryview(self._memory).cast("d")
        self._places = {
            (_name(self._words, place), self._words[place + _STATUS]): place for place in _begun(self._words)
        }

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        place = self._places.get((route, status))
        if place is None:
            place = self._begin(route, status)
            if place == _NOWHERE:
                return
        self._words[place + _BUCKETS + bisect_left(_BOUNDS, seconds)] += 1
        self._sums[place + _SUM] += seconds

    def spreads(self) -> dict[Labels, Spread]:
        """What was counted so far, by route and status; by the siblings too."""
        counts: dict[Labels, list[float]] = defaultdict(lambda: [0.0] * (len(_BOUNDS) + 1))
        sums: dict[Labels, float] = defaultdict(float)
        for words, seconds in self._all():
            for place in _begun(words):
                labels = (_name(words, place), str(words[place + _STATUS]))
                sums[labels] += seconds[place + _SUM]
                for bucket in range(len(_BOUNDS) + 1):
                    counts[labels][bucket] += words[place + _BUCKETS + bucket]
        return {labels: Spread(found, sums[labels]) for labels, found in counts.items()}

    def close(self) -> None:
        """Let go of the file; whoever comes next goes on in it."""
        for view in (self._words, self._sums):
            view.release()
        if isinstance(self._memory, mmap.mmap):
            self._memory.close()
        if self._file is not None:
            os.close(self._file)

    def _begin(self, route: str, status: int) -> int:
        """A place for what was not met before; none where all rows are taken, far more than there can be."""
        if len(self._places) == _ROWS:
            return _NOWHERE
        place = len(self._places) * _WORDS
        name = route.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        self._words[place + _NAME : place + _WORDS] = memoryview(name).cast("Q")
        self._words[place + _STATUS] = status  # last: now others see the row
        self._places[route, status] = place
        return place

    def _all(self) -> Iterator[tuple["memoryview[int]", "memoryview[float]"]]:
        yield self._words, self._sums
        if self._folder is None or self._file is None:
            return
        own = os.fstat(self._file).st_ino
        for path in self._folder.glob(_FILES.format("*")):
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino == own or found.st_size != _BYTES:
                    continue
                content = memoryview(file.read(_BYTES))
            yield content.cast("Q"), content.cast("d")


def _begun(words: "memoryview[int]") -> Iterator[int]:
    """Where the rows begin that were begun."""
    for place in range(0, len(words), _WORDS):
        if not words[place + _STATUS]:
            return
        yield place


def _name(words: "memoryview[int]", place: int) -> str:
    return words[place + _NAME : place + _WORDS].tobytes().rstrip(b"\0").decode(errors="replace")


def _take_file(folder: Path) -> int | None:
    """The first that no living process has; None, and a word about it, where there can be none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(_SIBLINGS_MAX):
            file = os.open(folder / _FILES.format(number), os.O_RDWR | os.O_CREAT, 0o600)
            if _is_ours(file):
                os.truncate(file, _BYTES)
                return file
            os.close(file)
    except OSError as error:
        events.emit("tallies.apart", reason=f"{folder} cannot be written: {error.strerror}")
    return None


def _is_ours(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
