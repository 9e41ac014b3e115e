"""How this face looks: the only presenter of its errors, and of its predictions, whose words jobs/prediction.py has."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

from api.errors import MEANINGS, Answer
from api.wavespeed import base64_output
from jobs import given_inputs, storage
from jobs import prediction as words
from jobs.listing import Reading
from jobs.tables import Job

SYNC_TIMED_OUT = 5004
_PLACE = "@"

Content = TypeVar("Content")

instant = words.instant


class Urls(BaseModel):
    get: str = Field(description="Where the result is read.")


class Timings(BaseModel):
    inference: int = Field(description="Rendering time in milliseconds; 0 until done.")


class Prediction(BaseModel):
    """One job as WaveSpeed's clients know it; arrays are never null, numbers always integers."""

    id: str = Field(description="32 lower-case hex digits.")
    model: str
    input: dict[str, Any] | None = Field(
        default=None,
        exclude_if=lambda given: given is None,
        description="The model's form, with the seed that was drawn; only where it is asked for.",
    )
    outputs: list[str] = Field(
        description="Links to the video, or base64 where that was asked for; empty until completed."
    )
    urls: Urls
    has_nsfw_contents: list[bool] = Field(description="One per output.")
    status: words.ShownStatus
    created_at: str = Field(description="RFC 3339 in UTC, with a fraction.")
    error: str = Field(description="Empty when fine.")
    code: int = Field(description="Task code; 0 when fine.")
    executionTime: int = Field(description="Milliseconds; 0 until done.")  # noqa: N815 - the contract's spelling
    timings: Timings


class Reply(BaseModel, Generic[Content]):
    """Success, which is always HTTP 200."""

    code: Literal[200] = 200
    message: Literal["success"] = "success"
    data: Content


class Failure(BaseModel):
    """Any error: `code` is the HTTP status, `error_code` a task code such as 1400, or a word."""

    code: int
    message: str
    data: None = None
    error_code: str


class BareFailure(BaseModel):
    """The one error that the contract wants without an envelope."""

    error: str


def reply(content: BaseModel) -> Response:
    """Success, with `content` inside."""
    return _said(content.model_dump_json().encode())


def result(job: Job | Reading) -> Response:
    """The job as it stands. Reads the bucket if the caller wanted base64; raises StorageError then.

    It is written as it is worded: to make a `Prediction` of what is known to be one takes longer than all the rest.
    """
    if job.output is None or not words.has_video(job):
        return _said(to_json(words.of(job)))
    if not job.wants_base64:
        return _said(to_json(words.of(job, [storage.steady_link(job.output["key"])])))
    head, _, tail = _enveloped(to_json(words.of(job, [_PLACE]))).decode().partition(f'"{_PLACE}"')
    return base64_output.stream(f'{head}"', job.output["key"], job.output["bytes"], f'"{tail}')


def listed(job: Job, *, with_input: bool) -> Prediction:
    """The job as it stands in a list, where a video is always a link."""
    outputs = [storage.steady_link(job.output["key"])] if job.output and words.has_video(job) else []
    shown = prediction(job, *outputs)
    shown.input = given_inputs.shown(job) | {"seed": job.seed} if with_input else None
    return shown


def still_running(job: Job) -> Response:
    """What a caller gets whose wait in sync mode is over: the task goes on."""
    shown = prediction(job)
    shown.status, shown.code = "processing", SYNC_TIMED_OUT
    shown.error = f"Sync mode timed out; the task goes on, read its result at {shown.urls.get}"
    return reply(shown)


def prediction(job: Job | Reading, *outputs: str) -> Prediction:
    """The job in the contract's words; `outputs` are what the caller can read."""
    return Prediction(**words.of(job, outputs))


def failure(answer: Answer) -> Response:
    """An error in this face's shape, with its real status."""
    said = Failure(code=answer.status, message=answer.message, error_code=str(answer.task_code or answer.word))
    return Response(said.model_dump_json(), answer.status, dict(answer.headers), media_type="application/json")


def bare_failure(message: str) -> Response:
    return Response(BareFailure(error=message).model_dump_json(), 400, media_type="application/json")


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What a route of this face says of its errors in the OpenAPI document; each wants a key that may do this."""
    return {status: {"model": Failure, "description": MEANINGS[status]} for status in (401, 403, *statuses, 500, 503)}


def _said(content: bytes) -> Response:
    return Response(_enveloped(content), media_type="application/json")


def _enveloped(content: bytes) -> bytes:
    return b'{"code":200,"message":"success","data":' + content + b"}"
