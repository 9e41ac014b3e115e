"""Makes the outputs: small valid MP4s of the right length, each with its prediction's id in it, padded to any size."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

FRAMES_PER_SECOND: Final = 25
_WIDTH, _HEIGHT = 96, 54
_BOX: Final = struct.Struct(">I4sQ")
_LARGE: Final = 1
_PIECE_BYTES: Final = 2**18
_ZEROS: Final = bytes(_PIECE_BYTES)


@dataclass(frozen=True)
class Film:
    """A video: `head` is its content; a box that players skip follows, which begins with `mark` and goes on in zeros.

    The zeros are never held: a film of gigabytes takes no more room than a small one.
    """

    head: bytes
    mark: bytes
    size_bytes: int

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, a piece at a time."""
        written = self.head + self.mark
        if start < len(written):
            yield written[start:stop]
        left = stop - max(start, len(written))
        while left > 0:
            yield _ZEROS[:left]
            left -= _PIECE_BYTES


def shoot(seconds: float, mark: str, size_bytes: int = 0) -> Film:
    """A film of so many seconds, no two alike that differ in `mark`, of `size_bytes` if its content leaves room."""
    head = _drawn(max(1, round(seconds * FRAMES_PER_SECOND)))
    label = mark.encode()
    smallest = len(head) + _BOX.size + len(label)
    size_bytes = max(size_bytes, smallest)
    return Film(head, _BOX.pack(_LARGE, b"free", size_bytes - len(head)) + label, size_bytes)


@lru_cache(maxsize=32)
def _drawn(frames: int) -> bytes:
    """So many grey frames."""
    import av
    import numpy as np

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options={"preset": "ultrafast", "crf": "40"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.full((_HEIGHT, _WIDTH, 3), 128, np.uint8), format="rgb24")
        for number in range(frames):
            grey.pts = number
            container.mux(stream.encode(grey))
        container.mux(stream.encode(None))
    return buffer.getvalue()
