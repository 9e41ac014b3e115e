"""Where operators come in and go out, and change their own password."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api.console import cookies, rendering
from api.console.address import PREFIX
from api.console.fields import Fields, Posted
from api.console.visits import Anybody, AnybodysForm, OwnForm, Reader, Visit
from api.own_threads import threads_of
from jobs import audit, operators, settings
from jobs.audit import Actor
from jobs.database import transaction
from jobs.errors import CallerError, NotAuthenticated, TooMany, WrongInput
from jobs.rules import roles

router = APIRouter()

SIGNED_OUT = "You are signed out."


@router.get("/sign-in")
def ask(visit: Anybody, back: Annotated[str, Query(alias="next", max_length=2000)] = "") -> Response:
    """Ask for a name and a password."""
    if visit.who is not None:
        return rendering.redirect(rendering.local(back))
    return form(visit, back)


@router.post("/sign-in")
async def sign_in(request: Request, visit: AnybodysForm, fields: Posted) -> Response:
    """Let somebody in, or ask again."""
    return await threads_of(request, "sign_ins").run(_sign_in, visit, fields)


@router.post("/sign-out")
def sign_out(visit: OwnForm) -> Response:
    """End this browser's session."""
    with transaction() as session:
        operators.sign_out(session, visit.secret)
        audit.note(session, visit.actor, "operator.sign_out", visit.known.name)
    response = rendering.redirect(f"{PREFIX}/sign-in", SIGNED_OUT)
    cookies.remove(response, "session")
    return response


@router.get("/password")
def ask_for_password(visit: Reader) -> Response:
    """Ask for another password."""
    return rendering.page(visit, "password.html", complaint="")


@router.post("/password")
def change_password(visit: OwnForm, fields: Posted) -> Response:
    """Give oneself another password, and sign in anew with it."""
    try:
        _change_password(visit, fields)
    except CallerError as error:
        return rendering.page(visit, "password.html", complaint=str(error), status=error.status)
    response = rendering.redirect(f"{PREFIX}/sign-in", "Your password is changed; sign in with it.")
    cookies.remove(response, "session")
    return response


def welcome(visit: Visit, name: str, token: str, back: str) -> Response:
    """Send somebody who has just come in on to where they wanted to go; the session is a new one in any case."""
    with transaction() as session:
        audit.note(session, Actor(name, visit.address), "operator.sign_in", name)
    response = rendering.redirect(back)
    cookies.write(response, "session", token)
    cookies.remove(response, "visit")
    return response


def form(visit: Visit, back: str, *, name: str = "", complaint: str = "", status: int = 200) -> Response:
    """The page that asks for a name and a password, or points to the identity provider; `complaint` says why again."""
    facts: dict[str, Any] = {
        "back": back,
        "name": name,
        "complaint": complaint,
        "has_provider": bool(settings.load().oidc_issuer),
    }
    response = rendering.page(visit, "sign_in.html", status=status, **facts)
    cookies.write(response, "visit", visit.secret)
    return response


def _sign_in(visit: Visit, fields: Fields) -> Response:
    back, name = rendering.local(fields.secret("next")), fields.secret("name")[: roles.NAME_MAX_LETTERS]
    try:
        token = operators.sign_in(name, fields.secret("password"), visit.address)
    except (NotAuthenticated, TooMany) as error:
        return form(visit, back, name=name, complaint=str(error), status=error.status)
    return welcome(visit, roles.clean_name(name), token, back)


def _change_password(visit: Visit, fields: Posted) -> None:
    """Who sits at an open browser does not know the password: the old one is asked for, and counted like a sign-in."""
    if fields.secret("new") != fields.secret("again"):
        raise WrongInput("The two new passwords differ.", field="again")
    name = visit.known.name
    with audit.recorded(visit.actor, "operator.password", name):
        try:
            operators.sign_in(name, fields.secret("old"), visit.address)
        except NotAuthenticated:
            raise WrongInput("That is not your password.", field="old") from None
        with transaction() as session:
            operators.set_password(session, operators.named(session, name), fields.secret("new"))
