"""Takes and shows jobs with everything that WaveSpeed's contract has no word for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from api import openapi
from api.caller import KnownCaller
from api.strict_json import RawBody, read_object
from api.v1 import forms, presenter
from api.v1.presenter import JobPage, JobShown, JobTold
from jobs import ids, listing, settings, submission
from jobs.listing import Filter

router = APIRouter(prefix="/v1/jobs", tags=["Jobs"])


@router.post(
    "",
    status_code=201,
    summary="Submit a job",
    response_model=JobShown,
    responses=presenter.documented(400, 401, 404, 413),
    openapi_extra=openapi.json_body(forms.JOB_SCHEMA),
)
def submit(caller: KnownCaller, body: RawBody) -> Response:
    """Accept a job at once; its inputs are fetched later. `Location` says where it is read."""
    job = submission.submit(caller, forms.read_job(read_object(body)).wish())
    place = f"{settings.load().base_url}/v1/jobs/{job.id.hex}"
    return presenter.respond(presenter.shown(job), 201, {"Location": place})


@router.get("", summary="List jobs", response_model=JobPage, responses=presenter.documented(400, 401))
def page(
    caller: KnownCaller,
    wanted: Annotated[Filter, Depends(forms.read_filter)],
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=forms.PAGE_MAX_JOBS)] = 50,
) -> Response:
    """List the account's jobs, newest first; all filters must hold."""
    found = listing.jobs(caller, wanted, older_than=forms.read_cursor(cursor), limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(shown[-1].id) if len(found) > limit else None
    return presenter.respond(JobPage(jobs=[presenter.shown(job) for job in shown], next_cursor=more))


@router.get("/{job_id}", summary="Show a job", response_model=JobTold, responses=presenter.documented(401, 404))
def show(caller: KnownCaller, job_id: Annotated[str, Path(description="32 lower-case hex digits.")]) -> Response:
    """Show one job with its timeline."""
    job = listing.job(caller, ids.parse(job_id))
    return presenter.respond(presenter.told(job, listing.timeline(job)))
