"""Tells what happens to a job as it happens, as server-sent events; what a client missed is told first."""

import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import anyio
from fastapi import APIRouter, Header, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.caller import Reader
from api.v1 import presenter
from api.v1.jobs import JobId
from api.v1.presenter import Progress
from api.watching import Hub, Watch, hub_of, while_connected
from jobs import ids, listing
from jobs.rules.states import State

HEARTBEAT_SECONDS = 15.0
_COME_BACK_MS = 1000
_ID_MAX = 2**63 - 1

_LastSeen = Annotated[
    int | None, Query(ge=0, le=_ID_MAX, description="`id` of the last event known; only what came later is told.")
]
_LastEventId = Annotated[
    int | None,
    Header(alias="Last-Event-ID", ge=0, le=_ID_MAX, description="As `last_event_id`, and before it."),
]

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])


class EventStream(Response):
    """Everything about one job after the event `last_id`, until it is final, or `allowed` is left before.

    Raises Unavailable, and TooMany where the account it is told to, if to any, follows enough already.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        job_id: uuid.UUID,
        last_id: int,
        allowed: AbstractAsyncContextManager[None],
        account_id: uuid.UUID | None = None,
    ) -> None:
        # A proxy that gathers the answer before it passes it on would make it useless.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._hub, self._job_id, self._last_id = hub, job_id, last_id
        self._allowed, self._account_id = allowed, account_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's form
        with self._hub.stream_of(self._account_id):
            await self._follow(receive, send)

    async def _follow(self, receive: Receive, send: Send) -> None:
        async with self._hub.watch(self._job_id) as watch:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with while_connected(receive), self._allowed:
                await tell(watch, self._last_id, lambda text: send(_body(text, more_body=True)))
            await send(_body("", more_body=False))


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The stream. `event` is the kind, `data` JSON as in the job's timeline; `progress` has no `id`.",
        "content": {EventStream.media_type: {}},
    },
    204: {"description": "The job is final and nothing came later: do not come back."},
}


@router.get(
    "/{job_id}/events",
    status_code=200,  # said here because the response class does not
    summary="Follow a job",
    response_class=Response,  # not EventStream: the document would say that refusals are a stream as well
    responses=_STREAM | presenter.documented(400, 404, 429),
)
def events(
    request: Request, caller: Reader, job_id: JobId, header: _LastEventId = None, last_event_id: _LastSeen = None
) -> Response:
    """Stream what happened and happens to a job as server-sent events, in order, until it is final.

    Whoever comes back with the `Last-Event-ID` it saw last misses nothing and hears nothing twice. Between the events,
    `progress` tells of stage and progress as they change. Where nothing happens a comment comes every 15 seconds.
    """
    job = listing.job(caller, ids.parse(job_id))
    last_id = header if header is not None else last_event_id or 0
    if State(job.status).is_final and last_id and last_id >= listing.timeline(job)[-1].id:
        return Response(status_code=204)  # browsers come back after every end but this
    hub = hub_of(request)
    return EventStream(hub, job.id, last_id, hub.while_allowed(caller), caller.account_id)


async def tell(
    watch: Watch, last_id: int, say: Callable[[str], Awaitable[None]], heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> None:
    """Say what happened after the event `last_id` and what happens, until nothing more will."""
    await say(f"retry: {_COME_BACK_MS}\n\n")
    told = ("", 0.0)
    while True:
        changed = watch.changed  # taken before we look, so that nothing slips in between
        for event in watch.since(last_id):
            last_id = event.id
            await say(f"id: {event.id}\n{_framed(event.kind, presenter.happening(event))}")
        if watch.is_over and watch.last_id <= last_id:
            return
        if watch.status is not None and told != (told := (watch.stage, watch.progress)):
            await say(_framed("progress", Progress(status=watch.status, stage=watch.stage, progress=watch.progress)))
        with anyio.move_on_after(heartbeat_seconds) as patience:
            await changed.wait()
        if patience.cancelled_caught:
            await say(": nothing new\n\n")


def _framed(kind: str, content: BaseModel) -> str:
    return f"event: {kind}\ndata: {content.model_dump_json()}\n\n"


def _body(text: str, *, more_body: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more_body}
