"""The outermost layer: paths as clients write them, latency, and the faults that befall a call before it is read."""

import asyncio
import re
from email.utils import format_datetime
from typing import Final

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cli.fake_wavespeed.faults import STATUSES
from cli.fake_wavespeed.world import World

_SLASHES: Final = re.compile(r"//+")
_ALIAS: Final = re.compile(r"^(/api/v[23])+(?=/)")
_MODEL: Final = "/api/v3/wavespeed-ai/"
_RETRY_AFTER_SECONDS: Final = 1


class Line(H11Protocol):
    """A connection that the application may hang up: `scope["state"]["hang_up"]` does."""

    # uvicorn narrows the type, as this must then too
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": transport.close}


class Door:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].lstrip("/").startswith("api/"):
            return await self._app(scope, receive, send)

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._world.now(), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        scope = {**scope, "path": _ALIAS.sub("/api/v3", _SLASHES.sub("/", scope["path"]))}
        await asyncio.sleep(self._world.plan.latency_seconds)
        kind = "submit" if scope["method"] == "POST" and scope["path"].startswith(_MODEL) else "read"
        fault = self._world.faults.first_of(f"{kind}_busy", f"{kind}_fails", f"{kind}_dropped", f"{kind}_garbled")
        if not fault:
            return await self._app(scope, receive, dated)
        self._world.calls.note(kind, fault)
        return await befall(self._world, fault, scope, receive, dated)


async def befall(world: World, fault: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call as `fault` has it."""
    if fault.endswith("_dropped"):
        return await hang_up(scope, receive)
    if fault.endswith("_garbled"):
        answer: Response = PlainTextResponse("<html><body>It works!</body></html>", media_type="text/html")
    elif fault.endswith("_busy"):
        said = {"code": 429, "message": "Too many requests.", "data": None, "error_code": "rate_limited"}
        answer = JSONResponse(said, 429, {"Retry-After": str(_RETRY_AFTER_SECONDS)})
    else:
        status = STATUSES[world.faults.turn(fault) % len(STATUSES)]
        answer = PlainTextResponse("upstream connect error", status)
    return await answer(scope, receive, send)


async def hang_up(scope: Scope, receive: Receive) -> None:
    """End the connection without a word more."""
    scope["state"]["hang_up"]()
    await gone(receive)


async def gone(receive: Receive) -> None:
    """Wait until the caller is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
