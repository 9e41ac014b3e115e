"""Tells which of the faces a path belongs to, and has that face say every error its own way."""

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from api import errors
from api.console import failures
from api.console.address import is_console
from api.v1 import presenter
from api.wavespeed import envelope
from jobs.errors import CallerError, StorageError

WAVESPEED_PREFIX = "/api/"
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def install(app: FastAPI) -> None:
    """Have every error that we know by name answered in the shape of the face it was met at."""
    for kind in (CallerError, StorageError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _respond)


def say(scope: Scope, answer: errors.Answer) -> Response:
    """The answer in the shape of the face that was asked."""
    path = scope["path"]
    if is_console(path):
        return failures.respond(scope, answer)
    return envelope.failure(answer) if path.startswith(WAVESPEED_PREFIX) else presenter.failure(answer)


def _respond(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.headers and "Allow" in error.headers:
        error.headers = {**error.headers, "Allow": ", ".join(_allowed(request.scope))}
    return say(request.scope, errors.answer_to(error))


def _allowed(scope: Scope) -> list[str]:
    """Every method of this path; the route that refused one knows its own alone, and most paths have several."""
    routes = scope["app"].routes
    return [
        method
        for method in _METHODS
        if any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
    ]
