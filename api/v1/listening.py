"""Gives a listener without a URL its deliveries as server-sent events, signed as they would be posted."""

import json
import time
import uuid
from contextlib import suppress
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.caller import Manager
from api.v1 import presenter
from api.v1.webhooks import WebhookId
from api.watching import Ear, Hub, hub_of, while_connected
from jobs import ids, webhooks
from jobs.accounts import Caller
from jobs.errors import NotAuthenticated, NotFound, Unavailable
from jobs.tables import Endpoint
from jobs.webhooks import Letter, Post

TICK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
_END_SECONDS = 1.0
"""Whoever does not read has its place until then, and is cut off."""

_LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="The last `id` heard; what came later is told again."),
]

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])


class DeliveryStream(Response):
    """What one endpoint is owed, as it comes, until client, key or endpoint go, another listens, or the door closes."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, caller: Caller, endpoint: Endpoint, *, is_new: bool) -> None:
        # A proxy that gathers the answer before it passes it on would make it useless.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._hub, self._caller, self._endpoint = hub, caller, endpoint
        # Whoever heard nothing in it comes back with this; who came with an id of its own keeps that one.
        self._start = f"id: {endpoint.listener.hex}\n" if is_new and endpoint.listener else ""
        self._told: list[Letter] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        endpoint_id = self._endpoint.id
        with self._hub.stream_of(self._caller.account_id, endpoint_id), self._hub.listen(endpoint_id) as ear:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                async with while_connected(receive):
                    with ear.scope:
                        await self._tell(ear, send)
            finally:
                await self._hand_back()
            with anyio.move_on_after(_END_SECONDS):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, ear: Ear, send: Send) -> None:
        """Tell what is owed; it counts as delivered if the client is still there a tick later, when we pull again."""
        await send(_body(f": listening\n{self._start}\n"))  # at once, so that the client knows
        while True:
            ear.news = anyio.Event()  # before we look, so that nothing slips in between
            with suppress(Unavailable):  # what is owed waits for the database
                try:
                    await run_in_threadpool(self._pull)
                except (NotAuthenticated, NotFound):
                    return
                timestamp = int(time.time())
                for letter in self._told:
                    await send(_body(_framed(letter.delivery_id, letter.post(timestamp))))
            if self._told:
                await anyio.sleep(TICK_SECONDS)
                continue
            with anyio.move_on_after(HEARTBEAT_SECONDS) as patience:
                await ear.news.wait()
            if patience.cancelled_caught:
                await send(_body(": listening\n\n"))

    def _pull(self) -> None:
        # Kept by the thread itself: whoever waits for it may be cancelled, and must hand back what came.
        self._told = webhooks.pull(self._caller, self._endpoint.id, self._endpoint.listener, self._told)

    async def _hand_back(self) -> None:
        """Let what may not have arrived be told again; where the database is away, it is free after a while."""
        if self._told:
            with anyio.CancelScope(shield=True), suppress(Unavailable):
                await run_in_threadpool(webhooks.hand_back, self._told)


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The stream: `event` is `delivery`, `data` JSON with `headers` and the `body` as it was signed.",
        "content": {DeliveryStream.media_type: {}},
    }
}


@router.post(
    "/{webhook_id}/listen",
    status_code=200,  # said here because the response class does not
    summary="Listen to an endpoint",
    response_class=Response,  # not DeliveryStream: the document would say that refusals are a stream as well
    responses=_STREAM | presenter.documented(404, 409, 429),
)
async def listen(
    request: Request, caller: Manager, webhook_id: WebhookId, last_event_id: _LastEventId = None
) -> Response:
    """Take what an endpoint without a URL is owed, as it comes; what was told here counts as delivered.

    Whoever comes back with the `Last-Event-ID` it heard last is told again what came after it. There is one listener
    at a time: a new one ends the one before. An endpoint that nobody listens to for an hour is deleted.
    """
    last_heard = ids.parse(last_event_id) if last_event_id else None
    found = await run_in_threadpool(webhooks.listen, caller, ids.parse(webhook_id), last_heard)
    return DeliveryStream(hub_of(request), caller, found, is_new=last_heard is None)


def _framed(delivery_id: uuid.UUID, post: Post) -> str:
    told = json.dumps({"headers": post.headers, "body": post.body.decode()})
    return f"id: {delivery_id.hex}\nevent: delivery\ndata: {told}\n\n"


def _body(text: str) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
