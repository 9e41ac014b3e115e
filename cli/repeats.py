"""Orders under a name of their own, kept here for a while: the same command sends the same order, not one like it.

What is uploaded has another link each time, so that the order made anew would be another to whoever knows the name.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from cli.client import Json
from cli.stack.book import write_secret

KEPT_SECONDS = 20 * 3600
"""Less than the API keeps names for, as it comes."""


def same_or_new(data: Path, name: str, likeness: str, make: Callable[[], Json]) -> Json:
    """The order that was made here under `name` of what has this `likeness`; else what `make` makes, kept first."""
    folder = data / "orders"
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"
    _forget_old(folder)
    with suppress(FileNotFoundError):
        kept: Json = json.loads(path.read_text(encoding="utf-8"))
        if kept["likeness"] == likeness:
            order: Json = kept["order"]
            return order
    order = make()
    folder.mkdir(parents=True, exist_ok=True)
    write_secret(path, json.dumps({"likeness": likeness, "order": order}))  # its links can be read by anybody
    return order


def likeness(asked: Json, files: Iterable[Path]) -> str:
    """A digest of what is asked, to whom, and what is in these files."""
    found = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.json"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                path.unlink()
