"""Fills templates: every page looks the same, escapes what others wrote, and knows who is looking."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.console import cookies, places, wording
from api.console.address import PREFIX
from api.console.fields import DRAWN, Fields
from api.console.visits import Visit
from jobs import clock, ids

THEMES: Final = ("auto", "light", "dark")

_NOT_REPEATED = frozenset({"token", "confirmed", DRAWN})


def page(visit: Visit, template: str, *, status: int = 200, **facts: object) -> Response:
    """A whole page, or a part of one where htmx asked for it and the template is a part."""
    said = cookies.read(visit.request, "said")
    shown = (
        _environment()
        .get_template(template)
        .render(
            visit=visit,
            here=visit.request.scope["path"],
            places=places.of(visit),
            theme=_theme(visit.request),
            said=said,
            now=clock.now(),
            with_query=lambda **changes: _with_query(visit.request, changes),
            **facts,
        )
    )
    response = HTMLResponse(shown, status)
    if said:
        cookies.remove(response, "said")
    return response


def redirect(to: str, said: str = "") -> Response:
    """Send the browser on after a change, which is told of on the page it comes to."""
    response = RedirectResponse(to, 303)
    if said:
        cookies.write(response, "said", said[:500])
    return response


def confirm(visit: Visit, fields: Fields, *, title: str, sentence: str, button: str, back: str) -> Response:
    """Ask whether it is meant: a page whose form sends the same fields to the same address, and `confirmed` with them.

    An id is drawn for it, so that what may not be done twice can tell a form that is sent twice.
    The route asks `fields.is_confirmed` and calls this where it is not.
    """
    again = [(name, value) for name, value in fields if name not in _NOT_REPEATED] + [(DRAWN, ids.new_id().hex)]
    facts: dict[str, Any] = {"title": title, "sentence": sentence, "button": button, "back": back, "again": again}
    return page(visit, "confirm.html", action=_with_query(visit.request, {}), **facts)


def local(address: str, otherwise: str = PREFIX) -> str:
    """An address to go to that somebody else may have written: a path of the console, or `otherwise`."""
    is_ours = address == PREFIX or address.startswith((f"{PREFIX}/", f"{PREFIX}?"))
    return address if is_ours and "\\" not in address and address.isprintable() else otherwise


def _theme(request: Request) -> str:
    chosen = cookies.read(request, "theme")
    return chosen if chosen in THEMES else "auto"


def _with_query(request: Request, changes: dict[str, object]) -> str:
    """The address of this page with other filters; one that becomes empty is left out."""
    changed = QueryParams(request.url.query).multi_items()
    kept = [(name, value) for name, value in changed if name not in changes and value]
    query = urlencode([*kept, *((name, str(value)) for name, value in changes.items() if value)])
    path: str = request.scope["path"]
    return f"{path}?{query}" if query else path


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("api.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= wording.FILTERS
    found.globals |= {"asset": _asset, "themes": THEMES, "prefix": PREFIX}
    return found


@cache
def _asset(name: str) -> str:
    """The address of a static file, which changes with its content, so that browsers may keep it for ever."""
    content: Any = files("api.console").joinpath("static", name).read_bytes()
    return f"{PREFIX}/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
