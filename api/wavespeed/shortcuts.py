"""Answers polls and takes orders ahead of the framework's own routing, which costs more than the work itself.

Clients poll every 0.1 to 2 seconds for hours: this is the real load on the door. The documented routes, under the same
paths, say the same.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import caller
from api.wavespeed import predictions
from jobs.rules.catalog import MODELS, Model

_RESULTS = ("/api/v3/predictions/{prediction_id}/result", "/api/v3/predictions/{prediction_id}")


def install(app: FastAPI) -> None:
    """Not in the OpenAPI document: `predictions` is."""
    for place, model in enumerate(MODELS.values()):
        app.router.routes.insert(place, _route(f"/api/v3/{model.id}", _taker(model), "POST"))
    for place, path in enumerate(_RESULTS):
        app.router.routes.insert(place, _route(path, _read, "GET"))


def _route(path: str, endpoint: Callable[[Request], Awaitable[Response]], method: str) -> Route:
    route = Route(path, endpoint, methods=[method], include_in_schema=False)
    route.methods = {method}  # Starlette adds HEAD to GET, which the documented route does not take
    return route


async def _read(request: Request) -> Response:
    return await predictions.read(request, request.path_params["prediction_id"], caller.key_of(request))


def _taker(model: Model) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        return await predictions.take(request, model)

    return take
