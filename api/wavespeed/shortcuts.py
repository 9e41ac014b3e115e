"""Answers polls ahead of the framework's own routing, which costs more than the read; its route says the same.

Clients poll every 0.1 to 2 seconds for hours: this is the real load on the door.
"""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import caller
from api.wavespeed import predictions

_PATHS = ("/api/v3/predictions/{prediction_id}", "/api/v3/predictions/{prediction_id}/result")


def install(app: FastAPI) -> None:
    """Not in the OpenAPI document: `predictions.read` is, under the same paths."""
    for path in _PATHS:
        route = Route(path, _read, methods=["GET"], include_in_schema=False)
        route.methods = {"GET"}  # Starlette adds HEAD, which the documented route does not take
        app.router.routes.insert(0, route)


async def _read(request: Request) -> Response:
    return await predictions.read(request, request.path_params["prediction_id"], caller.key_of(request))
