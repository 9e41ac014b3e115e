"""Listens to each speaker's WAV once: how loud it is, and how far the mouth is open in every frame of the video."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from jobs.errors import EngineError
from workers.engines.preview import envelope
from workers.engines.preview.loudness import LoudnessMeter
from workers.engines.preview.pixels import Floats
from workers.infinitetalk.sizes import FRAMES_PER_SECOND

SAMPLE_RATE: Final = 48_000
SAMPLES_PER_FRAME: Final = SAMPLE_RATE // FRAMES_PER_SECOND

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Voice:
    """One speaker's track; `openings` and `levels` hold 0 to 1 for every frame that the track touches."""

    path: Path
    samples: int
    gain: float
    openings: Floats
    levels: Floats

    @property
    def is_silent(self) -> bool:
        return not self.openings.any()


def listen(path: Path) -> Voice:
    """Read the whole track, a second at a time. EngineError if it is not 48 kHz, mono, 16 bit."""
    meter = LoudnessMeter(SAMPLE_RATE)
    parts: list[Floats] = []
    samples = 0
    for block in read_blocks(path, SAMPLE_RATE):
        samples += len(block)
        meter.feed(block)
        parts.append(envelope.measure(block, SAMPLES_PER_FRAME, SAMPLE_RATE))
    measured = np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
    return Voice(path, samples, meter.gain(), envelope.openings(measured), envelope.levels(measured))


def read_blocks(path: Path, samples_per_block: int) -> Iterator[Samples]:
    """Read a track in equal blocks, the last one shorter."""
    try:
        with wave.open(str(path), "rb") as track:
            _check(track, path)
            while content := track.readframes(samples_per_block):
                yield np.frombuffer(content, "<i2")
    except (OSError, EOFError, wave.Error) as error:
        raise EngineError(f"The voice {path.name} cannot be read: {error}.", permanent=True) from error


def _check(track: wave.Wave_read, path: Path) -> None:
    if (track.getframerate(), track.getnchannels(), track.getsampwidth()) != (SAMPLE_RATE, 1, 2):
        raise EngineError(f"The voice {path.name} must be 48 kHz, mono, 16 bit.", permanent=True)
