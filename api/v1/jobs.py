"""Takes, shows, stops and repeats jobs, with everything that WaveSpeed's contract has no word for."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import openapi, waiting
from api.caller import Reader, Submitter
from api.idempotency import REPLAY, GivenKey
from api.own_threads import threads_of
from api.strict_json import RawBody, read_object
from api.timing import note_order, traceparent_of
from api.v1 import forms, presenter
from api.v1.presenter import JobPage, JobShown, JobTold
from jobs import ids, lifecycle, listing, outlook, settings, submission
from jobs.accounts import Caller
from jobs.listing import Filter
from jobs.tables import Job

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])

_MADE_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": JobShown, "description": "The job that this Idempotency-Key made before."}
}

JobId = Annotated[str, Path(description="32 lower-case hex digits.")]


@router.post(
    "",
    status_code=201,
    summary="Submit a job",
    response_model=JobShown,
    responses=presenter.documented(400, 402, 404, 408, 409, 413, 429) | _MADE_BEFORE,
    openapi_extra=openapi.json_body(forms.JOB_SCHEMA),
)
async def submit(request: Request, caller: Submitter, body: RawBody, key: GivenKey = None) -> Response:
    """Accept a job at once; its inputs are fetched later. `Location` says where it is read."""
    return await threads_of(request, "single_orders").run(_submit, request, caller, body, key)


@router.get("", summary="List jobs", response_model=JobPage, responses=presenter.documented(400))
def page(
    caller: Reader,
    wanted: Annotated[Filter, Depends(forms.read_filter)],
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=forms.PAGE_MAX_JOBS)] = 50,
) -> Response:
    """List the account's jobs, newest first; all filters must hold."""
    found = listing.jobs(caller, wanted, older_than=forms.read_cursor(cursor), limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(shown[-1].id) if len(found) > limit else None
    return presenter.respond(JobPage(jobs=[presenter.shown(job) for job in shown], next_cursor=more))


@router.get("/{job_id}", summary="Show a job", response_model=JobTold, responses=presenter.documented(400, 404))
async def show(
    request: Request,
    caller: Reader,
    job_id: JobId,
    wait_seconds: Annotated[
        float, Query(ge=0, le=60, description="Answer when the job's state is another, or after so long.")
    ] = 0,
) -> Response:
    """Show one job with its timeline, its place in the queue and when it should begin and end.

    A final job is shown at once, whatever the wait.
    """
    job = await run_in_threadpool(listing.job, caller, ids.parse(job_id))
    if wait_seconds:
        shown = job.status
        job = await waiting.until(request, caller, job, lambda state: state.is_final or state != shown, wait_seconds)
    return await run_in_threadpool(_tell, job)


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job",
    response_model=JobShown,
    responses=presenter.documented(404, 409),
)
def cancel(caller: Submitter, job_id: JobId) -> Response:
    """Stop a job; doing so twice changes nothing.

    One that waits is cancelled at once. One that runs is told, and is cancelled as soon as its rendering is dead. One
    that has completed or failed is refused with 409.
    """
    return presenter.respond(presenter.shown(lifecycle.cancel(caller, ids.parse(job_id))))


@router.post(
    "/{job_id}/rerun",
    status_code=201,
    summary="Run a job again",
    response_model=JobShown,
    responses=presenter.documented(400, 402, 404, 409, 429) | _MADE_BEFORE,
)
async def rerun(request: Request, caller: Submitter, job_id: JobId, key: GivenKey = None) -> Response:
    """Order a final job once more: a new job, with the same form and seed, whose `rerun_of` names the old one.

    Refused with 409 while the old one is not final, or when media sent inside its request are no longer kept.
    """
    threads = threads_of(request, "single_orders")
    return _made(*await threads.run(submission.rerun, caller, ids.parse(job_id), key))


def _submit(request: Request, caller: Caller, body: bytes, key: str | None) -> Response:
    wish = replace(forms.read_job(read_object(body)).wish(), traceparent=traceparent_of(request))
    job, is_new = submission.submit_once(caller, wish, key)
    if is_new:
        note_order(request, job.id)
    return _made(job, is_new)


def _tell(job: Job) -> Response:
    return presenter.respond(presenter.told(job, outlook.of(job), listing.timeline(job)))


def _made(job: Job, is_new: bool) -> Response:  # noqa: FBT001 - as the submission answers
    place = _place(job)
    return presenter.respond(presenter.shown(job), 201, place) if is_new else _replayed(job, place)


def _replayed(job: Job, place: dict[str, str]) -> Response:
    return presenter.respond(presenter.shown(job), 200, place | REPLAY)


def _place(job: Job) -> dict[str, str]:
    return {"Location": f"{settings.load().base_url}/v1/jobs/{job.id.hex}"}
