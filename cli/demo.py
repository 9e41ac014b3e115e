"""`duologue demo`: the main job, end to end, the way a client sees it."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import borrowed, demo_media, door, film, waiting
from cli.client import Api, Json
from cli.failure import Failure
from cli.options import DEFAULT_DATA, DataDir, Output
from cli.screen import out, say

MODEL = "wavespeed-ai/infinitetalk/multi"
DEFAULT_OUTPUT = Path("duologue-demo.mp4")


def demo(
    output: Annotated[Path, Output] = DEFAULT_OUTPUT,
    media: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Save its picture and its voices here, to try things with.",
        ),
    ] = None,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Have two drawn people speak with two made-up voices, and save the video."""
    begun_at = time.monotonic()
    with _files(media) as files, borrowed.running_up(data), door.find(data) as api:
        say("Uploading a picture of two people and their two voices")
        job = waiting.follow(api, api.submit(_order(api, files)))
        api.save(waiting.link_to_video(job), output)
    say(f"Done in {time.monotonic() - begun_at:.1f} s.")
    out.print(f"{output.absolute()}: {film.measure(output)}", soft_wrap=True, markup=False)


@contextmanager
def _files(folder: Path | None) -> Iterator[dict[str, Path]]:
    """The demo's media by their fields; those that are to be kept replace nothing of somebody else's."""
    left, right = demo_media.voices()
    made = {
        "image": ("two-people.png", demo_media.picture()),
        "left_audio": ("left.flac", left),
        "right_audio": ("right.flac", right),
    }
    with tempfile.TemporaryDirectory(prefix="duologue-demo-") as passing:
        files = {field: (folder or Path(passing)) / name for field, (name, _) in made.items()}
        for field, (_, content) in made.items():
            _write(files[field], content)
        yield files


def _write(file: Path, content: bytes) -> None:
    try:
        if file.exists() and file.read_bytes() != content:
            raise Failure(f"{file} is there already, and not the demo's: name another folder with --media.")
        file.write_bytes(content)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.") from None


def _order(api: Api, files: Mapping[str, Path]) -> Json:
    links = {field: api.upload(path) for field, path in files.items()}
    return {"model": MODEL, "inputs": {**links, "order": "left_right"}, "tags": ["demo"]}
