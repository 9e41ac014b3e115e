"""Answers a POST to a model that nobody knows: whoever has no key is told of that first, as at every model there is."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api import caller

_PREFIX = "/api/v3/"


def install(app: FastAPI) -> None:
    """Not a route: it would match every path, and so turn wrong paths into wrong methods and the reverse."""
    not_found = app.router.default

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(_PREFIX):
            await caller.of_request(Request(scope, receive))
        await not_found(scope, receive, send)

    app.router.default = refuse
