"""Measures the voices of a batch's lines before it opens: fetched and decoded as a job's would be, and thrown away.

A voice that many lines name is fetched once; nothing of it is kept but its length, or why it has none.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from jobs import settings, storage
from jobs.batches import Measure
from jobs.errors import MediaError
from jobs.rules.catalog import Model
from workers.intake.fetch import Ways
from workers.intake.limits import Limits
from workers.intake.prepare import Request, prepare

VOICES_MAX: Final = 1000
SECONDS_MAX: Final = 600.0
"""So many different voices of one batch are measured, and for so long: others wait for the same reader."""


def measuring(account_id: uuid.UUID, folder: Path, report: Callable[[int], None]) -> Measure:
    """How `batches.read_file` measures: `folder` is scratch, `report` is told that somebody is still at it."""
    known: dict[bytes, float | str] = {}
    lines, spent_seconds = 0, 0.0

    def measure(model: Model, inputs: Mapping[str, object]) -> Mapping[str, float]:
        nonlocal lines
        lines += 1
        return {voice: length(voice, str(inputs[voice])) for voice in model.voices}

    def length(voice: str, source: str) -> float:
        nonlocal spent_seconds
        name = hashlib.sha256(source.encode()).digest()  # a voice inside its line may have a megabyte
        if name not in known:
            _check_room(voice, len(known), spent_seconds)
            began = time.monotonic()
            known[name] = _length_or_why_not(account_id, voice, source, folder, lambda: report(lines))
            spent_seconds += time.monotonic() - began
        found = known[name]
        if isinstance(found, str):
            raise MediaError(voice, found)
        return found

    return measure


def _check_room(voice: str, voices: int, spent_seconds: float) -> None:
    if voices == VOICES_MAX:
        raise MediaError(voice, f"is beyond the {VOICES_MAX} voices that are measured; declare its length")
    if spent_seconds > SECONDS_MAX:
        sentence = f"is left over after the {SECONDS_MAX:g} seconds that a batch is measured; declare its length"
        raise MediaError(voice, f"{sentence}, or send its line in another batch")


def _length_or_why_not(
    account_id: uuid.UUID, voice: str, source: str, folder: Path, check: Callable[[], None]
) -> float | str:
    try:
        return _seconds(account_id, voice, source, folder, check)
    except MediaError as error:
        return error.reason


def _seconds(account_id: uuid.UUID, voice: str, source: str, folder: Path, check: Callable[[], None]) -> float:
    """Raises MediaError when it cannot be used, now or ever: a batch that is judged does not wait for its media."""
    chosen = settings.load()
    with TemporaryDirectory(dir=folder) as place:
        prepared = prepare(
            Request(account_id, {voice: "audio"}, {voice: source}),
            Path(place),
            Limits(fetch_seconds=chosen.fetch_seconds),
            Ways(storage, chosen.allowed_networks, check=check),
        )
    found = prepared.tracks.get(voice)
    if not found:
        raise MediaError(voice, "has no length")
    return found
