"""Takes, shows and steers batches: many orders as one, whose lines a worker reads and never this door."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from api import openapi
from api.caller import Reader, Submitter
from api.idempotency import REPLAY, GivenKey
from api.own_threads import threads_of
from api.strict_json import RawBody
from api.v1 import batch_shapes as shapes
from api.v1 import forms, presenter, strict
from api.v1.batch_shapes import BatchForm, BatchJob, BatchJobPage, BatchPage, BatchShown
from jobs import batches, ids, outlook, settings
from jobs.accounts import Caller
from jobs.batches import Seen
from jobs.rules.batches import NUMBERS_MAX
from jobs.rules.states import State
from jobs.tables import Batch, Job

router = APIRouter(prefix="/v1/batches", tags=["Batches"])

PAGE_MAX = 100
JOBS_PAGE_MAX = 500

BatchId = Annotated[str, Path(description="32 lower-case hex digits.")]
_MADE_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": BatchShown, "description": "The batch that this Idempotency-Key made before."}
}


@router.post(
    "",
    status_code=201,
    summary="Submit a batch",
    response_model=BatchShown,
    responses=presenter.documented(400, 408, 409, 413) | _MADE_BEFORE,
    openapi_extra=openapi.json_body(shapes.form_schema()),
)
async def create(request: Request, caller: Submitter, body: RawBody, key: GivenKey = None) -> Response:
    """Accept a batch; a worker reads its lines, and `status` and `errors` tell what it found.

    All its jobs can be begun at one moment, or none is there. Money and limits are judged then, for all of them.
    """
    return await threads_of(request, "bucket").run(_create, caller, body, key)


@router.get("", summary="List batches", response_model=BatchPage, responses=presenter.documented(400))
def page(
    caller: Reader,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 20,
) -> Response:
    """List the account's batches, newest first."""
    found = batches.page(caller, older_than=forms.read_cursor(cursor), limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(shown[-1].batch.id) if len(found) > limit else None
    return presenter.respond(BatchPage(batches=[shapes.shown(one) for one in shown], next_cursor=more))


@router.get("/{batch_id}", summary="Show a batch", response_model=BatchShown, responses=presenter.documented(404))
def show(caller: Reader, batch_id: BatchId) -> Response:
    """Show one batch: its counts as they are now, its bad lines, its estimate, and its files once they are there."""
    seen = batches.seen(caller, ids.parse(batch_id))
    return presenter.respond(shapes.shown(seen, outlook.of_batch(seen.batch.id)))


@router.get(
    "/{batch_id}/jobs",
    summary="List a batch's jobs",
    response_model=BatchJobPage,
    responses=presenter.documented(400, 404),
)
def jobs(
    caller: Reader,
    batch_id: BatchId,
    status: Annotated[list[State] | None, Query(description="Any of these.")] = None,
    after_line: Annotated[int, Query(ge=0, le=NUMBERS_MAX, description="`next_line` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=JOBS_PAGE_MAX)] = 100,
) -> Response:
    """List its jobs in the order of their lines, with fresh links to the videos that are there."""
    found = batches.jobs_of(caller, ids.parse(batch_id), statuses=status, after_line=after_line, limit=limit + 1)
    shown = [_job(job) for job in found[:limit]]
    return presenter.respond(BatchJobPage(jobs=shown, next_line=shown[-1].line if len(found) > limit else None))


@router.post(
    "/{batch_id}/pause",
    summary="Pause a batch",
    response_model=BatchShown,
    responses=presenter.documented(404, 409),
)
def pause(caller: Submitter, batch_id: BatchId) -> Response:
    """Begin none of its jobs until it is resumed; those that run go on, and deadlines do too."""
    return _respond(batches.pause(caller, ids.parse(batch_id)))


@router.post(
    "/{batch_id}/resume",
    summary="Resume a batch",
    response_model=BatchShown,
    responses=presenter.documented(404, 409),
)
def resume(caller: Submitter, batch_id: BatchId) -> Response:
    """Let a paused batch go on; doing so twice changes nothing."""
    return _respond(batches.resume(caller, ids.parse(batch_id)))


@router.post(
    "/{batch_id}/cancel",
    summary="Cancel a batch",
    response_model=BatchShown,
    responses=presenter.documented(404, 409),
)
def cancel(caller: Submitter, batch_id: BatchId) -> Response:
    """Stop a batch: what waits never begins, what runs is told; it is `cancelled` once all of that is so."""
    return _respond(batches.cancel(caller, ids.parse(batch_id)))


@router.post(
    "/{batch_id}/retry",
    status_code=201,
    summary="Retry a batch's failed jobs",
    response_model=BatchShown,
    responses=presenter.documented(400, 404, 409) | _MADE_BEFORE,
)
def retry(caller: Submitter, batch_id: BatchId, key: GivenKey = None) -> Response:
    """Order the failed jobs of a final batch once more: a batch of new jobs, whose `rerun_of` name the old ones."""
    return _made(caller, *batches.retry(caller, ids.parse(batch_id), key))


def _create(caller: Caller, body: bytes, key: str | None) -> Response:
    form = strict.read(BatchForm, body)
    wish = form.wish()
    if form.input_file is not None:
        return _made(caller, *batches.create_from_file(caller, wish, form.input_file, key))
    return _made(caller, *batches.create_from_array(caller, wish, form.requests or [], key))


def _made(caller: Submitter, batch: Batch, is_new: bool) -> Response:  # noqa: FBT001 - as the creation answers
    place = {"Location": f"{settings.load().base_url}/v1/batches/{batch.id.hex}"}
    seen = batches.seen(caller, batch.id)
    return _respond(seen, 201, place) if is_new else _respond(seen, 200, place | REPLAY)


def _respond(seen: Seen, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return presenter.respond(shapes.shown(seen), status, headers)


def _job(job: Job) -> BatchJob:
    return BatchJob(**dict(presenter.shown(job)), custom_id=job.custom_id or "", line=job.batch_line or 0)
