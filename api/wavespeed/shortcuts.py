"""Answers polls and takes orders ahead of the framework, whose own way to a route costs more than the work itself.

Clients poll every 0.1 to 2 seconds for hours: this is the real load on the door. The documented routes, under the same
paths, say the same; they have whatever is written in another way, and what a page in a browser asks.
"""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import caller, errors
from api.body_limit import BodyLimit, Limit
from api.body_room import BodyRoom
from api.crashes import CrashGuard
from api.timing import Clock, Timed
from api.wavespeed import envelope, predictions
from jobs.errors import CallerError, StorageError
from jobs.rules.catalog import MODELS, Model

_RESULT = re.compile(r"/api/v3/predictions/[^/]+(?:/result)?")
_MODELS: Mapping[str, Model] = {f"/api/v3/{model.id}": model for model in MODELS.values()}
_ORDERS: Mapping[str, str] = {path: f"POST {path}" for path in _MODELS}
_POLLS = ("GET /api/v3/predictions/{prediction_id}", "GET /api/v3/predictions/{prediction_id}/result")


class Shortcuts:
    """Around everything; what it does not answer itself takes the long way through `app`."""

    def __init__(self, app: ASGIApp, body_max_bytes: int, room: BodyRoom, clock: Clock) -> None:
        self._app = app
        self._short_way = Timed(CrashGuard(BodyLimit(_answer, [Limit(body_max_bytes, room)])), clock, _route_of)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way = self._short_way if scope["type"] == "http" and _is_plain(scope) else self._app
        await way(scope, receive, send)


def _is_plain(scope: Scope) -> bool:
    """Whether it is a poll or an order; an Origin has to be judged by the layer that knows of pages."""
    method, path = scope["method"], scope["path"]
    is_known = path in _MODELS if method == "POST" else method == "GET" and _RESULT.fullmatch(path) is not None
    return is_known and all(name != b"origin" for name, _ in scope["headers"])


def _route_of(scope: Scope) -> str:
    """The documented route that would have said the same."""
    path = scope["path"]
    return _ORDERS.get(path) or _POLLS[path.endswith("/result")]


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        answer = await _read_or_take(Request(scope, receive), scope["path"])
    except (CallerError, StorageError) as error:
        answer = envelope.failure(errors.answer_to(error))
    answer.headers["Vary"] = "Origin"  # a page would be answered with other headers
    await answer(scope, receive, send)


async def _read_or_take(request: Request, path: str) -> Response:
    if (model := _MODELS.get(path)) is not None:
        return await predictions.take(request, model)
    prediction_id = path.split("/")[4]
    return await predictions.read(request, prediction_id, caller.key_of(request))
