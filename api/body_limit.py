"""Refuses a body over its limit: by its declared length at once, by the bytes that really come as soon as they do.

One within it takes room in memory from the moment that somebody begins to read it.
"""

from collections.abc import Awaitable, Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import errors, faces
from api.body_room import BodyRoom, Place
from jobs.errors import TooLarge


class BodyLimit:
    """`max_bytes` holds everywhere but on the paths of `exceptions`, which have their own and write to the disk."""

    def __init__(
        self, app: ASGIApp, max_bytes: int, exceptions: Mapping[str, int], room: BodyRoom | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._exceptions = exceptions
        self._room = room or BodyRoom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._exceptions.get(scope["path"], self._max_bytes)
        said = Headers(scope=scope).get("content-length", "")
        declared_bytes = int(said) if said.isdecimal() else 0
        if declared_bytes > max_bytes:
            answer = errors.answer_to(_too_large(max_bytes))
            await faces.say(scope, answer)(scope, receive, send)
            return
        place = Place(BodyRoom() if scope["path"] in self._exceptions else self._room, scope)

        def answering(message: Message) -> Awaitable[None]:
            place.leave()  # nobody reads what still comes: a stream only waits for its client to go
            return send(message)

        try:
            await self._app(scope, _counted(receive, max_bytes, declared_bytes, place), answering)
        finally:
            place.leave()


def _counted(receive: Receive, max_bytes: int, declared_bytes: int, place: Place) -> Receive:
    """Count what really comes: a chunked body declares no length, and a declared one may lie."""
    has_begun, taken_bytes = False, 0

    async def counted() -> Message:
        nonlocal has_begun, taken_bytes
        if place.has_left():
            return await receive()
        if not has_begun:
            await place.widen(declared_bytes)
            has_begun = True
        message = await receive()
        if (piece := message.get("body")) and not place.has_left():
            taken_bytes += len(piece)
            if taken_bytes > max_bytes:
                raise _too_large(max_bytes)
            await place.widen(taken_bytes)
        return message

    return counted


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is too large: at most {max_bytes} bytes are taken here.")
