"""`duologue demo`: the main job, end to end, the way a client sees it."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

from cli import borrowed, demo_media, door, film, waiting
from cli.client import Api, Json
from cli.options import DEFAULT_DATA, DataDir, Output
from cli.screen import out, say

MODEL = "wavespeed-ai/infinitetalk/multi"
DEFAULT_OUTPUT = Path("duologue-demo.mp4")


def demo(
    output: Annotated[Path, Output] = DEFAULT_OUTPUT,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Have two drawn people speak with two made-up voices, and save the video."""
    begun_at = time.monotonic()
    with borrowed.running_up(data), door.find(data) as api:
        say("Uploading a picture of two people and their two voices")
        job = waiting.follow(api, api.submit(_order(api)))
        api.save(waiting.link_to_video(job), output)
    say(f"Done in {time.monotonic() - begun_at:.1f} s.")
    out.print(f"{output.absolute()}: {film.measure(output)}", soft_wrap=True, markup=False)


def _order(api: Api) -> Json:
    left, right = demo_media.voices()
    files = {
        "image": ("two-people.png", demo_media.picture()),
        "left_audio": ("left.flac", left),
        "right_audio": ("right.flac", right),
    }
    with tempfile.TemporaryDirectory(prefix="duologue-demo-") as folder:
        links = {field: _upload(api, Path(folder) / name, content) for field, (name, content) in files.items()}
    return {"model": MODEL, "inputs": {**links, "order": "left_right"}, "tags": ["demo"]}


def _upload(api: Api, path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return api.upload(path)
