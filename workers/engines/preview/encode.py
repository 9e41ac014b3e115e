"""Writes the video file: H.264 High, yuv420p, bt709, AAC, faststart, and the word PREVIEW in its metadata."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.voices import SAMPLE_RATE
from workers.infinitetalk.sizes import FRAMES_PER_SECOND

NOTICE: Final = "PREVIEW - not model output"
AAC_SAMPLES: Final = 1024
"""What the AAC encoder takes at a time."""

_BT709: Final = 1
_THREADS: Final = 4
"""More would only hold more frames in memory."""


class Film:
    """An MP4 being written, picture by picture, its sound beside it. Use as a context: leaving it finishes the file."""

    def __init__(self, path: Path, width: int, height: int, sound: Iterator[Floats]) -> None:
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._container.metadata.update(title=NOTICE, comment=NOTICE, description=NOTICE)
        self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.time_base = Fraction(1, FRAMES_PER_SECOND)
        self._video.options = {"preset": "veryfast", "crf": "20", "profile": "high"}
        codec = self._video.codec_context
        codec.thread_count = _THREADS
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = ColorRange.MPEG
        self._audio = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=128_000)
        # At this rate the quick search loses nothing one can hear, and costs a third.
        self._audio.options = {"aac_coder": "fast"}
        self._reformatter = VideoReformatter()
        self._sound = sound
        self._pictures = 0
        self._samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._container.close()

    def add(self, picture: Pixels) -> None:
        """Append one frame, and the sound up to its end."""
        drawn = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = self._reformatter.reformat(
            drawn, format="yuv420p", dst_colorspace=Colorspace.ITU709, interpolation=Interpolation.AREA
        )
        frame.time_base, frame.pts = Fraction(1, FRAMES_PER_SECOND), self._pictures
        self._container.mux(self._video.encode(frame))
        self._pictures += 1
        while self._samples < self._pictures * SAMPLE_RATE // FRAMES_PER_SECOND and self._add_sound():
            pass

    def _add_sound(self) -> bool:
        block = next(self._sound, None)
        if block is None:
            return False
        frame = av.AudioFrame.from_ndarray(block[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._samples
        self._samples += len(block)
        self._container.mux(self._audio.encode(frame))
        return True

    def _finish(self) -> None:
        while self._add_sound():
            pass
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
