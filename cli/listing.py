"""`duologue jobs`: what there is to do and what was done, newest first."""

from collections.abc import Iterable
from typing import Annotated

import typer

from cli import door, view
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, say, show_json
from jobs.rules.states import State

_STATES = f"Only in this state: {', '.join(State)}; may be repeated."


def _states(given: Iterable[str] | None) -> list[str] | None:
    for word in given or ():
        if word not in list(State):
            raise typer.BadParameter(f"{word!r} is none of {', '.join(State)}.")
    return list(given) if given else None


def jobs(
    *,
    status: Annotated[list[str] | None, typer.Option(callback=_states, metavar="STATE", help=_STATES)] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model, by its whole name.")] = None,
    engine: Annotated[str | None, typer.Option(help="Only of this engine.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this label.")] = None,
    created_after: Annotated[str | None, typer.Option(help="RFC 3339, with a time zone.")] = None,
    created_before: Annotated[str | None, typer.Option(help="RFC 3339, with a time zone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="What the page before ended with.")] = None,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    filters = {
        "status": status,
        "model": model,
        "engine": engine,
        "tag": tag,
        "created_after": created_after,
        "created_before": created_before,
        "limit": limit,
        "cursor": cursor,
    }
    with door.find(data) as api:
        page = api.jobs(filters)
    if as_json:
        show_json(page)
        return
    out.print(view.jobs_sheet(page["jobs"])) if page["jobs"] else say("There are no such jobs.")
    if page["next_cursor"]:
        say(f"There are more: --cursor {page['next_cursor']}")
