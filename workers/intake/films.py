"""Looks at a video that was handed in: it stays as it is, and what is said of it is counted, not read in its header."""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from jobs.errors import MediaError
from workers.infinitetalk import streams
from workers.intake import whitelist
from workers.intake.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIED_PACKETS: Final = 200
_FRAMES_WANTED: Final = 3
_SECONDS_MAX: Final = 24 * 3600
_FPS_MAX: Final = 1000
_HEAD_BYTES: Final = 4096


def probe(field: str, source: Path, _target: Path, limits: Limits) -> dict[str, Any]:
    """Find size as shown, rotation, seconds, average fps and the regular suffix. Raises MediaError."""
    with source.open("rb") as file, _opened(field, file) as container:
        frame = _first_frame(field, container, _pictures_of(field, container))
        suffix = _suffix(container, source)
        rotation = int(frame.rotation) % 360
        width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
        _refuse_size(field, width, height, limits)
    with source.open("rb") as file, _opened(field, file) as container:
        seconds, fps = _tempo(field, container, _pictures_of(field, container))
    return {
        "seconds": seconds,
        "width": width,
        "height": height,
        "fps": fps,
        "rotation": rotation,
        "suffix": suffix,
    }


def _opened(field: str, file: IO[bytes]) -> InputContainer:
    try:
        return av.open(file, "r", metadata_errors="ignore", options=whitelist.FILM)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError, OSError):
        raise MediaError(field, "is no whole video in a format we read: MP4, MOV, WebM, MKV") from None


def _pictures_of(field: str, container: InputContainer) -> VideoStream:
    """What moves in it, and is what the engines play."""
    stream = streams.moving(container)
    if stream is None:
        raise MediaError(field, "holds no video")
    if getattr(stream.codec_context, "name", None) not in whitelist.FILM_CODECS:
        raise MediaError(field, "is filmed with a codec that is not taken")
    stream.codec_context.thread_count = 1
    return stream


def _first_frame(field: str, container: InputContainer, stream: VideoStream) -> av.VideoFrame:
    """Decode a few frames, to be sure that it can be done; the first of them."""
    frames: list[av.VideoFrame] = []
    for tried, packet in enumerate(_packets(container, stream)):
        try:
            frames += packet.decode()
        except MemoryError:
            raise
        except av.FFmpegError:
            pass  # a film may begin in the middle of a scene; what counts is whether pictures come
        if len(frames) >= _FRAMES_WANTED or tried >= _TRIED_PACKETS:
            break
    if not frames:
        raise MediaError(field, "holds no picture that can be decoded")
    return frames[0]


def _tempo(field: str, container: InputContainer, stream: VideoStream) -> tuple[float, float]:
    """Seconds and average frames per second, from the time stamps of every packet; nothing is decoded."""
    starts: list[int] = []
    last_end = 0
    for packet in _packets(container, stream):
        at = packet.dts if packet.pts is None else packet.pts
        if at is not None and packet.size:
            starts.append(at)
            last_end = max(last_end, at + (packet.duration or 0)) if len(starts) > 1 else at + (packet.duration or 0)
    seconds = float((last_end - min(starts, default=0)) * (stream.time_base or 0))
    if not 0 < seconds <= _SECONDS_MAX or len(starts) / seconds > _FPS_MAX:
        raise MediaError(field, "has time stamps that make no sense")
    return seconds, len(starts) / seconds


def _packets(container: InputContainer, stream: VideoStream) -> "Iterator[av.Packet[VideoStream]]":
    """Packets up to the first place where the file is broken."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except av.FFmpegError:
            return
        if packet is None:
            return
        yield packet


def _suffix(container: InputContainer, source: Path) -> str:
    if container.format.name == "matroska,webm":
        with source.open("rb") as file:
            return ".webm" if b"webm" in file.read(_HEAD_BYTES) else ".mkv"
    return ".mov" if container.metadata.get("major_brand", "").strip() == "qt" else ".mp4"


def _refuse_size(field: str, width: int, height: int, limits: Limits) -> None:
    shortest, longest = sorted((width, height))
    if shortest < limits.side_min_pixels or longest > limits.video_side_max_pixels:
        sides = f"{limits.side_min_pixels} to {limits.video_side_max_pixels}"
        raise MediaError(field, f"is {width} x {height} pixels; each side must have {sides}")
    if longest > limits.aspect_max * shortest:
        raise MediaError(
            field, f"is {width} x {height} pixels; no side may be over {limits.aspect_max:g} times the other"
        )
