"""The video's sound: the voices as they came, not as the model hears them, in their places and to the sample."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from workers.infinitetalk.sizes import FRAMES_PER_SECOND
from workers.infinitetalk.sound import Integers
from workers.infinitetalk.tracks import SpeakingOrder, starts_of

SAMPLE_RATE: Final = 48_000
BLOCK_SAMPLES: Final = 1024
"""What the AAC encoder takes at a time."""

Block = npt.NDArray[np.float32]


def mix(voices: Sequence[Integers | None], order: SpeakingOrder, frames: int) -> Iterator[Block]:
    """Give the sound of so many frames in blocks of -1 to 1: what is too long is cut, what is too short is silence.

    A voice alone stays as it was; where voices together would be too loud, the whole sound is lowered.
    """
    present = [voice for voice in _placed(voices, order) if len(voice[1])]
    total = frames * SAMPLE_RATE // FRAMES_PER_SECOND
    starts = range(0, total, BLOCK_SAMPLES)
    loudest = max((float(np.abs(_sum(present, start, total)).max()) for start in starts), default=0.0)
    for start in starts:
        yield (_sum(present, start, total) / max(loudest, 32768.0)).astype(np.float32)


def _placed(voices: Sequence[Integers | None], order: SpeakingOrder) -> Iterator[tuple[int, Integers]]:
    present = [voice if voice is not None else np.zeros(0, np.int16) for voice in voices]
    return zip(starts_of([None if voice is None else len(voice) for voice in voices], order), present, strict=True)


def _sum(voices: Sequence[tuple[int, Integers]], start: int, total: int) -> npt.NDArray[np.float64]:
    """Add up one block of the voices, each from its own place on."""
    block = np.zeros(min(BLOCK_SAMPLES, total - start), np.float64)
    for begins, voice in voices:
        spoken = voice[max(0, start - begins) : max(0, start + len(block) - begins)]
        into = max(0, begins - start)
        block[into : into + len(spoken)] += spoken
    return block
