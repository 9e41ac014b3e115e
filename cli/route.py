"""`duologue route`: who would render a job, and why; nothing is ordered."""

from typing import Annotated

import typer

from cli import door
from cli.client import Json
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, show_json
from cli.sheet import Sheet
from cli.submit import full_name
from jobs.rules.appraisal import said


def route(
    model: Annotated[str, typer.Argument(help="Model, for example infinitetalk/multi.")] = "infinitetalk",
    *,
    engine: Annotated[str, typer.Option(help="auto, gpu, cloud or preview.")] = "auto",
    seconds: Annotated[float | None, typer.Option(help="How long the video would be.")] = None,
    resolution: Annotated[str | None, typer.Option(help="480p or 720p.")] = None,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Say who would render a job that is ordered now, why, and how every engine stands."""
    asked = {"model": full_name(model), "engine": engine, "duration_seconds": seconds, "resolution": resolution}
    with door.find(data) as api:
        found = api.ask("GET", "/v1/route", params={name: value for name, value in asked.items() if value is not None})
    if as_json:
        show_json(found)
        return
    out.print(found["reason"], soft_wrap=True, markup=False)
    out.print(_sheet(found["considered"]))


def _sheet(considered: list[Json]) -> Sheet:
    rows = [
        (
            option["engine"],
            "ready" if option["is_ready"] else "not ready",
            "" if option["wait_seconds"] is None else said(option["wait_seconds"]),
            "" if option["run_seconds"] is None else f"{option['run_seconds']:.0f} s",
            f"{option['price_usd']:.2f} USD",
            option["reason"],
        )
        for option in considered
    ]
    return Sheet(("engine", "is", "begins", "takes", "price", "why"), rows)
