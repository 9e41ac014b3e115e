"""Finds out which URL a caller wants told, however the client wrote it into the request."""

import re
from typing import Annotated
from urllib.parse import unquote_plus

from fastapi import Query
from starlette.requests import Request

from jobs import webhooks
from jobs.errors import WrongInput

_PARAMETER = re.compile(r"(?:^|&)webhook=(.*)", re.DOTALL)
_UNENCODED = re.compile(r"https?://", re.IGNORECASE)


WebhookFromQuery = Annotated[str | None, Query(alias="webhook", description="URL told when the job is final.")]
"""Documents the parameter; `from_query` reads it."""


def from_query(request: Request) -> str | None:
    """The webhook of the request's query, checked; None when there is none. Raises WrongInput."""
    return checked(whole(request.scope["query_string"].decode("latin-1")), "webhook")


def whole(query: str) -> str:
    """The webhook of a raw query string; one that was not encoded keeps all of its own `?a=b&c=d`.

    Some clients encode all but `:` and `/`, as a query allows, and some leave the `?` too: where only an encoded `=`
    is, or only an encoded `?` and no `=`, all of it is encoded.
    """
    found = _PARAMETER.search(query)
    text = found[1] if found else ""
    first = text.partition("&")[0]
    place, mark, own = first.lower().partition("?")
    is_encoded = ("%3d" in own and "=" not in own) if mark else ("%3f" in place and "=" not in place)
    return text if _UNENCODED.match(text) and not is_encoded else unquote_plus(first)


def checked(url: object, field: str) -> str | None:
    """The URL if it may be posted to; None when absent. Raises WrongInput.

    Where the name of a host leads is judged when it is called.
    """
    if url is None or url == "":
        return None
    if not isinstance(url, str):
        raise WrongInput(f"{field} must be an http(s) URL.", field=field)
    return webhooks.checked_url(url, field)
