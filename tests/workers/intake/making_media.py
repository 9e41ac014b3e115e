"""Makes media for tests, good and odd, in memory and from nothing but numpy, Pillow and PyAV."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

TONE_HZ = 440


def tone(seconds: float, rate: int = 48_000) -> NDArray[np.float32]:
    """A sine at half of full scale."""
    wave: NDArray[np.float32] = (0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(seconds * rate)) / rate)).astype(
        "f4"
    )
    return wave


def recording(
    container: str, codec: str, samples: NDArray[np.float32], rate: int = 48_000, layout: str = "mono"
) -> bytes:
    """The same samples on every channel, encoded."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        _speak(file, _voice(file, codec, rate, layout), samples)
    return out.getvalue()


def paused(container: str, codec: str, *pieces: tuple[float, float]) -> bytes:
    """A tone of which only these pieces are written, each from when to when in seconds, with the stamps of those."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = _voice(file, codec, 48_000, "mono")
        for start, end in pieces:
            for second, frame in enumerate(_frames(tone(end - start), 48_000, "mono")):
                frame.pts = round((start + second) * 48_000)
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def _voice(file: OutputContainer, codec: str, rate: int, layout: str) -> AudioStream:
    stream = file.add_stream(codec, rate=rate, layout=layout)
    assert isinstance(stream, AudioStream)
    return stream


def _speak(file: OutputContainer, stream: AudioStream, samples: NDArray[np.float32]) -> None:
    for frame in _frames(samples, stream.sample_rate, stream.layout.name):
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))


def _frames(samples: NDArray[np.float32], rate: int, layout: str) -> Iterator[av.AudioFrame]:
    channels = av.AudioLayout(layout).nb_channels
    for start in range(0, len(samples), rate):
        piece = np.repeat(samples[start : start + rate], channels).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        yield frame


def silence(seconds: int, rate: int = 4_000) -> bytes:
    """A FLAC of silence: ten hours of it take a few megabytes."""
    return recording("flac", "flac", np.zeros(seconds * rate, "f4"), rate)


def wav(
    content: bytes, *, rate: int = 48_000, channels: int = 1, bits: int = 16, tag: int = 1, claims: int | None = None
) -> bytes:
    """A WAV by hand: `tag` 1 is PCM and 3 float; `claims` is the length the header tells."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * width, width, bits)
    claimed = len(content) if claims is None else claims
    return (
        b"RIFF" + struct.pack("<I", 0xFFFFFFFF if claims else 36 + len(content)) + b"WAVEfmt " + struct.pack("<I", 16)
        + form + b"data" + struct.pack("<I", claimed) + content
    )  # fmt: skip


def picture(mode: str = "RGB", size: tuple[int, int] = (96, 128), *, kind: str = "PNG", **options: object) -> bytes:
    """A picture whose left half is red and right half blue, as far as the mode has colours."""
    return written(two_halves(size).convert(mode), kind, **options)


def two_halves(size: tuple[int, int] = (96, 128)) -> Image.Image:
    halves = Image.new("RGB", size, (255, 0, 0))
    halves.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return halves


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_claiming(width: int, height: int, more: Mapping[bytes, bytes] | None = None) -> bytes:
    """A PNG whose header tells a size and whose pixels are a few bytes of nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, **(more or {}), b"IDAT": zlib.compress(bytes(1000)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks.items())


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def film(  # a test says what it needs, the rest is usual
    container: str = "mp4",
    codec: str = "libx264",
    *,
    frames: int = 20,
    fps: int = 20,
    size: tuple[int, int] = (128, 96),
    sound: str | None = None,
    stamps: list[int] | None = None,
) -> bytes:
    """A moving grey; `stamps` gives each frame its time in units of 1/fps."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        voice = _voice(file, sound, 48_000, "mono") if sound else None
        for number, stamp in enumerate(stamps or range(frames)):
            grey = np.full((size[1], size[0], 3), number * 10 % 256, "u1")
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        if voice:
            _speak(file, voice, tone(frames / fps))
    return out.getvalue()


def turned(mp4: bytes) -> bytes:
    """The same film, its track to be shown turned by a quarter clockwise."""
    plain = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    track = mp4.index(b"tkhd")
    return mp4[:track] + mp4[track:].replace(plain, quarter, 1)


def with_cover(mp4: bytes) -> bytes:
    """The same film with a cover that is read before its tracks, as some taggers write it: a red square."""
    square = written(Image.new("RGB", (600, 600), (255, 0, 0)), "JPEG")
    cover = _box(b"covr", _box(b"data", struct.pack(">II", 13, 0) + square))
    handler = _box(b"hdlr", struct.pack(">II4s12s", 0, 0, b"mdir", b"appl") + bytes(2))
    tags = _box(b"udta", _box(b"meta", bytes(4) + handler + _box(b"ilst", cover)))
    moov = mp4.index(b"moov") - 4
    length, header = struct.unpack(">II", mp4[moov : moov + 4] + mp4[moov + 8 : moov + 12])
    tracks = moov + 8 + header
    return mp4[:moov] + _box(b"moov", mp4[moov + 8 : tracks] + tags + mp4[tracks : moov + length])


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body
