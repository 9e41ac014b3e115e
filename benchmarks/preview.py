"""Measures the preview engine, each clip in a process of its own: wall time against the clip's length, and peak memory.

Run `python benchmarks/preview.py`; `--long` adds ten minutes of 480p. It ends with 3 if a clip is over its limit.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent

if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

from benchmarks.figures import verdict  # noqa: E402 - found once the root is on the path


@dataclass(frozen=True)
class Clip:
    """What is rendered, and what it may cost: wall seconds per second of video, and MB of memory at its peak."""

    name: str
    source: str
    seconds: int
    resolution: str
    ratio_limit: float | None
    memory_limit_mb: int | None


CLIPS: Final = (
    Clip("picture, 10 s, 480p", "picture", 10, "480p", 0.4, 300),
    Clip("picture, 10 s, 720p", "picture", 10, "720p", None, None),
    Clip("video, 10 s, 480p", "video", 10, "480p", 1.0, 300),
)
LONG: Final = (Clip("picture, 600 s, 480p", "picture", 600, "480p", 0.4, 300),)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the preview engine.")
    parser.add_argument("--long", action="store_true", help="add ten minutes of 480p")
    parser.add_argument("--child", nargs=3, metavar=("PART", "CLIP", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    clips = (*CLIPS, *LONG)
    if arguments.child:
        part, number, folder = arguments.child
        {"make": make_media, "render": render}[part](clips[int(number)], Path(folder))
        return 0
    chosen = clips if arguments.long else CLIPS
    print(f"{'clip':22} {'wall':>8} {'of real time':>13} {'peak':>8}   ({os.cpu_count()} cores)")
    kept = [measure(number, clip) for number, clip in enumerate(chosen)]
    return verdict(is_missed=not all(kept))


def measure(number: int, clip: Clip) -> bool:
    """Make the clip's media, render them in a child, print a line; whether the clip kept its limits."""
    with tempfile.TemporaryDirectory() as folder:
        # A process is charged with its parent's memory at birth, so this one stays small: media are made elsewhere too.
        run("make", number, folder)
        started = time.perf_counter()
        said = json.loads(run("render", number, folder))
        wall_seconds = time.perf_counter() - started
    ratio = wall_seconds / clip.seconds
    slow = clip.ratio_limit is not None and ratio > clip.ratio_limit
    large = clip.memory_limit_mb is not None and said["peak_mb"] > clip.memory_limit_mb
    verdict = " TOO SLOW" * slow + " TOO LARGE" * large
    print(f"{clip.name:22} {wall_seconds:6.1f} s {ratio:13.2f} {said['peak_mb']:5.0f} MB  {verdict}", flush=True)
    return not verdict


def run(part: str, number: int, folder: str) -> bytes:
    command = [sys.executable, __file__, "--child", part, str(number), folder]
    return subprocess.run(command, check=True, capture_output=True).stdout


def make_media(clip: Clip, folder: Path) -> None:
    from tests.factories_media import clip_mp4, people_png, voice_wav, write

    for name, pitch_hz, syllables_hz in (("left.wav", 120, 4.0), ("right.wav", 210, 2.9)):
        write(folder, name, voice_wav(clip.seconds, pitch_hz, syllables_hz))
    if clip.source == "picture":
        write(folder, "source", people_png(1920, 1080))
    else:
        write(folder, "source", clip_mp4(clip.seconds, 1920, 1080, drift=0.02))


def render(clip: Clip, folder: Path) -> None:
    """Render in this process, and say on standard output what memory it took."""
    from workers.engines.engine import Order
    from workers.engines.preview.engine import PreviewEngine

    source = folder / "source"
    order = Order(
        model="wavespeed-ai/infinitetalk/multi",
        folder=folder,
        voices=(folder / "left.wav", folder / "right.wav"),
        picture=source if clip.source == "picture" else None,
        video=source if clip.source == "video" else None,
        resolution="720p" if clip.resolution == "720p" else "480p",
    )
    rendering = PreviewEngine().render(order, lambda _stage, _fraction: None)
    assert rendering.frames == clip.seconds * 25
    # Linux counts in kilobytes, macOS in bytes.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}))


if __name__ == "__main__":
    sys.exit(main())
