"""Says who speaks when: each voice's place in the video, and the video's exact length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from jobs.errors import EngineError
from workers.engines.engine import SpeakingOrder
from workers.engines.preview.pixels import Floats
from workers.engines.preview.voices import SAMPLE_RATE, SAMPLES_PER_FRAME, Voice
from workers.infinitetalk import sizes

_TURNS: Final = {"left_right": (0, 1), "right_left": (1, 0)}
"""Who speaks first in the orders that take turns."""


@dataclass(frozen=True)
class Turn:
    """One voice placed in the video; it speaks from sample `starts_at` on, and is silence before and after."""

    voice: Voice
    starts_at: int

    @property
    def ends_at(self) -> int:
        return self.starts_at + self.voice.samples

    def stretched(self, values: Floats, frames: int) -> Floats:
        """Place the voice's values per frame on the frames of the whole video, zero where it does not speak."""
        placed = np.zeros(frames, np.float32)
        first = round(self.starts_at / SAMPLES_PER_FRAME)
        part = values[: max(0, frames - first)]
        placed[first : first + len(part)] = part
        return placed

    def speaks_in(self, frame: int) -> bool:
        return self.starts_at <= frame * SAMPLES_PER_FRAME < self.ends_at


@dataclass(frozen=True)
class Timeline:
    """All turns, in the order of the voices (left first), and the number of whole frames."""

    turns: tuple[Turn, ...]
    frames: int

    @property
    def samples(self) -> int:
        """Samples of the soundtrack: exactly as long as the frames."""
        return self.frames * SAMPLES_PER_FRAME


def lay_out(voices: Sequence[Voice], order: SpeakingOrder) -> Timeline:
    """Place one voice or two. EngineError if nothing of a frame's length is left."""
    starts = _starts([voice.samples for voice in voices], order)
    turns = tuple(Turn(voice, start) for voice, start in zip(voices, starts, strict=True))
    frames = sizes.frame_count(max(turn.ends_at for turn in turns) / SAMPLE_RATE)
    if not frames:
        raise EngineError("The voices are shorter than one frame of video.", permanent=True)
    return Timeline(turns, frames)


def _starts(lengths: Sequence[int], order: SpeakingOrder) -> list[int]:
    starts = [0] * len(lengths)
    if len(lengths) > 1 and order in _TURNS:
        first, second = _TURNS[order]
        starts[second] = lengths[first]
    return starts
