"""The promise every engine keeps: a regular order in, a video file out, progress between, `EngineError` or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

SpeakingOrder = Literal["meanwhile", "left_right", "right_left"]
Resolution = Literal["480p", "720p"]

Report = Callable[[str, float], None]
"""Tells how far the rendering is: a stage in one word, and the finished fraction of the whole, 0 to 1."""


@dataclass(frozen=True)
class Order:
    """What is to be rendered. Every path is a regular file made by intake, never a caller's own bytes.

    Exactly one of `picture` (upright sRGB PNG) and `video` (probed, any container) is set. `voices` holds one WAV
    for one speaker or two, left speaker first: 48 kHz, mono, 16 bit. `mask` is an upright 8-bit grey PNG,
    white where things may move. The video is to be written inside `folder`. `profile` 0 may take all the memory it
    likes; each step up must do with less.
    """

    model: str
    folder: Path
    voices: tuple[Path, ...]
    picture: Path | None = None
    video: Path | None = None
    mask: Path | None = None
    speaking_order: SpeakingOrder = "meanwhile"
    resolution: Resolution = "480p"
    prompt: str = ""
    seed: int = 0
    profile: int = 0
    knobs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Rendering:
    """What came out: an MP4 inside the order's folder. Sizes in pixels; warnings are sentences for the caller."""

    video: Path
    width: int
    height: int
    frames: int
    seconds: float
    warnings: tuple[str, ...] = ()


class Engine(Protocol):
    def render(self, order: Order, report: Report) -> Rendering:
        """Render `order` to the end, in this process, calling `report` at least once per second of output.

        Raises EngineError for whatever goes wrong on purpose. It may be killed at any moment: nothing outside
        `order.folder` is touched.
        """
