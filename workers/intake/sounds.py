"""Decodes any recording we take into one regular voice: 48 kHz, mono, 16 bit; runs in the decoding child.

Headers lie, so every second that counts here is a second that was decoded, or a pause between two that were: some
recorders write nothing while nobody speaks, and what their time stamps leave out is silence.
"""

import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Final

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from jobs.errors import MediaError
from jobs.rules.durations import CODEC_SLACK_SECONDS
from workers.intake import whitelist
from workers.intake.limits import Limits

RATE_HZ: Final = 48_000
# To name the length of a track that is too long we go on counting, but not to the end of ten hours of silence.
_COUNTED_BEYOND_SECONDS: Final = 300
_PAUSE_MIN_SECONDS: Final = 0.1
_DAMAGED_SHARE: Final = 0.2
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02
_MAY_PAUSE: Final = {"matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "ogg"}
"""In all others sound follows on sound, and what is left out is damage."""
_SAY_NOTHING_OF_HOLES: Final = {"matroska,webm", "ogg"}  # they pass over damage to the next block: a cluster, a page
_OGG_RESUMED_MAX: Final = 1000  # after 64 KiB of damage it wants to be asked again
_HOLE_BLOCKS: Final = 2  # the first page of an Ogg after a hole may still have the time before it
_BLOCK_HEAD_BYTES: Final = 1024  # at most; where sound is all that a file holds, more than these was passed over
_PACKET_HEAD_BYTES: Final = 16
_TRACKS_TELL_LENGTH: Final = {"flac", "aiff", "mov,mp4,m4a,3gp,3g2,mj2"}
_DTYPES: Final = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_FULL_SCALES: Final = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


def make_regular(field: str, source: Path, target: Path, limits: Limits) -> dict[str, Any]:
    """Write the regular voice to `target`; its seconds. Raises MediaError."""
    with source.open("rb") as file, _opened(field, file) as container:
        take = _Take(field, container, limits)
        if take.seems_too_long:
            take.count()
    with source.open("rb") as file, _opened(field, file) as container:
        take = _Take(field, container, limits)
        declared_seconds = take.declared_seconds(source)
        kept = _write(target, take.voice(), int(limits.audio_max_seconds * RATE_HZ))
    take.refuse_useless(declared_seconds)
    return {"seconds": kept / RATE_HZ}


def _opened(field: str, file: IO[bytes]) -> InputContainer:
    try:
        return av.open(file, "r", metadata_errors="ignore", options=whitelist.SOUND)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError, OSError):
        raise MediaError(field, "is no whole recording in a format we read: WAV, MP3, M4A, OGG, FLAC, WebM") from None


class _Take:
    """One pass over the sound of a container: what was decoded, and what that says about the file."""

    def __init__(self, field: str, container: InputContainer, limits: Limits) -> None:
        self._field = field
        self._container = container
        self._limits = limits
        self._stream = _sound_of(field, container)
        self._seconds = 0.0
        self._packets = 0
        self._damaged = 0
        self._damaged_before = 0
        self._lost_seconds = 0.0
        self._block_at = self._read_to = 0
        self._blocks_since_hole = _HOLE_BLOCKS
        self._begun_at = self._ended_at = (container.start_time or 0) / av.time_base

    def declared_seconds(self, source: Path) -> float | None:
        """Length as the file has it, where that is an honest count and no guess from size and bit rate."""
        name, stream = self._container.format.name, self._stream
        if name in _TRACKS_TELL_LENGTH or (name == "mp3" and _counts_its_frames(source)):
            return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
        if name == "matroska,webm" and len(self._container.streams) == 1:
            # Counted from zero, where nothing need be yet.
            return self._container.duration / av.time_base - self._begun_at if self._container.duration else None
        return None

    @property
    def seems_too_long(self) -> bool:
        """Whether the header says so: worth a quick count, not worth believing."""
        return (self._container.duration or 0) / av.time_base > self._limits.audio_max_seconds

    def count(self) -> None:
        """Decode without keeping anything, which is ten times as fast. Raises MediaError when it is too long."""
        for frame in self._frames():
            self._seconds += self._pause_before(frame) + _seconds_of(frame)
        self._refuse_too_long()

    def voice(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Decode: sample rate and mono samples, as far as the track may last. Beyond, it is only counted."""
        for frame in self._frames():
            pause = self._pause_before(frame)
            if self._seconds < self._limits.audio_max_seconds:
                yield from _silence(frame.sample_rate, pause)
                yield frame.sample_rate, _mono(frame)
            self._seconds += pause + _seconds_of(frame)

    def refuse_useless(self, declared_seconds: float | None) -> None:
        """Raise MediaError when what was decoded is no whole recording of a length we take."""
        self._refuse_too_long()
        self._refuse_too_short()
        if self._damaged > _DAMAGED_SHARE * self._packets:
            raise MediaError(self._field, "is damaged: much of it cannot be decoded")
        there = self._seconds - self._lost_seconds
        whole = declared_seconds or self._seconds
        if whole - there > max(_MISSING_SECONDS, _MISSING_SHARE * whole):
            sentence = f"is cut off: {there:.1f} of its {whole:.1f} seconds are there"
            raise MediaError(self._field, sentence)

    def _refuse_too_long(self) -> None:
        longest = self._limits.audio_max_seconds
        if self._seconds > longest + _COUNTED_BEYOND_SECONDS:
            beyond = longest + _COUNTED_BEYOND_SECONDS
            raise MediaError(self._field, f"lasts more than {beyond:g} seconds; at most {longest:g} are taken")
        if self._seconds > longest + CODEC_SLACK_SECONDS:
            raise MediaError(self._field, f"lasts {self._seconds:.1f} seconds; at most {longest:g} are taken")

    def _refuse_too_short(self) -> None:
        if not self._seconds:
            raise MediaError(self._field, "holds no sound that can be decoded")
        if self._seconds < self._limits.audio_min_seconds:
            sentence = f"is shorter than one frame of video, {self._limits.audio_min_seconds:g} seconds"
            raise MediaError(self._field, sentence)

    def _pause_before(self, frame: av.AudioFrame) -> float:
        """Seconds that the time stamps leave out since the last frame.

        Stamps that only run ahead of the samples, or jump farther than a voice may last, are a bad clock and no pause.
        """
        time = self._ended_at if frame.time is None else frame.time
        pause = min(time - self._ended_at, time - self._begun_at - self._seconds)
        self._ended_at = time + _seconds_of(frame)
        is_damage, self._damaged_before = self._damaged > self._damaged_before, self._damaged
        may_pause = self._container.format.name in _MAY_PAUSE
        if not may_pause or not _PAUSE_MIN_SECONDS <= pause <= self._limits.audio_max_seconds:
            return 0.0
        self._lost_seconds += pause * (is_damage or self._blocks_since_hole < _HOLE_BLOCKS)
        return pause

    def _frames(self) -> Iterator[av.AudioFrame]:
        for packet in self._demuxed():
            for frame in self._decoded(packet):
                self._refuse_odd(frame)
                yield frame
            if self._seconds > self._limits.audio_max_seconds + _COUNTED_BEYOND_SECONDS:
                return

    def _demuxed(self) -> "Iterator[av.Packet[AudioStream]]":
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except av.FFmpegError:
                self._damaged += 1
                if self._container.format.name != "ogg" or self._damaged > _OGG_RESUMED_MAX:
                    return
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                return
            self._look_for_hole(packet)
            self._packets += 1
            yield packet

    def _look_for_hole(self, packet: "av.Packet[AudioStream]") -> None:
        if packet.pos is not None and packet.pos != self._block_at:
            passed_over = packet.pos - self._read_to if self._packets else 0
            may_tell = self._container.format.name in _SAY_NOTHING_OF_HOLES and len(self._container.streams) == 1
            is_hole = may_tell and passed_over > _BLOCK_HEAD_BYTES
            self._blocks_since_hole = 0 if is_hole else self._blocks_since_hole + 1
            self._block_at = self._read_to = packet.pos
        self._read_to += packet.size + _PACKET_HEAD_BYTES

    def _decoded(self, packet: "av.Packet[AudioStream]") -> list[av.AudioFrame]:
        try:
            return [frame for frame in packet.decode() if frame.samples]
        except MemoryError:
            raise
        except av.FFmpegError:
            self._damaged += 1
            return []

    def _refuse_odd(self, frame: av.AudioFrame) -> None:
        limits = self._limits
        if not limits.rate_min_hz <= frame.sample_rate <= limits.rate_max_hz:
            sentence = (
                f"has {frame.sample_rate} samples a second; {limits.rate_min_hz} to {limits.rate_max_hz} are taken"
            )
            raise MediaError(self._field, sentence)
        if frame.layout.nb_channels > limits.channels_max:
            sentence = f"has {frame.layout.nb_channels} channels; at most {limits.channels_max} are taken"
            raise MediaError(self._field, sentence)


def _sound_of(field: str, container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise MediaError(field, "holds no sound")
    stream = container.streams.audio[0]
    if getattr(stream.codec_context, "name", None) not in whitelist.SOUND_CODECS:
        raise MediaError(field, "is recorded with a codec that is not taken")
    stream.codec_context.thread_count = 1
    return stream


def _counts_its_frames(source: Path) -> bool:
    """Whether an MP3 begins with the frame in which encoders write how many frames follow."""
    with source.open("rb") as file:
        head = file.read(10)
        size = 0
        if head[:3] == b"ID3":
            size = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(size)
        first_frame = file.read(256)
    return b"Xing" in first_frame or b"Info" in first_frame


def _seconds_of(frame: av.AudioFrame) -> float:
    return frame.samples / frame.sample_rate


def _silence(rate: int, seconds: float) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """So many seconds of nothing, one at most at a time."""
    samples = round(seconds * rate)
    for start in range(0, samples, rate):
        yield rate, np.zeros(min(rate, samples - start), np.float32)


def _mono(frame: av.AudioFrame) -> NDArray[np.float32]:
    """The mean of all channels, -1 to 1. What is no number is silence, for one NaN would spread by the filter."""
    samples = _samples(frame)
    if samples.dtype.kind == "f":
        clean: NDArray[np.float32] = np.nan_to_num(samples, nan=0.0).clip(-1.0, 1.0).mean(axis=0, dtype=np.float32)
        return clean
    scale = _FULL_SCALES[samples.dtype.str[1:]]
    silence = scale if samples.dtype.kind == "u" else 0.0
    mono: NDArray[np.float32] = (samples.mean(axis=0, dtype=np.float32) - np.float32(silence)) / np.float32(scale)
    return mono


def _samples(frame: av.AudioFrame) -> NDArray[Any]:
    """The frame's samples, a row for each channel. Not `to_ndarray`: from eight planes on, that reads one too many."""
    dtype, channels = _DTYPES[frame.format.name.removesuffix("p")], frame.layout.nb_channels
    if frame.format.is_planar:
        return np.vstack([np.frombuffer(bytes(plane), dtype, frame.samples) for plane in frame.planes[:channels]])
    return np.frombuffer(bytes(frame.planes[0]), dtype, frame.samples * channels).reshape(-1, channels).T


def _write(target: Path, frames: Iterator[tuple[int, NDArray[np.float32]]], samples_max: int) -> int:
    """Write at most `samples_max` samples; how many they are."""
    kept = 0
    with wave.open(str(target), "wb") as voice:
        voice.setnchannels(1)
        voice.setsampwidth(2)
        voice.setframerate(RATE_HZ)
        for samples in _resampled(frames):
            piece = samples[: samples_max - kept]
            voice.writeframesraw(piece.tobytes())
            kept += len(piece)
    return kept


def _resampled(frames: Iterator[tuple[int, NDArray[np.float32]]]) -> Iterator[NDArray[np.int16]]:
    """Bring mono samples to 48 kHz and 16 bit. The rate may change on the way: then a new resampler takes over."""
    resampler, current_rate, samples_in = None, 0, 0
    for rate, mono in frames:
        if resampler is None or rate != current_rate:
            yield from _flushed(resampler)
            resampler, current_rate, samples_in = _new_resampler(), rate, 0
        frame = av.AudioFrame.from_ndarray(mono.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), samples_in
        samples_in += len(mono)
        for done in resampler.resample(frame):
            yield done.to_ndarray()[0]
    yield from _flushed(resampler)


def _new_resampler() -> av.AudioResampler:
    return av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)


def _flushed(resampler: av.AudioResampler | None) -> Iterator[NDArray[np.int16]]:
    for done in resampler.resample(None) if resampler else ():
        yield done.to_ndarray()[0]
