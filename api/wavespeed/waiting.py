"""Waits for a job's end on behalf of one caller, without keeping a thread from the others."""

from contextlib import suppress

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from jobs import listing
from jobs.accounts import Caller
from jobs.errors import Unavailable
from jobs.rules.states import State
from jobs.tables import Job

SYNC_SECONDS = 120.0
_PAUSE_SECONDS = 0.5


async def until_final(request: Request, caller: Caller, job: Job, seconds: float) -> Job:
    """The job as soon as it is final, or as it stands after `seconds` or when the client has gone.

    The database may be away meanwhile: an error now would lose the caller a job that goes on.
    """
    with anyio.move_on_after(seconds):
        while not State(job.status).is_final and not await request.is_disconnected():
            await anyio.sleep(_PAUSE_SECONDS)
            with suppress(Unavailable):
                job = await run_in_threadpool(listing.job, caller, job.id)
    return job
