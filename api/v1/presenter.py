"""How our own face looks: the only presenter of its jobs and of its one error shape."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.errors import MEANINGS, Answer
from jobs import given_inputs, storage
from jobs.outlook import Moment, Outlook
from jobs.rules.states import State
from jobs.tables import Event, Job

_NOT_FOR_CALLERS = frozenset({"worker", "upstream_key"})  # hosts, process ids and our keys: the operators' business


class Output(BaseModel):
    """The finished video; `link` works for a day or as set, then ask again."""

    link: str
    bytes: int
    sha256: str
    width: int
    height: int
    frames: int
    seconds: float
    is_flagged: bool = Field(default=False, description="Whether whoever looked found something; see `moderation`.")


class JobFailure(BaseModel):
    """Why there is no video."""

    code: int = Field(description="Task code: 1402 unusable media, 1403 rendering, 1405 others, 5003 bucket.")
    error_class: str
    message: str


class Deadlines(BaseModel):
    wait_until: datetime = Field(description="The first attempt begins by then, or the job fails.")
    run_seconds: int = Field(description="How long one attempt may run.")
    finish_until: datetime = Field(description="The job is final by then, or fails.")


class JobShown(BaseModel):
    """One job, with everything about it that its owner may know."""

    id: str
    status: State
    model: str
    inputs: dict[str, Any] = Field(description="As given; links into our bucket stand without their signature.")
    seed: int = Field(description="The seed rendered with; drawn when -1 was asked for.")
    knobs: dict[str, Any] = Field(description="What was turned beyond the form, for the engine gpu.")
    engine: str
    engine_wanted: str
    engine_reason: str
    priority: int
    tags: list[str]
    metadata: dict[str, Any]
    webhook: str | None
    rerun_of: str | None
    price_usd: float = Field(description="What it costs: a quote until it is final, nothing if it failed.")
    stage: str
    progress: float = Field(description="Finished fraction of the attempt, 0 to 1.")
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None = Field(description="A running job ends as soon as its rendering is dead.")
    deadlines: Deadlines
    output: Output | None
    warnings: list[str]
    moderation: Literal["none", "checker", "upstream"] = Field(
        description="Who looked for what is not for all eyes: nobody, the program that was set for it, or the cloud."
    )
    error: JobFailure | None


class Happening(BaseModel):
    """One event of a job's timeline."""

    id: int = Field(description="Grows in time; the stream of events goes on after it.")
    at: datetime
    kind: str
    status: State
    attempt: int
    detail: dict[str, Any]


class Between(BaseModel):
    """Eight times of ten it should be between these two, going by what the latest jobs like it took."""

    earliest: datetime
    latest: datetime


class PriceRange(BaseModel):
    """At least and at most, in USD; both the same once the media are read."""

    least: float
    most: float


class JobTold(JobShown):
    """One job with its timeline and its outlook; null where nothing has been measured or it does not apply."""

    queue_position: int | None = Field(description="1 is next; null unless waiting.")
    estimated_start_at: datetime | None
    estimated_start_between: Between | None
    estimated_end_at: datetime | None
    estimated_end_between: Between | None
    estimated_price_usd: PriceRange | None
    why_waiting: str | None = Field(description="Why it is not running yet, in a sentence.")
    timeline: list[Happening]


class Progress(BaseModel):
    """How far a job is."""

    status: State
    stage: str
    progress: float = Field(description="Finished fraction of the attempt, 0 to 1.")


class JobPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    jobs: list[JobShown]
    next_cursor: str | None


class Trouble(BaseModel):
    """What is wrong."""

    code: str = Field(description="A word for programs.")
    message: str = Field(description="A sentence for people: what is wrong and what to do.")
    field: str | None = Field(description="The culprit, where there is one.")


class Refusal(BaseModel):
    """Any error of this face."""

    error: Trouble


def shown(job: Job) -> JobShown:
    return JobShown(**_facts(job))


def told(job: Job, outlook: Outlook, timeline: list[Event]) -> JobTold:
    return JobTold(
        **_facts(job),
        queue_position=outlook.queue_position,
        estimated_start_at=_expected(outlook.starts),
        estimated_start_between=between(outlook.starts),
        estimated_end_at=_expected(outlook.ends),
        estimated_end_between=between(outlook.ends),
        estimated_price_usd=_price_range(outlook.price_usd),
        why_waiting=outlook.why_waiting or None,
        timeline=[happening(event) for event in timeline],
    )


def between(moment: Moment | None) -> Between | None:
    return None if moment is None else Between(earliest=moment.earliest, latest=moment.latest)


def _expected(moment: Moment | None) -> datetime | None:
    return None if moment is None else moment.expected


def _price_range(price_usd: tuple[Decimal, Decimal] | None) -> PriceRange | None:
    return None if price_usd is None else PriceRange(least=float(price_usd[0]), most=float(price_usd[1]))


def happening(event: Event) -> Happening:
    detail = {name: fact for name, fact in event.detail.items() if name not in _NOT_FOR_CALLERS}
    return Happening(
        id=event.id, at=event.at, kind=event.kind, status=State(event.status), attempt=event.attempt, detail=detail
    )


def respond(content: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(content.model_dump_json(), status, headers, media_type="application/json")


def failure(answer: Answer) -> Response:
    trouble = Trouble(code=answer.word, message=answer.message, field=answer.field)
    return respond(Refusal(error=trouble), answer.status, answer.headers)


def documented(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What a route of this face says of its errors in the OpenAPI document; each wants a key that may do this."""
    return {status: {"model": Refusal, "description": MEANINGS[status]} for status in (401, 403, *statuses, 500, 503)}


def _facts(job: Job) -> dict[str, Any]:
    return {
        "id": job.id.hex,
        "status": State(job.status),
        "model": job.model,
        "inputs": given_inputs.shown(job),
        "seed": job.seed,
        "knobs": job.options,
        "engine": job.engine,
        "engine_wanted": job.engine_wanted,
        "engine_reason": job.engine_reason,
        "priority": job.priority,
        "tags": job.tags,
        "metadata": job.metadata_,
        "webhook": job.webhook_url,
        "rerun_of": job.rerun_of and job.rerun_of.hex,
        "price_usd": float(job.price_usd),
        "stage": job.stage,
        "progress": job.progress,
        "attempts": job.attempt,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "cancel_requested_at": job.cancel_requested_at,
        "deadlines": Deadlines(wait_until=job.wait_until, run_seconds=job.run_seconds, finish_until=job.finish_until),
        "output": _output(job),
        "warnings": job.warnings,
        "moderation": _moderation(job),
        "error": _error(job),
    }


def _output(job: Job) -> Output | None:
    if job.output is None or job.status != State.COMPLETED or job.objects_removed_at is not None:
        return None
    facts = dict(job.output)
    return Output(link=storage.steady_link(facts.pop("key")), **facts)


def _moderation(job: Job) -> Literal["none", "checker", "upstream"]:
    if job.engine == "cloud":
        return "upstream"
    return "checker" if job.output and job.output.get("is_checked") else "none"


def _error(job: Job) -> JobFailure | None:
    if job.status != State.FAILED:
        return None
    return JobFailure(code=job.error_code, error_class=job.error_class or "internal", message=job.error)
