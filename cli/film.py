"""What a video file really is, read from the file itself."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Film:
    width: int
    height: int
    seconds: float
    bytes: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels, {self.seconds:.1f} s, {self.bytes:,} bytes"


def measure(path: Path) -> Film:
    """Open the file and count: size in pixels, length in seconds of its longer track."""
    import av

    with av.open(path) as film:
        picture = film.streams.video[0]
        return Film(picture.width, picture.height, (film.duration or 0) / av.time_base, path.stat().st_size)
