"""Refuses a body over its limit: by its declared length at once, by the bytes that really come as soon as they do.

One within it takes room in memory from the moment that somebody begins to read it, and has to be whole in time.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, faces
from api.body_room import SMALL_BYTES, BodyRoom, Place
from jobs.errors import TooLarge, TooSlow

BYTES_PER_SECOND: Final = 64 * 2**10
"""The slowest that a body may come, once its patience is used up."""


@dataclass(frozen=True)
class Limit:
    """What a body may have at the paths that begin with `prefix`."""

    max_bytes: int
    room: BodyRoom
    prefix: str = ""
    patience_seconds: float = 30.0

    def seconds_for(self, length_bytes: int) -> float:
        """How long a body of that length may take; one that does not say how long it is may become the longest."""
        return self.patience_seconds + (length_bytes or self.max_bytes) / BYTES_PER_SECOND


class BodyLimit:
    """Of `limits` the first that fits a path holds for it; the last fits all."""

    def __init__(self, app: ASGIApp, limits: Sequence[Limit]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(one for one in self._limits if scope["path"].startswith(one.prefix))
        headers = Headers(scope=scope)
        said = headers.get("content-length", "")
        declared_bytes = int(said) if said.isdecimal() else 0
        if declared_bytes > limit.max_bytes:
            answer = errors.answer_to(_too_large(limit))
            await faces.say(scope, answer)(scope, receive, send)
            return
        if declared_bytes <= SMALL_BYTES and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)  # there is no more of it: the server goes by the length, too
            return
        place = Place(limit.room, scope)

        def answering(message: Message) -> Awaitable[None]:
            place.leave()  # nobody reads what still comes: a stream only waits for its client to go
            return send(message)

        try:
            await self._app(scope, _counted(receive, limit, declared_bytes, place), answering)
        finally:
            place.leave()


def _counted(receive: Receive, limit: Limit, declared_bytes: int, place: Place) -> Receive:
    """Count what really comes, and how long it takes: a chunked body declares no length."""
    ends_at, taken_bytes, is_whole = 0.0, 0, False

    async def counted() -> Message:
        nonlocal ends_at, taken_bytes, is_whole
        if is_whole or place.has_left():
            return await receive()
        if not ends_at:
            await place.widen(declared_bytes)
            ends_at = anyio.current_time() + limit.seconds_for(declared_bytes)
        message: Message | None = None
        with anyio.CancelScope(deadline=ends_at):
            message = await receive()
        if place.has_left():
            return message or await receive()
        if message is None:
            raise _too_slow(limit.seconds_for(declared_bytes))
        is_whole = not message.get("more_body")
        taken_bytes += len(message.get("body", b""))
        if taken_bytes > limit.max_bytes:
            raise _too_large(limit)
        await place.widen(taken_bytes)
        return message

    return counted


def _too_large(limit: Limit) -> TooLarge:
    return TooLarge(f"The body is too large: at most {limit.max_bytes} bytes are taken here.")


def _too_slow(seconds: float) -> TooSlow:
    sentence = (
        f"The body was not here after {seconds:.0f} seconds; send the same request again over a faster connection."
    )
    return TooSlow(sentence)
