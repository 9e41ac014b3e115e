"""Makes media for tests out of nothing: drawn people, synthesised voices, clips; no person, no licence."""

import io
import struct
import wave
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from cli.demo_media.people import draw_people

SAMPLE_RATE: Final = 48_000

_PLACES: Final = {
    0: (),
    1: ((0.5, 0.45),),
    2: ((0.27, 0.45), (0.73, 0.45)),
    3: ((0.14, 0.45), (0.38, 0.45), (0.74, 0.45)),
}
_FORMANTS: Final = ((730, 90), (1090, 110), (2440, 170))
_QUARTER_TURNS: Final = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}

Places = tuple[tuple[float, float], ...]


def people(
    width: int, height: int, count: int = 2, places: Places | None = None, face: float | None = None
) -> Image.Image:
    """Draw `count` people side by side, or one at each of `places`; `face` is a face's share of the height."""
    size = face if face is not None else min(0.42, 0.26 * width / height)
    return draw_people(width, height, _PLACES[count] if places is None else places, size)


def people_png(
    width: int, height: int, count: int = 2, places: Places | None = None, face: float | None = None
) -> bytes:
    """As `people`, as the bytes of a PNG."""
    buffer = io.BytesIO()
    people(width, height, count, places, face).save(buffer, "PNG")
    return buffer.getvalue()


def voice_samples(seconds: float, pitch_hz: float = 120.0, syllables_hz: float = 4.0) -> npt.NDArray[np.int16]:
    """Say "a-a-a" at a pitch: glottal pulses through three formants, in syllables, a breath every second and a half."""
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    vibrato = pitch_hz * (1 + 0.02 * np.sin(2 * np.pi * 5 * time))
    phase = np.cumsum(vibrato) / SAMPLE_RATE
    pulses = np.diff(np.floor(phase), prepend=0.0)
    voiced = np.convolve(pulses, _throat())[:count]
    syllables = np.clip(np.sin(np.pi * syllables_hz * time + pitch_hz) ** 2 * 1.4 - 0.2, 0, 1)
    breaths = np.mod(time + pitch_hz / 400, 1.5) < 1.2
    spoken = voiced * syllables * breaths
    return np.asarray(spoken / max(float(np.abs(spoken).max(initial=0)), 1e-9) * 0.5 * 32767, np.int16)


def voice_wav(seconds: float, pitch_hz: float = 120.0, syllables_hz: float = 4.0) -> bytes:
    """As `voice_samples`, as the bytes of a WAV: 48 kHz, mono, 16 bit. Pitches of 120 and 210 are two people."""
    return wav_of(voice_samples(seconds, pitch_hz, syllables_hz))


def silence_wav(seconds: float) -> bytes:
    return wav_of(np.zeros(round(seconds * SAMPLE_RATE), np.int16))


def wav_of(samples: npt.NDArray[np.int16]) -> bytes:
    """Wrap 48 kHz mono samples into the bytes of a WAV."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as track:
        track.setnchannels(1)
        track.setsampwidth(2)
        track.setframerate(SAMPLE_RATE)
        track.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def clip_mp4(
    seconds: float,
    width: int = 640,
    height: int = 360,
    count: int = 2,
    *,
    frames_per_second: int = 25,
    drift: float = 0.0,
    rotation: int = 0,
    irregular: bool = False,
    hidden_after_seconds: float | None = None,
    appears_after_seconds: float = 0.0,
) -> bytes:
    """Film drawn people: an MP4 of so many seconds that looks `width` x `height` when played.

    `drift` moves them to the right by that share of the width per second. `rotation` (90, 180, 270) stores
    the pixels turned, with metadata that says how many degrees clockwise a player must turn them back. `irregular`
    gives the frames uneven timestamps. The people are there from `appears_after_seconds` up to `hidden_after_seconds`.
    """
    scene, empty = (np.asarray(people(width, height, number)) for number in (count, 0))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=frames_per_second, options={"preset": "ultrafast", "crf": "22"})
        stored = np.rot90(scene, rotation // 90)
        stream.width, stream.height, stream.pix_fmt = stored.shape[1], stored.shape[0], "yuv420p"
        base = Fraction(1, frames_per_second * 100)
        stream.time_base = stream.codec_context.time_base = base
        for stamp in _stamps(seconds, frames_per_second, irregular=irregular):
            moment = float(stamp * base)
            there = (
                appears_after_seconds <= moment < (seconds if hidden_after_seconds is None else hidden_after_seconds)
            )
            shown = np.roll(scene, round(drift * width * moment), axis=1) if there else empty
            turned = np.ascontiguousarray(np.rot90(shown, rotation // 90))
            frame = av.VideoFrame.from_ndarray(turned, format="rgb24")
            frame.pts, frame.time_base = stamp, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return _turned_in_metadata(buffer.getvalue(), rotation)


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def _throat() -> npt.NDArray[np.float64]:
    """What one pulse sounds like after the formants: three decaying tones, 30 ms."""
    time = np.arange(round(0.03 * SAMPLE_RATE)) / SAMPLE_RATE
    tones = [
        np.exp(-np.pi * band * time) * np.sin(2 * np.pi * tone * time) / (1 + number)
        for number, (tone, band) in enumerate(_FORMANTS)
    ]
    return np.asarray(np.sum(tones, axis=0))


def _stamps(seconds: float, frames_per_second: int, *, irregular: bool) -> list[int]:
    """Hundredths of a frame. Irregular: ten frames in close order, then a pause as long as those they left out."""
    count = round(seconds * frames_per_second)
    if not irregular:
        return [number * 100 for number in range(count)]
    return [(number // 10) * 1000 + (number % 10) * 30 for number in range(count)]


def _turned_in_metadata(content: bytes, rotation: int) -> bytes:
    """Write the display matrix into the track's header; 16.16 fixed point, row by row, the third column aside."""
    if not rotation:
        return content
    a, b, c, d = (value * 65536 for value in _QUARTER_TURNS[rotation])
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    # The matrix of an unturned track stands 40 bytes behind the box's version.
    at = content.index(b"tkhd") + 4 + 40
    return content[:at] + matrix + content[at + 36 :]


def growing_mkv(side: int, seconds: float = 1.0) -> bytes:
    """A dark film of 64 x 64 whose second half says that it is `side` x `side`, and is bright."""
    small, large = (_jpeg(64, 20), _jpeg(side, 200))
    buffer = io.BytesIO()
    count = round(25 * seconds)
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        stream.time_base = Fraction(1, 25)
        for number in range(count):
            packet = av.Packet(small if number < count // 2 else large)
            packet.stream, packet.time_base = stream, stream.time_base
            packet.pts = packet.dts = number
            packet.is_keyframe = True
            container.mux(packet)
    return buffer.getvalue()


def _jpeg(side: int, level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (level, level, level)).save(buffer, "JPEG", quality=20)
    return buffer.getvalue()
