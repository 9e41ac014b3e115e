"""Shows the model what it works from: a still picture, or a video at its own pace, upright and fitted to the bucket."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
import torch
from av.container import InputContainer
from torch import Tensor

from workers.infinitetalk import streams
from workers.infinitetalk.pictures import Pixels, cover
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, BucketTable, fit

_SOONEST: Final = Fraction(1, 1000)

Timed = tuple[Fraction, av.VideoFrame]
"""A frame and the seconds since the first."""


class Still:
    """One picture (height x width x 3, RGB), whichever frame is asked for."""

    def __init__(self, picture: Pixels, table: BucketTable) -> None:
        self.size = picture.shape[0], picture.shape[1]
        self.fit = fit(*self.size, table)
        self._frame = to_tensor(cover(picture, self.fit))

    def frame(self, _index: int) -> Tensor:
        return self._frame


class Footage:
    """A video by its timestamps, whatever its rate; past its end its last frame. Use as a context, which closes it.

    It is walked through once, forwards; whoever asks for an earlier frame makes it begin anew. `options` go to the
    demuxer, what it may open, and those of `decoder` bound what it may take, if the file comes from a stranger. Raises
    av.FFmpegError if it cannot be read.
    """

    def __init__(
        self,
        path: Path,
        table: BucketTable,
        options: Mapping[str, str] | None = None,
        decoder: Mapping[str, str] | None = None,
    ) -> None:
        self._path, self._options, self._decoder = path, dict(options or {}), dict(decoder or {})
        self._first: Tensor | None = None
        self._open = ExitStack()
        self._now: Timed
        self._next: Timed | None
        self._begin()
        height, width, _ = _upright(self._now[1]).shape
        self.size = height, width
        self.fit = fit(height, width, table)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def frame(self, index: int) -> Tensor:
        """Return the newest frame due at that frame of the result, 3 x height x width, -1 to 1."""
        if index == 0 and self._first is not None:
            return self._first
        moment = Fraction(index, FRAMES_PER_SECOND)
        if self._now[0] > moment:
            self._begin()
        while self._next is not None and self._next[0] <= moment:
            self._now, self._next = self._next, self._read_on()
        shown = to_tensor(cover(_upright(self._now[1]), self.fit))
        if index == 0:
            self._first = shown
        return shown

    def _begin(self) -> None:
        self._open.close()
        with ExitStack() as opening:
            file = opening.enter_context(self._path.open("rb"))
            container = opening.enter_context(av.open(file, "r", options=self._options))
            self._frames = timed_frames(container, self._decoder)
            first = next(self._frames, None)
            if first is None:
                raise ValueError(f"The video {self._path.name} holds no frame that can be read.")
            self._now, self._next = first, self._read_on()
            self._open = opening.pop_all()

    def _read_on(self) -> Timed | None:
        try:
            return next(self._frames, None)
        except MemoryError:
            raise
        except av.FFmpegError:
            return None  # damaged in the middle: what could be read is shown, and its last frame held


def timed_frames(container: InputContainer, decoder: Mapping[str, str]) -> Iterator[Timed]:
    """All frames with their seconds from the first; where stamps are missing or run backwards, the rate counts."""
    stream = streams.moving(container)
    if stream is None:
        return
    stream.thread_type = "AUTO"
    stream.codec_context.options = dict(decoder)
    usual = 1 / Fraction(stream.average_rate or FRAMES_PER_SECOND)
    start, last = None, -usual
    for frame in container.decode(stream):
        stamp = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
        start = stamp if start is None else start
        since = None if stamp is None or start is None else stamp - start
        last = since if since is not None and since > last + _SOONEST else last + usual
        yield last, frame


def to_tensor(picture: Pixels) -> Tensor:
    """From height x width x 3, 0 to 255, to 3 x height x width, -1 to 1."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1


def _upright(frame: av.VideoFrame) -> Pixels:
    turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90) % 4)
    return np.ascontiguousarray(turned, np.uint8)
