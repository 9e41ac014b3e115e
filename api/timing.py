"""Takes the time of every answer, streams until their end; costs a request a few microseconds at most."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from api.tallies import Tallies

OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE: Final = 499
"""The status of a request whose caller hung up before the answer began."""

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
            tallies.note(self._name_of(scope), status, perf_counter() - began_at)


def route_of(scope: Scope) -> str:
    """The route that the router found, as `GET /v1/jobs/{job_id}`; what leads nowhere is all one."""
    route, method = scope.get("route"), scope["method"]
    return f"{method} {route.path}" if route is not None and method in _METHODS else OTHER
