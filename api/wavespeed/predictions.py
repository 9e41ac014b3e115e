"""Takes jobs the WaveSpeed way, one route per model, and lets their results be read."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import body_room, caller, openapi, waiting
from api.body_room import SMALL_BYTES
from api.caller import Submitter, UncheckedKey
from api.errors import MEANINGS
from api.gathering import orders_of, readings_of
from api.idempotency import REPLAY, GivenKey
from api.own_threads import threads_of
from api.strict_json import read_object
from api.timing import note_order, traceparent_of
from api.wavespeed import envelope, forms
from api.wavespeed.envelope import BareFailure, Failure, Prediction, Reply
from api.webhook_url import WebhookFromQuery, checked, from_query
from jobs import ids, lifecycle, listing, retention, settings, submission
from jobs.accounts import Caller
from jobs.errors import CallerError, StorageError, Unavailable
from jobs.idempotency import HEADER
from jobs.listing import Reading
from jobs.rules.catalog import MODELS, Model
from jobs.rules.routing import WISHES
from jobs.rules.states import State
from jobs.submission import Taken, TallyIsKept, Wish
from jobs.tables import Job

ENGINE_HEADER = "X-Duologue-Engine"
router = APIRouter(prefix="/api/v3", tags=["WaveSpeed"])

Engine = Annotated[
    str,
    Header(
        alias=ENGINE_HEADER,
        description="Who renders the job, where several can.",
        json_schema_extra={"enum": list(WISHES)},
    ),
]
PredictionId = Annotated[str, Path(description="The id the submit reply gave: 32 lower-case hex digits.")]

_BARE: dict[int | str, dict[str, Any]] = {400: {"model": Failure | BareFailure, "description": MEANINGS[400]}}


async def _check_sender(request: Request) -> None:
    """A body that is not said to be small is not even taken in for a stranger."""
    declared = request.headers.get("Content-Length", "")
    if not (declared.isdecimal() and int(declared) <= SMALL_BYTES):
        await caller.of_request(request)


def _add_model(model: Model) -> None:
    """Give `model` its route; ids are whole paths, so that one may be the beginning of another."""
    router.add_api_route(
        f"/{model.id}",
        _door_of(model),
        methods=["POST"],
        name=f"submit {model.id}",
        summary=model.id.removeprefix("wavespeed-ai/"),
        description=model.description,
        response_model=Reply[Prediction],
        responses=envelope.documented(400, 402, 408, 409, 413, 429) | _BARE,
        openapi_extra=openapi.json_body(forms.body_schema(model)),
    )


def _door_of(model: Model) -> Callable[..., Awaitable[Response]]:
    async def submit(
        request: Request,
        _key: UncheckedKey,
        _known: Annotated[None, Depends(_check_sender)],
        _webhook: WebhookFromQuery = None,
        _name: GivenKey = None,
        _engine: Engine = "auto",
    ) -> Response:
        return await take(request, model)

    return submit


async def take(request: Request, model: Model) -> Response:
    """Take an order for `model`, together with whoever else orders at this moment."""
    key = caller.key_of(request)
    order = await _order_of(request, model)
    if order.wish.wants_base64 and order.wish.webhook_url:
        await caller.of_request(request)
        return envelope.bare_failure("enable_base64_output cannot be combined with a webhook.")
    asked = (key, order.wish, request.headers.get(HEADER))
    try:
        taken = await orders_of(request, are_long=order.is_long).ask(asked)
    except TallyIsKept:  # nobody else need wait for that
        taken = await threads_of(request, "kept_orders").run(submission.submit_alone, *asked)
    if taken.is_new:
        note_order(request, taken.job_id)
    if taken.created_at is not None and not order.is_sync:
        return envelope.result(_new(taken, taken.created_at, order.wish))
    job, is_new = await run_in_threadpool(submission.found_or_taken, taken.caller, taken)
    who, is_sync = taken.caller, order.is_sync
    del asked, order, taken  # nobody keeps what was sent while somebody waits for what becomes of it
    body_room.leave(request.scope)
    answer = await _answer(request, who, job, is_sync=is_sync)
    answer.headers.update({} if is_new else REPLAY)
    return answer


async def _order_of(request: Request, model: Model) -> "_Order":
    """What was sent, in one form alone: the request keeps no body. A long one is read in a thread."""
    await _check_sender(request)
    body = b"".join([piece async for piece in request.stream()])
    if len(body) > SMALL_BYTES:
        return await run_in_threadpool(_read, request, model, body)
    try:
        return _read(request, model, body)
    except CallerError:
        await caller.of_request(request)  # whoever has no good key is told that first
        raise


def _new(taken: Taken, created_at: datetime, wish: Wish) -> Reading:
    """A job that was made just now, as it would be read."""
    return Reading(taken.job_id, wish.model, State.WAITING, created_at, 0, "", 0, wish.wants_base64, None, None)


async def _answer(request: Request, who: Caller, job: Job, *, is_sync: bool) -> Response:
    """The job as it stands, or as it ends if the caller waits for that."""
    if not is_sync:
        return await _shown(request, job)
    job = await waiting.until(request, who, job, _is_final, settings.load().sync_seconds)
    if State(job.status).is_final:
        with suppress(StorageError, Unavailable):  # an error now would lose the caller a job that is done
            return await _shown(request, job)
    return envelope.still_running(job)


async def _shown(request: Request, found: Job | Reading) -> Response:
    """The job as it stands; a video as base64 is read from the bucket."""
    if found.wants_base64 and found.output is not None:
        return await threads_of(request, "bucket").run(envelope.result, found)
    return envelope.result(found)


def _is_final(state: State) -> bool:
    return state.is_final


for _model in MODELS.values():
    _add_model(_model)


@router.get(
    "/predictions/{prediction_id}/result",
    summary="Read a result",
    response_model=Reply[Prediction],
    responses=envelope.documented(404),
)
@router.get(
    "/predictions/{prediction_id}",
    summary="Read a prediction",
    response_model=Reply[Prediction],
    responses=envelope.documented(404),
)
async def read(request: Request, prediction_id: PredictionId, key: UncheckedKey) -> Response:
    """Readable from the instant the submit reply is out; a task that failed is a result too."""
    found = await readings_of(request).ask((key, ids.parse(prediction_id)))
    return await _shown(request, found)


@router.delete(
    "/predictions/{prediction_id}",
    summary="Cancel or delete a prediction",
    response_model=Reply[Prediction],
    responses=envelope.documented(404, 409),
)
def end(prediction_id: PredictionId, who: Submitter) -> Response:
    """Cancel a task that is not final, delete one that is; the answer is the task as it stood, or stands now.

    One that runs goes on as `processing` until its rendering is dead, then it is `failed`, its `error` saying that it
    was cancelled. One that was deleted is 404 from then on, and its video is removed. One that becomes final at this
    very moment is left as it is: the answer is 409.
    """
    job = listing.job(who, ids.parse(prediction_id))
    if not (State(job.status).is_final and retention.delete_jobs(who, [job.id])):
        job = lifecycle.cancel(who, job.id)
    return envelope.reply(envelope.prediction(job))


@dataclass(frozen=True)
class _Order:
    wish: Wish
    is_sync: bool
    is_long: bool


def _read(request: Request, model: Model, body: bytes) -> _Order:
    form = read_object(body)
    wish = Wish(
        model=model.id,
        inputs=form,
        engine=request.headers.get(ENGINE_HEADER, "auto"),
        webhook_url=from_query(request) or checked(form.get("webhook_url"), "webhook_url"),
        traceparent=traceparent_of(request),
        wants_base64=forms.switch(form, "enable_base64_output"),
    )
    return _Order(wish, is_sync=forms.switch(form, "enable_sync_mode"), is_long=len(body) > SMALL_BYTES)
