"""The promise every engine keeps: a regular order in, a video file out, progress between, `EngineError` or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

SpeakingOrder = Literal["meanwhile", "left_right", "right_left"]
Resolution = Literal["480p", "720p"]

Report = Callable[[str, float], None]
"""Tells how far the rendering is: a stage in one word, and the finished fraction of the whole, 0 to 1."""

Keep = Callable[[Mapping[str, Path]], None]
"""Hands over all that is new since the last time, files by their names; whoever is told owns them, and may be slow.

If the rendering is cut off, the next one of the same order, on any worker, is given the latest of each name. Either all
files of one call are there then or none of them.
"""


def keep_nothing(_files: Mapping[str, Path]) -> None:
    """Do without: whoever renders the order next begins anew."""


@dataclass(frozen=True)
class Order:
    """What is to be rendered. Every path is a regular file made by intake, never a caller's own bytes.

    Exactly one of `picture` (upright sRGB PNG) and `video` (probed, any container) is set. `voices` holds one WAV
    for one speaker or two, left speaker first: 48 kHz, mono, 16 bit. `mask` is an upright 8-bit grey PNG,
    white where things may move. The video is to be written inside `folder`. `profile` 0 may take all the memory it
    likes; each step up must do with less. `equipment` is what the worker's owner set for the engine, never a caller.
    `kept` is a folder with what an earlier rendering of this order handed over; it may be moved or changed.
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
    equipment: Mapping[str, object] = field(default_factory=dict)
    kept: Path | None = None


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
    def render(self, order: Order, report: Report, keep: Keep = keep_nothing) -> Rendering:
        """Render `order` to the end, in this process, calling `report` at least once per second of output.

        What a long rendering has come to is given to `keep` now and then. Raises EngineError for whatever goes wrong on
        purpose. It may be killed at any moment: nothing outside `order.folder` is touched.
        """
