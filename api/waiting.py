"""Waits for a job's next state on behalf of one caller, without keeping a thread or a connection from the others."""

from collections.abc import Callable
from contextlib import suppress

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api import body_room
from api.watching import hub_of, while_connected
from jobs import listing
from jobs.accounts import Caller
from jobs.errors import Unavailable
from jobs.rules.states import State
from jobs.tables import Job


async def until(request: Request, caller: Caller, job: Job, is_so: Callable[[State], bool], seconds: float) -> Job:
    """The job once `is_so` of its state, or as it stands after `seconds`, when the client has gone or the door closes.

    The database may be away meanwhile: an error now would lose the caller a job that goes on.
    """
    if is_so(State(job.status)):
        return job
    body_room.leave(request.scope)
    async with hub_of(request).watch(job.id) as watch, while_connected(request.receive):
        with anyio.move_on_after(seconds):
            await watch.until(is_so)
    with suppress(Unavailable):
        job = await run_in_threadpool(listing.job, caller, job.id)
    return job
