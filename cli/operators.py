"""`duologue operators`: who may use the console; for whoever has the database, so that the first one can be made."""

from typing import Annotated

import typer

from cli import reach, signature
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import moment, out, say, show_json
from cli.sheet import Sheet
from jobs import audit, ids, operators
from jobs.database import transaction
from jobs.rules import roles
from jobs.rules.roles import Role

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Operators of the console: make and remove them.")


def _role(text: str) -> str:
    if text not in roles.ALL:
        raise typer.BadParameter(f"{text} is none of {', '.join(roles.ALL)}.")
    return text


Name = Annotated[str, typer.Argument(metavar="NAME", help="What they sign in with.")]
_ROLE = {"metavar": "|".join(roles.ALL), "callback": _role}
Ask = Annotated[bool, typer.Option("--ask", help="Type the password, instead of having one drawn and printed.")]


@app.command()
def create(
    name: Name,
    *,
    role: Annotated[str, typer.Option("--role", **_ROLE, help="What they may do.")] = "operator",
    ask: Ask = False,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Make an operator, and print the password drawn for them, alone, on standard output. It is never shown again."""
    password = _password(ask=ask)
    with reach.current_database(data), transaction() as session:
        made = operators.create(session, name, _known(role), password)
        audit.note(session, signature.actor(), "operator.create", made.name, role=role)
    say(f"{made.name} may sign in at /console, as {role}.")
    _print(password, ask=ask)


@app.command("list")
def list_operators(data: DataDir = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show every operator."""
    with reach.current_database(data), transaction() as session:
        rows = [
            {
                "name": one.name,
                "role": one.role,
                "signs_in_with": "password" if one.password_hash else "identity provider",
                "created_at": one.created_at,
                "signed_in_at": one.signed_in_at,
            }
            for one in operators.everybody(session)
        ]
    if as_json:
        show_json(rows)
    elif rows:
        names = ("name", "role", "signs in with", "created", "last signed in")
        out.print(
            Sheet(
                names, [[value if isinstance(value, str) else moment(value) for value in row.values()] for row in rows]
            )
        )
    else:
        say("There are no operators yet; `duologue operators create NAME` makes one.")


@app.command()
def passwd(name: Name, *, ask: Ask = False, data: DataDir = DEFAULT_DATA) -> None:
    """Give an operator another password, and sign them out everywhere."""
    password = _password(ask=ask)
    with reach.current_database(data), transaction() as session:
        found = operators.named(session, name)
        operators.set_password(session, found, password)
        audit.note(session, signature.actor(), "operator.password", found.name)
    say(f"{found.name} is signed out everywhere and has a new password.")
    _print(password, ask=ask)


@app.command("role")
def change_role(
    name: Name,
    role: Annotated[str, typer.Argument(**_ROLE, help="What they may do from now on.")],
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Let an operator do more, or less."""
    with reach.current_database(data), transaction() as session:
        found = operators.named(session, name)
        operators.set_role(found, _known(role))
        audit.note(session, signature.actor(), "operator.role", found.name, role=role)
    say(f"{found.name} is {role} from now on.")


@app.command()
def remove(name: Name, data: DataDir = DEFAULT_DATA) -> None:
    """Sign an operator out everywhere, and let them in no more."""
    with reach.current_database(data), transaction() as session:
        found = operators.named(session, name)
        operators.remove(session, found)
        audit.note(session, signature.actor(), "operator.remove", found.name)
    say(f"{found.name} is removed.")


def _password(*, ask: bool) -> str:
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True) if ask else ids.new_password()


def _print(password: str, *, ask: bool) -> None:
    if not ask:
        say("The password, which is not shown again:")
        typer.echo(password)


def _known(role: str) -> Role:
    return next(one for one in roles.ALL if one == role)
