"""`duologue submit`: an order from a terminal, local files and all, through the public API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli import door, media, waiting
from cli.client import Api, Json
from cli.failure import Failure
from cli.options import DEFAULT_DATA, AsJson, DataDir, Output
from cli.screen import say, show_json
from jobs.rules.catalog import MODELS

MEDIA_FIELDS = ("image", "video", "audio", "left_audio", "right_audio", "mask_image")

_FAMILY = "wavespeed-ai/"
_PLACE = "PATH_OR_URL"


def submit(
    model: Annotated[str, typer.Argument(help="Model, for example infinitetalk/multi.")],
    *,
    image: Annotated[str | None, typer.Option(metavar=_PLACE, help="Picture of who speaks.")] = None,
    video: Annotated[str | None, typer.Option(metavar=_PLACE, help="Video of who speaks.")] = None,
    audio: Annotated[str | None, typer.Option(metavar=_PLACE, help="The voice.")] = None,
    left_audio: Annotated[str | None, typer.Option(metavar=_PLACE, help="Voice of who is on the left.")] = None,
    right_audio: Annotated[str | None, typer.Option(metavar=_PLACE, help="Voice of who is on the right.")] = None,
    mask_image: Annotated[str | None, typer.Option(metavar=_PLACE, help="White where things may move.")] = None,
    order: Annotated[str | None, typer.Option(help="meanwhile, left_right or right_left.")] = None,
    resolution: Annotated[str | None, typer.Option(help="480p or 720p.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What the scene is like.")] = None,
    seed: Annotated[int | None, typer.Option(help="-1 draws one.")] = None,
    engine: Annotated[str | None, typer.Option(help="auto, gpu, cloud or preview.")] = None,
    priority: Annotated[int | None, typer.Option(help="-100 to 100; higher goes first.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A label to find it by; may be repeated.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until it is done; --output implies it.")] = False,
    output: Annotated[Path | None, Output] = None,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Hand in a job and print its id; with --wait print its video's link, with --output the file's path."""
    places = dict(zip(MEDIA_FIELDS, (image, video, audio, left_audio, right_audio, mask_image), strict=True))
    form = {"prompt": prompt, "order": order, "resolution": resolution, "seed": seed}
    with door.find(data) as api:
        _refuse_if_incomplete(model, places)
        order_form = {"model": full_name(model), "inputs": _inputs(api, places, form)}
        job = api.submit(order_form | _given({"engine": engine, "priority": priority, "tags": tag}))
        if wait or output:
            say(f"Job {job['id']}")
            job = waiting.follow(api, job)
        _print(api, job, output, as_json=as_json, is_over=wait or output is not None)


def full_name(model: str) -> str:
    """People leave out the family; programs and other families do not."""
    return _FAMILY + model if model.startswith("infinitetalk") else model


def _refuse_if_incomplete(model: str, places: Mapping[str, str | None]) -> None:
    """Say in the desk's own words what is missing, before anything is uploaded."""
    if known := MODELS.get(full_name(model)):
        missing = [f"--{field.replace('_', '-')}" for field in known.required if not places[field]]
        if missing:
            raise Failure(f"{model} needs {', '.join(missing)} as well: a file or a link each.")


def _inputs(api: Api, places: Mapping[str, str | None], form: Mapping[str, object]) -> dict[str, object]:
    links = {field: media.link_to(api, field, place) for field, place in places.items() if place is not None}
    return {**links, **_given(form)}


def _given(options: Mapping[str, object]) -> dict[str, object]:
    """Leave out what was not asked for: the API knows the defaults."""
    return {name: value for name, value in options.items() if value is not None}


def _print(api: Api, job: Json, output: Path | None, *, as_json: bool, is_over: bool) -> None:
    if as_json:
        show_json(job)
    if is_over:
        link = waiting.link_to_video(job)
        if output:
            api.save(link, output)
        if not as_json:
            typer.echo(output or link)
    elif not as_json:
        typer.echo(job["id"])
