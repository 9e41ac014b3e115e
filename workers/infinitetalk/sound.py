"""Reads a voice from a sound file or from a video's sound, at any rate asked for, mono."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int16]


def read(path: Path, sample_rate: int) -> Integers:
    """Return the whole track, 16 bit: ten minutes at 48 kHz are 58 MB. Raises av.FFmpegError if it cannot be read."""
    # Opened here, so that no name in a file leads to another.
    with path.open("rb") as file, av.open(file, "r") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=sample_rate)
        blocks = [block.to_ndarray()[0] for block in _resampled(container.decode(audio=0), resampler)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int16)


def as_floats(samples: Integers) -> npt.NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)


def _resampled(frames: Iterator[av.AudioFrame], resampler: av.AudioResampler) -> Iterator[av.AudioFrame]:
    for frame in frames:
        frame.pts = None  # gaps in the stamps are no silence: a track is what was recorded
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
