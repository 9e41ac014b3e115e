"""What intake hands on: media of which everything is known, as plain facts that survive a row or a file."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self, get_args

from jobs.rules.catalog import Kind


@dataclass(frozen=True)
class Regular:
    """One regular file: upright RGB PNG, upright grey PNG (mask), 48 kHz mono 16-bit WAV, or the caller's own video.

    Width and height are in pixels as shown, after the `rotation` (degrees, counter-clockwise) that a video still
    has to be turned by. `fps` is the average over the file. Seconds are counted, not read from a header.
    """

    path: Path
    kind: Kind
    sha256: str
    bytes: int
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    rotation: int = 0

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON column; the path is kept as a file name, for folders come and go."""
        return {**asdict(self), "path": self.path.name}

    @classmethod
    def from_json(cls, facts: dict[str, Any], folder: Path) -> Self:
        """Read `as_json` back, the file now lying in `folder`; what newer code wrote besides is passed over.

        Raises ValueError on an unknown kind.
        """
        if facts["kind"] not in get_args(Kind):
            raise ValueError(f"{facts['kind']!r} is not a kind of media")
        known = {field.name: facts[field.name] for field in fields(cls) if field.name in facts}
        return cls(**{**known, "path": folder / Path(facts["path"]).name})
