"""Takes the time of every answer, streams until their end; costs a request a few microseconds at most."""

import uuid
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs import events, telemetry

if TYPE_CHECKING:
    from api.tallies import Tallies

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE: Final = 499
"""The status of a request whose caller hung up before the answer began."""

_ORDER: Final = "duologue.order"

NameOf = Callable[[Scope], str]


class Clock:
    """Where answers are counted; nothing is counted before the door opens, when all its routes are known."""

    def __init__(self) -> None:
        self.tallies: Tallies | None = None


class Timed:
    """`name_of` says which route a request took; it is asked when the answer is out, and the router has said so."""

    def __init__(self, app: ASGIApp, clock: Clock, name_of: NameOf) -> None:
        self._app = app
        self._clock = clock
        self._name_of = name_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tallies = self._clock.tallies
        if tallies is None or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began_at = GONE, perf_counter()

        def noted(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = perf_counter() - began_at
            tallies.note(self._name_of(scope), status, seconds)
            if (order := scope.get(_ORDER)) is not None:
                _tell(order, self._name_of(scope), status, seconds)


def note_order(request: Request, job_id: uuid.UUID) -> None:
    """The request ordered this job: where traces are collected, its answer begins one."""
    if telemetry.is_tracing():
        request.scope[_ORDER] = (job_id, traceparent_of(request))


def traceparent_of(request: Request) -> str | None:
    """The trace context that the caller sent, as it stands."""
    return request.headers.get("traceparent")


def _tell(order: tuple[uuid.UUID, str | None], route: str, status: int, seconds: float) -> None:
    job_id, caller = order
    context = telemetry.order(job_id, caller)
    facts = {"job": job_id.hex, "traceparent": context, "caller": caller, "route": route.partition(" ")[2]}
    events.emit("order.answered", status=status, seconds=seconds, **facts)


def route_of(scope: Scope) -> str:
    """The route that the router found, as `GET /v1/jobs/{job_id}`; what leads nowhere is all one."""
    route, method = scope.get("route"), scope["method"]
    return f"{method} {route.path}" if route is not None and method in _METHODS else OTHER
