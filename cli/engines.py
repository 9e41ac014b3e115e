"""`duologue engines`: let nothing new begin on an engine, let it go on, and say how much it may do at once."""

from typing import Annotated

import typer

from cli import reach, signature, terms
from cli.options import DEFAULT_DATA, DataDir
from cli.screen import say
from cli.terms import Limit
from jobs import audit, health
from jobs.database import transaction
from jobs.rules.appraisal import ENGINES


def _known(name: str) -> str:
    if name not in ENGINES:
        raise typer.BadParameter(f"{name} is none of {', '.join(ENGINES)}.")
    return name


Name = Annotated[str, typer.Argument(callback=_known, help="gpu, cloud or preview.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Engines: pause, resume and limit them.")


@app.command()
def pause(
    name: Name,
    because: Annotated[str, typer.Option(help="Why, for whoever waits.")] = "an operator said so",
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Let nothing new begin on an engine; what runs goes on, and auto goes elsewhere."""
    with reach.current_database(data), transaction() as session:
        health.pause(session, name, because)
        audit.note(session, signature.actor(), "engine.pause", name, because=because)
    say(f"{name} is paused; `duologue engines resume {name}` lets it go on.")


@app.command()
def resume(name: Name, data: DataDir = DEFAULT_DATA) -> None:
    """Let work begin on an engine again, also on one that was shut because jobs failed on it."""
    with reach.current_database(data), transaction() as session:
        health.resume(session, name)
        audit.note(session, signature.actor(), "engine.resume", name)
    say(f"{name} goes on.")


@app.command()
def limit(
    name: Name,
    running: Annotated[
        Limit, typer.Option(metavar="N", parser=terms.limit(terms.count), help="Jobs at once, more wait; or `none`.")
    ],
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Say how many jobs may be under way on an engine at once, whatever its workers could do."""
    with reach.current_database(data), transaction() as session:
        health.limit(session, name, running.value)
        audit.note(session, signature.actor(), "engine.limit", name, running_max=running.value)
    say(f"{name} has {'no limit' if running.value is None else f'at most {running.value} jobs at once'}.")
