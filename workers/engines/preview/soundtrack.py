"""Mixes the voices into one track as it is needed: each at its own gain, in its place, silence elsewhere."""

from collections.abc import Iterator

import numpy as np

from workers.engines.preview.pixels import Floats
from workers.engines.preview.timeline import Timeline, Turn
from workers.engines.preview.voices import read_blocks


def mix(timeline: Timeline, samples_per_block: int) -> Iterator[Floats]:
    """Give the soundtrack in blocks of -1 to 1, the last one shorter, as long as the frames to the sample."""
    placed = [_place(turn, timeline.samples, samples_per_block) for turn in timeline.turns]
    for blocks in zip(*placed, strict=True):
        yield np.clip(np.sum(blocks, axis=0, dtype=np.float32), -1, 1)


def _place(turn: Turn, samples: int, samples_per_block: int) -> Iterator[Floats]:
    """Give one voice in blocks from the video's first sample to its last, read only as far as it has been asked."""
    source = read_blocks(turn.voice.path, samples_per_block)
    scale = np.float32(turn.voice.gain / 32768)
    waiting = np.zeros(0, np.float32)
    for start in range(0, samples, samples_per_block):
        block = np.zeros(min(samples_per_block, samples - start), np.float32)
        silent = min(max(0, turn.starts_at - start), len(block))
        while len(waiting) < len(block) - silent and (read := next(source, None)) is not None:
            waiting = np.concatenate([waiting, read * scale])
        spoken = waiting[: len(block) - silent]
        block[silent : silent + len(spoken)] = spoken
        waiting = waiting[len(spoken) :]
        yield block
