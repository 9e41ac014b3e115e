"""Keeps what a rendering has come to in the bucket, so that whoever takes the job over goes on from there.

Each holder writes below its own fence, and last a list of what belongs together. So nobody reads half of a turn, and
what a holder that lost its lease still stores changes nothing that another has begun with.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from jobs import events, lifecycle, storage
from jobs.errors import StorageError, Unavailable
from jobs.lifecycle import Claim
from jobs.rules import keys
from workers.lease import Lease

RESUMABLE: Final = frozenset({"gpu"})
"""The engines that hand over what they have come to; the others are through before it would be worth it."""

_LIST: Final = "list.json"
_LIST_MAX_BYTES: Final = 2**20
_KEPT_MAX_BYTES: Final = 2**30


class Keeper:
    """What one holder of a job keeps, and what those before it have kept. `folder` is the attempt's own."""

    def __init__(self, claim: Claim, folder: Path) -> None:
        self._claim = claim
        self._folder = folder
        self._keys: dict[str, str] = {}
        self._pending: dict[str, Path] = {}
        self._turn = 0

    def bring(self, lease: Lease) -> Path | None:
        """Fetch what earlier holders kept; None where that is nothing, or no longer whole.

        Raises StorageError when the bucket is away, and Stopped.
        """
        if self._claim.engine not in RESUMABLE or self._claim.fence == 1:
            return None
        place = self._folder / "kept"
        place.mkdir()
        try:
            found = self._last_list()
            for name, key in found.items():
                lease.check()
                storage.download(key, place / Path(name).name, _KEPT_MAX_BYTES)
        except StorageError as error:
            if not error.permanent:
                raise
            return None  # the list names what is gone: the job was being cleared away
        self._keys = found
        return place if found else None

    def keep(self, files: Mapping[str, Path]) -> None:
        """Store these and forget what they replace; what the bucket does not take now goes with the next turn."""
        for name, path in files.items():
            if (older := self._pending.get(name)) is not None:
                older.unlink()
            self._pending[name] = path
        try:
            self._store()
        except StorageError as error:
            events.emit("storing.failed", reason=str(error))
            return
        with suppress(Unavailable):
            lifecycle.forgive(self._claim)

    def _store(self) -> None:
        self._turn += 1
        stored = {name: self._put(path, f"{self._turn}/{name}") for name, path in self._pending.items()}
        replaced = [self._keys[name] for name in stored if name in self._keys]
        self._keys |= stored
        note = self._folder / _LIST
        note.write_text(json.dumps(self._keys), encoding="utf-8")
        self._put(note, _LIST)
        for path in self._pending.values():
            path.unlink()
        self._pending.clear()
        own = keys.kept(self._claim.account_id, self._claim.job_id, self._claim.fence, "")
        storage.remove(key for key in replaced if key.startswith(own))

    def _put(self, path: Path, name: str) -> str:
        key = keys.kept(self._claim.account_id, self._claim.job_id, self._claim.fence, name)
        storage.put(path, key, "application/octet-stream")
        return key

    def _last_list(self) -> dict[str, str]:
        """Names and keys of what belongs together, by the last holder before us that kept anything."""
        lists = [key for key in _kept(self._claim) if key.endswith(f"/{_LIST}")]
        if not lists:
            return {}
        last = max(lists, key=keys.fence_of)
        note = self._folder / _LIST
        storage.download(last, note, _LIST_MAX_BYTES)
        found: dict[str, str] = json.loads(note.read_text(encoding="utf-8"))
        return found


def forget(claim: Claim) -> None:
    """Remove what was kept of a job that is final; what the bucket does not let go now is swept up later."""
    if claim.engine in RESUMABLE:
        with suppress(StorageError):
            storage.remove(_kept(claim))


def _kept(claim: Claim) -> list[str]:
    return [key for key in storage.keys_below(keys.job(claim.account_id, claim.job_id)) if keys.is_kept(key)]
