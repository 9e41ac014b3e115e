"""The operators: listed, made, given roles and passwords, and removed."""

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.visits import Changer, Reader
from jobs import audit, operators
from jobs.database import transaction
from jobs.errors import CallerError, Conflict
from jobs.rules import roles

router = APIRouter()

LIST = f"{PREFIX}/operators"


@router.get("/operators")
def everybody(visit: Reader) -> Response:
    """Show who may use the console."""
    return _list(visit)


@router.post("/operators")
def create(visit: Changer, fields: Posted) -> Response:
    """Make an operator who signs in with a password."""
    name, role = fields.secret("name"), fields.choice("role", "The role", roles.ALL)
    try:
        with (
            audit.recorded(visit.actor, "operator.create", roles.clean_name(name)[:60], role=role),
            transaction() as session,
        ):
            made = operators.create(session, name, role, fields.secret("password"))
    except CallerError as error:
        return _list(visit, complaint=str(error), typed={"name": name, "role": role}, status=error.status)
    return rendering.redirect(LIST, f"{made.name} may come in now, as {made.role}.")


@router.post("/operators/{name}/role")
def change_role(visit: Changer, fields: Posted, name: str) -> Response:
    """Let an operator do more, or less."""
    role = fields.choice("role", "The role", roles.ALL)
    _check_not_oneself(visit, name)
    with audit.recorded(visit.actor, "operator.role", name, role=role), transaction() as session:
        operators.set_role(operators.named(session, name), role)
    return rendering.redirect(LIST, f"{name} is {role} from now on.")


@router.post("/operators/{name}/remove")
def remove(visit: Changer, fields: Posted, name: str) -> Response:
    """Let somebody in no more."""
    _check_not_oneself(visit, name)
    if not fields.is_confirmed:
        sentence = f"{name} is signed out everywhere at once and cannot come in again. The audit log keeps the name."
        return rendering.confirm(visit, fields, title=f"Remove {name}?", sentence=sentence, button="Remove", back=LIST)
    with audit.recorded(visit.actor, "operator.remove", name), transaction() as session:
        operators.remove(session, operators.named(session, name))
    return rendering.redirect(LIST, f"{name} is removed.")


def _list(visit: Reader, *, complaint: str = "", typed: dict[str, str] | None = None, status: int = 200) -> Response:
    with transaction() as session:
        found = operators.everybody(session)
    facts = {"operators": found, "roles": roles.ALL, "complaint": complaint, "typed": typed or {}}
    return rendering.page(visit, "operators.html", status=status, **facts)


def _check_not_oneself(visit: Changer, name: str) -> None:
    """Nobody locks themselves out by mistake; the desk can do it."""
    if roles.clean_name(name) == visit.known.name:
        raise Conflict("That is you: have another operator do it, or `duologue operators` on the server.")
