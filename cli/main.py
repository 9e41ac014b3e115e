"""The one command, `duologue`: a module for each of its commands, and one clear line for each expected error."""

from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from cli.screen import complain, out
from jobs.errors import DuologueError

COMMANDS: Final = {
    "up": "cli.up:up",
    "demo": "cli.demo:demo",
    "doctor": "cli.doctor:doctor",
    "accounts": "cli.accounts:app",
    "keys": "cli.keys:app",
    "engines": "cli.engines:app",
    "views": "cli.views:app",
    "operators": "cli.operators:app",
    "submit": "cli.submit:submit",
    "route": "cli.route:route",
    "jobs": "cli.listing:jobs",
    "show": "cli.show:show",
    "cancel": "cli.cancel:cancel",
    "rerun": "cli.rerun:rerun",
    "batch": "cli.batch:app",
    "webhooks": "cli.webhooks:app",
    "load": "cli.load.command:load",
    "costs": "cli.costs:costs",
    "upstream": "cli.upstream:upstream",
    "fake-wavespeed": "cli.fake_wavespeed.command:fake_wavespeed",
    "weights": "cli.weights:app",
    "migrate": "cli.migrate:migrate",
}
"""Where each command is; only the one that is wanted is imported, as some take a second."""


class Desk(TyperGroup):
    """Fetches commands when they are wanted, and turns the errors this house raises on purpose into a sentence."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own class is private
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - typer's own classes are private
        return _fetch(cmd_name) if cmd_name in COMMANDS else None

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - typer's own class is private
        try:
            return super().invoke(ctx)
        except DuologueError as error:
            complain(str(error))
            raise typer.Exit(1) from None


def _fetch(name: str) -> Any:  # noqa: ANN401 - typer's own class is private
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        group = found
    else:
        group = typer.Typer(add_completion=False)
        group.command(name)(found)
    command = typer.main.get_command(group)
    command.name = name
    return command


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's form
    if wanted:
        out.print(f"duologue {version('duologue')}")
        raise typer.Exit


app = typer.Typer(name="duologue", cls=Desk, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def duologue(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Talking videos from a picture and voices: run the backend, and use it."""
