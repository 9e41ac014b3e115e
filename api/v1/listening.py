"""Gives a listener without a URL its deliveries as server-sent events, signed as they would be posted."""

import json
import uuid
from typing import Any

import anyio
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.caller import Manager
from api.v1 import presenter
from api.v1.webhooks import WebhookId
from api.watching import Hub, hub_of, while_connected
from jobs import ids, webhooks
from jobs.accounts import Caller
from jobs.errors import NotAuthenticated, NotFound, Unavailable
from jobs.webhooks import Post

TICK_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])


class DeliveryStream(Response):
    """What one endpoint is owed, as it comes, until the client, its key or the endpoint goes, or the door closes."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, caller: Caller, endpoint_id: uuid.UUID) -> None:
        # A proxy that gathers the answer before it passes it on would make it useless.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._hub, self._caller, self._endpoint_id = hub, caller, endpoint_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with while_connected(receive):
            await self._tell(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Send) -> None:
        silent_seconds = HEARTBEAT_SECONDS  # a comment at once tells the client that we listen
        while not self._hub.is_closed:
            try:
                found = await run_in_threadpool(webhooks.pull, self._caller, self._endpoint_id)
            except Unavailable:
                found = []  # what is owed waits for the database
            except (NotAuthenticated, NotFound):
                return
            for delivery_id, post in found:
                await send(_body(_framed(delivery_id, post)))
            silent_seconds = 0.0 if found else silent_seconds + TICK_SECONDS
            if silent_seconds >= HEARTBEAT_SECONDS:
                await send(_body(": listening\n\n"))
                silent_seconds = 0.0
            await anyio.sleep(0 if found else TICK_SECONDS)


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
    responses=_STREAM | presenter.documented(404, 409),
)
async def listen(request: Request, caller: Manager, webhook_id: WebhookId) -> Response:
    """Take what an endpoint without a URL is owed, as it comes; what was told here counts as delivered.

    An endpoint that nobody listens to for an hour is deleted.
    """
    found = await run_in_threadpool(webhooks.listen, caller, ids.parse(webhook_id))
    return DeliveryStream(hub_of(request), caller, found.id)


def _framed(delivery_id: uuid.UUID, post: Post) -> str:
    told = json.dumps({"headers": post.headers, "body": post.body.decode()})
    return f"id: {delivery_id.hex}\nevent: delivery\ndata: {told}\n\n"


def _body(text: str) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
