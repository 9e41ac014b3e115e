"""Writes frames into H.264 as they come: a segment per chunk, joined in the end without encoding a picture twice.

A segment begins with a picture that needs no other and refers to nothing outside itself, so any worker may write any.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import av
import torch
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from torch import Tensor

from workers.infinitetalk.pictures import Pixels
from workers.infinitetalk.sizes import FRAMES_PER_SECOND
from workers.infinitetalk.soundtrack import SAMPLE_RATE, Block

if TYPE_CHECKING:
    from av.video.stream import VideoStream

_BT709: Final = 1
_THREADS: Final = 4
"""More would only hold more frames in memory."""

_FRAME: Final = Fraction(1, FRAMES_PER_SECOND)


class Segment:
    """One chunk's frames, being written. Use as a context: leaving it finishes the file, an error spoils it."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._container = av.open(str(path), "w", format="mp4")
        self._video = self._container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
        self._video.time_base = _FRAME
        # Without pictures that are shown out of order, segments of any length follow each other tick by tick.
        self._video.options = {"preset": "medium", "crf": "17", "profile": "high", "bf": "0"}
        codec = self._video.codec_context
        codec.thread_count = _THREADS
        codec.color_primaries = codec.color_trc = codec.colorspace = _BT709
        codec.color_range = ColorRange.MPEG
        self._reformatter = VideoReformatter()
        self.frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._container.mux(self._video.encode(None))
        self._container.close()

    def add(self, pictures: Tensor) -> None:
        """Append frames: 3 x frames x height x width, -1 to 1."""
        for picture in eight_bit(pictures):
            drawn = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = self._reformatter.reformat(drawn, format="yuv420p", dst_colorspace=Colorspace.ITU709)
            frame.time_base, frame.pts = _FRAME, self.frames
            self._container.mux(self._video.encode(frame))
            self.frames += 1


def eight_bit(pictures: Tensor) -> Iterator[Pixels]:
    rounded = ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return iter(rounded.permute(1, 2, 3, 0).contiguous().numpy())


def join(segments: Sequence[Path], sound: Iterator[Block], path: Path, metadata: dict[str, str] | None = None) -> int:
    """Put segments behind each other and the sound beside them; return the number of frames.

    The pictures are copied as they are; the sound is encoded here, once, and decodes to exactly its own samples.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        film.metadata.update(metadata or {})
        with av.open(str(segments[0])) as first:
            video = film.add_stream_from_template(first.streams.video[0])
        loudspeaker = Loudspeaker(film, sound)
        frames = 0
        for segment in segments:
            for packet in _packets(segment):
                packet.stream = video
                packet.pts = packet.dts = round(frames / FRAMES_PER_SECOND / packet.time_base)
                film.mux(packet)
                frames += 1
                loudspeaker.play_until(frames * SAMPLE_RATE // FRAMES_PER_SECOND)
        loudspeaker.finish()
    return frames


class Loudspeaker:
    """Encodes sound into a film's audio track, no further than it is asked to."""

    def __init__(self, film: OutputContainer, sound: Iterator[Block]) -> None:
        self._film, self._sound, self._samples = film, sound, 0
        self._audio = film.add_stream("aac", rate=SAMPLE_RATE, layout="mono", bit_rate=160_000)

    def play_until(self, samples: int) -> None:
        while self._samples < samples and self._play():
            pass

    def finish(self) -> None:
        while self._play():
            pass
        self._film.mux(self._audio.encode(None))

    def _play(self) -> bool:
        block = next(self._sound, None)
        if block is None:
            return False
        frame = av.AudioFrame.from_ndarray(block[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._samples
        self._samples += len(block)
        self._film.mux(self._audio.encode(frame))
        return True


def _packets(segment: Path) -> Iterator["av.Packet[VideoStream]"]:
    with av.open(str(segment)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                yield packet
