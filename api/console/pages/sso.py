"""The way to the identity provider, and back from it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from api.console import cookies, provider, rendering
from api.console.pages import sign_in
from api.console.visits import Anybody, Visit
from api.own_threads import threads_of
from jobs import operators, settings
from jobs.errors import CallerError, NotFound
from jobs.rules import roles

router = APIRouter()

Given = Annotated[str, Query(max_length=4000)]


@router.get("/sso")
async def leave(
    request: Request, visit: Anybody, back: Annotated[str, Query(alias="next", max_length=2000)] = ""
) -> Response:
    """Send the browser to the provider, which sends it back."""
    _check_there_is_one()
    return await threads_of(request, "provider").run(_leave, visit, back)


@router.get("/sso/back")
async def arrive(request: Request, visit: Anybody, code: Given = "", state: Given = "", iss: Given = "") -> Response:
    """Let in whom the provider vouches for; its own refusals come without a code."""
    _check_there_is_one()
    if not code:
        return sign_in.form(visit, "", complaint="The identity provider did not let you in.", status=403)
    return await threads_of(request, "provider").run(_arrive, visit, code, state, iss)


def _leave(visit: Visit, back: str) -> Response:
    try:
        response = RedirectResponse(provider.way_out(visit.secret, rendering.local(back)), 303)
    except CallerError as error:
        return sign_in.form(visit, back, complaint=str(error), status=error.status)
    cookies.write(response, "visit", visit.secret)
    return response


def _arrive(visit: Visit, code: str, state: str, iss: str) -> Response:
    try:
        person, back = provider.way_back(cookies.read(visit.request, "visit"), code, state, iss)
        token = operators.sign_in_with_provider(person.subject, person.name, person.role, visit.address)
    except CallerError as error:
        return sign_in.form(visit, "", complaint=str(error), status=error.status)
    return sign_in.welcome(visit, roles.clean_name(person.name), token, rendering.local(back))


def _check_there_is_one() -> None:
    if not settings.load().oidc_issuer:
        raise NotFound("No identity provider is set here; sign in with a name and a password.")
