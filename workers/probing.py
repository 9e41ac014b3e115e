"""Measures the voices of a batch's lines before it opens: fetched and decoded as a job's would be, and thrown away.

A voice that many lines name is fetched once; nothing of it is kept but its length.
"""

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
"""So many different voices are measured of one batch: whoever reads batches must not be kept from the others."""


def measuring(account_id: uuid.UUID, folder: Path, report: Callable[[int], None]) -> Measure:
    """How `batches.read_file` measures: `folder` is scratch, `report` is told that somebody is still at it."""
    known: dict[str, float] = {}
    lines = 0

    def measure(model: Model, inputs: Mapping[str, object]) -> Mapping[str, float]:
        nonlocal lines
        lines += 1
        wanted = {voice: str(inputs[voice]) for voice in model.voices}
        for voice, source in wanted.items():
            if source not in known:
                if len(known) == VOICES_MAX:
                    raise MediaError(voice, f"is beyond the {VOICES_MAX} voices that are measured; declare its length")
                known[source] = _seconds(account_id, voice, source, folder, lambda: report(lines))
        return {voice: known[source] for voice, source in wanted.items()}

    return measure


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
