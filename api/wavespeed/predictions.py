"""Takes jobs the WaveSpeed way, one route per model, and lets their results be read."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from api import openapi, waiting
from api.caller import KnownCaller, UncheckedKey
from api.errors import MEANINGS
from api.gathering import readings_of
from api.idempotency import REPLAY, GivenKey
from api.strict_json import RawBody, read_object
from api.wavespeed import envelope, forms
from api.wavespeed.envelope import BareFailure, Failure, Prediction, Reply
from api.webhook_url import WebhookFromQuery, checked
from jobs import ids, lifecycle, listing, retention, settings, submission
from jobs.errors import StorageError
from jobs.rules.catalog import MODELS, Model
from jobs.rules.routing import WISHES
from jobs.rules.states import State
from jobs.submission import Wish
from jobs.tables import Job

router = APIRouter(prefix="/api/v3", tags=["WaveSpeed"])

Engine = Annotated[
    str,
    Header(
        alias="X-Duologue-Engine",
        description="Who renders the job, where several can.",
        json_schema_extra={"enum": list(WISHES)},
    ),
]
PredictionId = Annotated[str, Path(description="The id the submit reply gave: 32 lower-case hex digits.")]

_BARE: dict[int | str, dict[str, Any]] = {400: {"model": Failure | BareFailure, "description": MEANINGS[400]}}


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
        responses=envelope.documented(400, 401, 409, 413) | _BARE,
        openapi_extra=openapi.json_body(forms.body_schema(model)),
    )


def _door_of(model: Model) -> Callable[..., Awaitable[Response]]:
    async def submit(
        request: Request,
        *,
        caller: KnownCaller,
        body: RawBody,
        webhook: WebhookFromQuery,
        key: GivenKey = None,
        engine: Engine = "auto",
    ) -> Response:
        order = await run_in_threadpool(_read, model, body, webhook, engine)
        if order.wish.wants_base64 and order.wish.webhook_url:
            return envelope.bare_failure("enable_base64_output cannot be combined with a webhook.")
        job, is_new = await run_in_threadpool(submission.submit_once, caller, order.wish, key)
        answer = await _answer(request, caller, job, is_sync=order.is_sync)
        answer.headers.update({} if is_new else REPLAY)
        return answer

    return submit


async def _answer(request: Request, caller: KnownCaller, job: Job, *, is_sync: bool) -> Response:
    """The job as it stands, or as it ends if the caller waits for that."""
    if not is_sync:
        return await run_in_threadpool(envelope.result, job)
    job = await waiting.until(request, caller, job, _is_final, settings.load().sync_seconds)
    if State(job.status).is_final:
        with suppress(StorageError):  # an error now would lose the caller a job that is done
            return await run_in_threadpool(envelope.result, job)
    return envelope.still_running(job)


def _is_final(state: State) -> bool:
    return state.is_final


for _model in MODELS.values():
    _add_model(_model)


@router.get(
    "/predictions/{prediction_id}/result",
    summary="Read a result",
    response_model=Reply[Prediction],
    responses=envelope.documented(401, 404),
)
@router.get(
    "/predictions/{prediction_id}",
    summary="Read a prediction",
    response_model=Reply[Prediction],
    responses=envelope.documented(401, 404),
)
async def read(request: Request, prediction_id: PredictionId, key: UncheckedKey) -> Response:
    """Readable from the instant the submit reply is out; a task that failed is a result too."""
    found = await readings_of(request).ask((key, ids.parse(prediction_id)))
    if found.wants_base64:
        return await run_in_threadpool(envelope.result, found)  # it may read the bucket
    return envelope.result(found)


@router.delete(
    "/predictions/{prediction_id}",
    summary="Cancel or delete a prediction",
    response_model=Reply[Prediction],
    responses=envelope.documented(401, 404, 409),
)
def end(prediction_id: PredictionId, caller: KnownCaller) -> Response:
    """Cancel a task that is not final, delete one that is; the answer is the task as it stood, or stands now.

    One that runs goes on as `processing` until its rendering is dead, then it is `failed`, its `error` saying that it
    was cancelled. One that was deleted is 404 from then on, and its video is removed. One that becomes final at this
    very moment is left as it is: the answer is 409.
    """
    job = listing.job(caller, ids.parse(prediction_id))
    if not (State(job.status).is_final and retention.delete_jobs(caller, [job.id])):
        job = lifecycle.cancel(caller, job.id)
    return envelope.reply(envelope.prediction(job))


@dataclass(frozen=True)
class _Order:
    wish: Wish
    is_sync: bool


def _read(model: Model, body: bytes, webhook: str | None, engine: str) -> _Order:
    form = read_object(body)
    wish = Wish(
        model=model.id,
        inputs=form,
        engine=engine,
        webhook_url=webhook or checked(form.get("webhook_url"), "webhook_url"),
        wants_base64=forms.switch(form, "enable_base64_output"),
    )
    return _Order(wish, is_sync=forms.switch(form, "enable_sync_mode"))
