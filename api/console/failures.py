"""Errors as the console says them: a page with the sentence, or the way to the page where one signs in."""

from urllib.parse import urlencode

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from api.console import rendering, visits
from api.console.address import PREFIX
from api.errors import Answer

SIGN_IN = f"{PREFIX}/sign-in"
_TITLES = {403: "Not allowed", 404: "Not found", 409: "Not as things stand", 429: "Too often", 500: "Our fault"}


def respond(scope: Scope, answer: Answer) -> Response:
    """What to answer to a request of the console that went wrong; asks no database, which may be away."""
    request = Request(scope)
    if answer.status == 401:  # noqa: PLR2004 - whoever is not signed in
        return _to_sign_in(request)
    title = _TITLES.get(answer.status, "That did not work")
    response = rendering.page(
        visits.remembered(request), "failure.html", status=answer.status, title=title, sentence=answer.message
    )
    response.headers.update(answer.headers)
    return response


def _to_sign_in(request: Request) -> Response:
    """Back to where one was, if that was a page; a part of a page has htmx load all of it anew."""
    wanted = request.headers.get("HX-Current-URL", "") if "HX-Request" in request.headers else str(request.url)
    address = URL(wanted)
    back = f"{address.path}?{address.query}" if address.query else address.path
    query = urlencode({"next": back}) if request.method == "GET" and back != PREFIX else ""
    to = f"{SIGN_IN}?{query}" if query else SIGN_IN
    if "HX-Request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": to})
    return RedirectResponse(to, 303)
