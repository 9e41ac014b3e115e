"""The console's cookies: who is signed in, who is about to, which theme, and what there is to say after a change."""

from datetime import timedelta
from typing import Final, Literal
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from jobs import settings

Name = Literal["session", "visit", "theme", "said"]

_LASTING: Final[dict[Name, timedelta | None]] = {
    "session": None,  # as long as the browser runs; the row says when it is over
    "visit": timedelta(hours=1),
    "theme": timedelta(days=365),
    "said": timedelta(minutes=1),
}


def read(request: Request, name: Name) -> str:
    """The cookie's text, empty where there is none."""
    return unquote(request.cookies.get(_full(name), ""))


def write(response: Response, name: Name, text: str) -> None:
    """Set a cookie that no script can read and no other site can have sent along."""
    lasting = _LASTING[name]
    response.set_cookie(
        _full(name),
        quote(text, safe=""),
        max_age=None if lasting is None else int(lasting.total_seconds()),
        path="/",
        secure=_is_https(),
        httponly=True,
        samesite="lax",
    )


def remove(response: Response, name: Name) -> None:
    response.delete_cookie(_full(name), path="/", secure=_is_https(), httponly=True, samesite="lax")


def _full(name: Name) -> str:
    """With its prefix a browser takes the cookie only from us, over https, and for this host alone."""
    return f"__Host-duologue_{name}" if _is_https() else f"duologue_{name}"


def _is_https() -> bool:
    return settings.load().base_url.startswith("https://")
