"""`duologue keys`: make, list and revoke API keys; each is shown once, when it is made."""

from datetime import datetime
from typing import Annotated, Any

import typer

from cli import keyring, reach
from cli import terms as read
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import moment, out, say, show_json
from cli.sheet import Sheet
from jobs.rules.scopes import ALL


def _scopes(given: list[str] | None) -> list[str] | None:
    if unknown := [scope for scope in given or () if scope not in ALL]:
        raise typer.BadParameter(f"{unknown[0]} is none of {', '.join(ALL)}.")
    return given


app = typer.Typer(add_completion=False, no_args_is_help=True, help="API keys: make, list and revoke them.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(callback=read.name, help="What the key is for, for example laptop.")],
    account: Annotated[
        str, typer.Option(callback=read.name, help="Whose key it is; made if it is new.")
    ] = keyring.DEFAULT_ACCOUNT,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(ALL), callback=_scopes, help="What it may do; may be repeated, everything unless said."
        ),
    ] = None,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Make a key and print it, alone, on standard output. It is never shown again."""
    with reach.current_database(data):
        key_id, key = keyring.create(name, account, [right for right in ALL if right in (scope or ALL)])
    rights = f" to {', '.join(scope)}" if scope else ""
    say(f"Key {key_id} of account {account}{rights}; keep it, it is not shown again:")
    typer.echo(key)


@app.command("list")
def list_keys(data: DataDir = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show every key's name, account and last letters, never the key."""
    with reach.current_database(data):
        rows = keyring.rows()
    if as_json:
        show_json(rows)
    elif rows:
        out.print(_sheet(rows))
    else:
        say("There are no keys yet; `duologue keys create NAME` makes one.")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID")], data: DataDir = DEFAULT_DATA) -> None:
    """Refuse a key from now on."""
    with reach.current_database(data):
        keyring.revoke(key_id)
    say(f"Key {key_id} is revoked.")


def _sheet(rows: list[dict[str, Any]]) -> Sheet:
    names = ("id", "name", "account", "may", "ends in", "created", "revoked")
    return Sheet(names, [[_shown(value) for value in row.values()] for row in rows])


def _shown(value: str | list[str] | datetime | None) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return value if isinstance(value, str) else moment(value)
