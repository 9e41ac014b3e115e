"""Plays a video source at the model's 25 frames a second: upright, by its timestamps, its last frame held."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from jobs.errors import EngineError
from workers.engines.preview.pixels import Pixels
from workers.infinitetalk import streams
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, Fit
from workers.intake import whitelist

_THREADS: Final = 2
_SOONEST: Final = Fraction(1, 1000)
_UNSAID: Final = 2
"""The colour space of files that do not name one, as H.264 numbers them."""
_HIGH_DEFINITION: Final = 720


@contextmanager
def open_source(path: Path) -> Iterator["Source"]:
    """Open a video for one walk from its beginning, and close it again. EngineError if no frame can be read."""
    with path.open("rb") as file:
        try:
            container = av.open(file, options=whitelist.FILM, **_lenient())
        except (av.FFmpegError, OSError) as error:
            raise EngineError(f"The video {path.name} cannot be read: {error.strerror}.", permanent=True) from error
        with container:
            yield Source(container, path.name)


class Source:
    """A video that is open: how large it is when it stands upright, and its pictures."""

    def __init__(self, container: InputContainer, name: str) -> None:
        self._container = container
        self._frames = self._timed_frames()
        self._next = self._read_on()
        if self._next is None:
            raise EngineError(f"The video {name} holds no frame that can be read.", permanent=True)
        first = self._next[1]
        self._turns = round(first.rotation / 90) % 4
        self.height, self.width = (first.width, first.height) if self._turns % 2 else (first.height, first.width)
        self._reformatter = VideoReformatter()
        self.ended_at_seconds: float | None = None
        """When the last frame began to be held; None while there are more."""

    def pictures(self, fit: Fit) -> Iterator[Pixels]:
        """Give covered pictures for ever, one per frame of the preview; the same array while nothing new is due."""
        number, current, picture = 0, None, None
        while True:
            due = self._advance(Fraction(number, FRAMES_PER_SECOND)) or current
            if due is not None and due is not current:
                picture, current = self._upright(due, fit), due
            if picture is not None:
                yield picture
            number += 1

    def _advance(self, moment: Fraction) -> av.VideoFrame | None:
        """Take the newest frame due at `moment`, passing over those a faster source has in between."""
        due = None
        while self._next is not None and self._next[0] <= moment:
            due = self._next[1]
            self._next = self._read_on()
            if self._next is None:
                self.ended_at_seconds = float(moment) + 1 / FRAMES_PER_SECOND
        return due

    def _read_on(self) -> tuple[Fraction, av.VideoFrame] | None:
        try:
            return next(self._frames, None)
        except MemoryError:
            raise
        except av.FFmpegError:
            # Damaged in the middle: what could be read is shown, and its last frame held like any other's.
            return None

    def _timed_frames(self) -> Iterator[tuple[Fraction, av.VideoFrame]]:
        """All frames with their seconds from the first; where stamps are missing or run backwards, the rate counts."""
        stream = streams.moving(self._container)
        if stream is None:
            return
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _THREADS
        stream.codec_context.options = whitelist.FILM_DECODER
        usual = 1 / Fraction(stream.average_rate or FRAMES_PER_SECOND)
        start, last = None, -usual
        for frame in self._container.decode(stream):
            stamp = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
            start = stamp if start is None else start
            since = None if stamp is None or start is None else stamp - start
            last = since if since is not None and since > last + _SOONEST else last + usual
            yield last, frame

    def _upright(self, frame: av.VideoFrame, fit: Fit) -> Pixels:
        width, height = fit.resized_width, fit.resized_height
        if self._turns % 2:
            width, height = height, width
        way = Interpolation.AREA if frame.height > height else Interpolation.BILINEAR
        # Files that do not say are taken as players take them: HD means bt709.
        is_hd = int(frame.colorspace) == _UNSAID and frame.height >= _HIGH_DEFINITION
        colours = Colorspace.ITU709 if is_hd else None
        scaled = self._reformatter.reformat(frame, width, height, "rgb24", src_colorspace=colours, interpolation=way)
        return np.ascontiguousarray(np.rot90(scaled.to_ndarray(), self._turns), np.uint8)


def _lenient() -> dict[str, Any]:
    """PyAV 18 fails on metadata that is not UTF-8 unless told otherwise; PyAV 19 knows no such wish."""
    return {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}  # noqa: PLR2004 - as above
