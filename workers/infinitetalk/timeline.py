"""Cuts a video into chunks that share their edges: which frames each makes and keeps, and what it sees and hears."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

WINDOW: Final = 5
"""Audio embeddings around each video frame: two before it, its own, two after."""

_REACH: Final = WINDOW // 2

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """How long a chunk is, and how many of its frames repeat the end of the one before. Both are 1 more than 4n."""

    chunk_frames: int = 81
    motion_frames: int = 9

    def __post_init__(self) -> None:
        if self.chunk_frames % 4 != 1 or self.motion_frames % 4 != 1 or not 0 < self.motion_frames < self.chunk_frames:
            raise ValueError(
                f"Chunks of {self.chunk_frames} frames, {self.motion_frames} shared: not 4n + 1 and fewer."
            )

    @property
    def stride_frames(self) -> int:
        return self.chunk_frames - self.motion_frames


@dataclass(frozen=True)
class Chunk:
    """One run of the model: frames `start` to `start + chunk_frames` of the video, of which `kept` enter the result."""

    index: int
    start: int
    kept: range


def chunks(frames: int, span: Span) -> Iterator[Chunk]:
    """Cover so many frames: the first chunk keeps all of its frames, later ones what follows the shared head."""
    index, start = 0, 0
    while index == 0 or start + span.motion_frames < frames:
        first = span.motion_frames if index else 0
        yield Chunk(index, start, range(first, min(span.chunk_frames, frames - start)))
        index, start = index + 1, start + span.stride_frames


def chunk_count(frames: int, span: Span) -> int:
    return sum(1 for _ in chunks(frames, span))


def windows(start: int, chunk_frames: int, audio_frames: int) -> Indices:
    """Return chunk_frames x 5 indices into the audio embeddings, for the frames from `start` on.

    Where the audio ends inside the chunk, its end is heard once more backwards; before its beginning and past all
    that, the nearest embedding repeats.
    """
    centres = np.arange(start, start + chunk_frames)[:, None]
    wanted = centres + np.arange(-_REACH, _REACH + 1)
    if start + chunk_frames >= audio_frames:
        wanted = np.where(wanted >= audio_frames, 2 * audio_frames - 1 - wanted, wanted)
    return np.clip(wanted, 0, audio_frames - 1)
