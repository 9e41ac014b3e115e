"""Makes all media of one job regular, several at once: sources in, files that every engine can trust out."""

import hashlib
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from jobs.errors import JobError
from jobs.rules.catalog import Kind
from workers.intake.child import Piece, decode
from workers.intake.fetch import Source, Wanted, Ways, fetch
from workers.intake.limits import Limits
from workers.intake.regular import Regular

_SUFFIXES: Final[dict[Kind, str]] = {"image": ".png", "mask": ".png", "audio": ".wav"}


@dataclass(frozen=True)
class Request:
    """What one job brings: `media` maps each media field of its model to a kind, `sources` those that were given."""

    account_id: uuid.UUID
    media: Mapping[str, Kind]
    sources: Mapping[str, Source]


@dataclass(frozen=True)
class Prepared:
    """The regular files by field, in the order of the model's fields."""

    files: Mapping[str, Regular]

    @property
    def tracks(self) -> dict[str, float]:
        """Seconds of each voice, left speaker first: what `rules.durations` asks for."""
        return {name: regular.seconds or 0.0 for name, regular in self.files.items() if regular.kind == "audio"}

    def as_json(self) -> dict[str, Any]:
        return {name: regular.as_json() for name, regular in self.files.items()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], folder: Path) -> Self:
        """Read `as_json` back, the files now lying in `folder`."""
        return cls({name: Regular.from_json(found, folder) for name, found in facts.items()})


def prepare(request: Request, folder: Path, limits: Limits, ways: Ways) -> Prepared:
    """Fetch and decode every source into `folder`, which must exist.

    Raises MediaError naming the first field that cannot be used, StorageError when our own bucket is away, and
    whatever `ways.check` raises, which is called from several threads, several times a second while something moves.
    The length of the video is not judged here: see `rules.durations`.
    """
    given = {name: kind for name, kind in request.media.items() if name in request.sources}
    stop = threading.Event()
    heeding = replace(ways, check=lambda: _heed(stop, ways))
    with ThreadPoolExecutor(max_workers=limits.parallel, thread_name_prefix="intake") as pool:
        ends = {name: pool.submit(_make_regular, request, name, folder, limits, heeding) for name in given}
        try:
            wait(ends.values(), return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
    _raise_first_failure(list(ends.values()))
    return Prepared({name: end.result() for name, end in ends.items()})


def _make_regular(request: Request, name: str, folder: Path, limits: Limits, ways: Ways) -> Regular:
    kind = request.media[name]
    fetched = folder / f"{name}.fetched"
    fetch(Wanted(name, request.sources[name], request.account_id, limits.max_bytes(kind)), fetched, limits, ways)
    target = folder / f"{name}{_SUFFIXES.get(kind, '')}"
    facts = decode(Piece(name, kind, fetched, target), limits, ways.check)
    if kind == "video":
        target = fetched.rename(folder / f"{name}{facts.pop('suffix')}")
    else:
        fetched.unlink()
    return _described(target, kind, facts)


def _described(path: Path, kind: Kind, facts: dict[str, Any]) -> Regular:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Regular(path=path, kind=kind, sha256=digest, bytes=path.stat().st_size, **facts)


class _Abandoned(Exception):
    """This input is given up because another one failed."""


def _heed(stop: threading.Event, ways: Ways) -> None:
    if stop.is_set():
        raise _Abandoned
    ways.check()


def _raise_first_failure(ends: list["Future[Regular]"]) -> None:
    """Raise what says most: news and bugs before the caller's faults, and those that last before those that pass."""
    failures = [error for end in ends if (error := end.exception()) and not isinstance(error, _Abandoned)]
    if failures:
        raise min(failures, key=lambda error: (isinstance(error, JobError), not getattr(error, "permanent", False)))
