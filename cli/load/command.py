"""The command: what is asked for, the load, what it came to."""

import tempfile
import uuid
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli import demo_media, door
from cli.client import LOOPBACK, Api
from cli.failure import Failure
from cli.load import checking, driving, report
from cli.load.driving import Plan
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import say, show_json
from cli.submit import full_name
from jobs.rules.catalog import MODELS

JOBS_MAX = 100_000


def load(
    *,
    jobs: Annotated[int, typer.Option(min=1, max=JOBS_MAX, help="How many jobs are ordered in all.")] = 50,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="How many callers order and ask at once.")] = 8,
    rate: Annotated[float, typer.Option(min=0, help="Most orders a second; 0 is as fast as they are taken.")] = 0.0,
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="Give up on what is unfinished then.")] = 600.0,
    model: Annotated[str, typer.Option(help="Model that is ordered.")] = "infinitetalk/multi",
    engine: Annotated[str, typer.Option(help="Who renders: preview is free, gpu and cloud are not.")] = "preview",
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="It is not on this machine, is yours, and may be loaded.")
    ] = False,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Order many jobs, watch them to their end, and say how long everything took; status 1 if a promise was broken."""
    with door.find(data) as api:
        _check_may_be_loaded(api, elsewhere=elsewhere)
        plan = Plan(_order(api, full_name(model), engine), jobs, at_once, rate, seconds, uuid.uuid4().hex[:12])
        say(f"Ordering {jobs} jobs with the tag {plan.tag}, {at_once} callers at once")
        record = driving.drive(api, plan)
        broken = checking.broken_promises(api, plan, record)
    figures = report.figures(record)
    if as_json:
        show_json({"figures": figures, "broken": broken})
    else:
        report.show(figures, broken)
    if broken:
        raise typer.Exit(1)


def _check_may_be_loaded(api: Api, *, elsewhere: bool) -> None:
    """Raises Failure for a place that is not this machine, unless its owner says so."""
    host = urlsplit(api.base_url).hostname
    if host not in LOOPBACK and not elsewhere:
        raise Failure(f"{host} is not this machine. If it is yours and may be loaded, say so with --elsewhere.")


def _order(api: Api, model: str, engine: str) -> dict[str, object]:
    """What is ordered again and again: drawn people and made-up voices, each uploaded once."""
    if model not in MODELS or "image" not in MODELS[model].required:
        known = ", ".join(name for name, one in MODELS.items() if "image" in one.required)
        raise Failure(f"A load can be made of models that take a picture: {known}.")
    left, right = demo_media.voices()
    content = {"image": ("two-people.png", demo_media.picture()), "left_audio": ("left.flac", left)}
    content |= {"audio": ("left.flac", left), "right_audio": ("right.flac", right)}
    with tempfile.TemporaryDirectory(prefix="duologue-load-") as folder:
        inputs = {field: _uploaded(api, Path(folder), *content[field]) for field in MODELS[model].required}
    return {"model": model, "inputs": inputs, "engine": engine}


def _uploaded(api: Api, folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return api.upload(folder / name)
