"""What our own face takes: the form of a job beyond its model's inputs, and the filters of a list."""

import base64
import binascii
import json
import uuid
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from api import errors, openapi
from api.webhook_url import checked
from jobs.errors import WrongInput
from jobs.listing import Filter
from jobs.rules import knobs
from jobs.rules.catalog import MODELS, OUTPUT_MAX_SECONDS, PROMPT_MAX_LETTERS
from jobs.rules.states import State
from jobs.submission import PRIORITY_MAX, TAG_MAX_LETTERS, TAGS_MAX, Wish

METADATA_MAX_BYTES = 16 * 2**10
PAGE_MAX_JOBS = 100
_ID_BYTES = 16

_STRICT = ConfigDict(strict=True, extra="forbid")
Span = Annotated[int | None, Field(gt=0)]
Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
Instant = Annotated[AwareDatetime | None, Query(description="RFC 3339 with a time zone.")]


class DeadlinesForm(BaseModel):
    """Spans in seconds; what is left out takes the server's default, which is also the most."""

    model_config = _STRICT

    wait_seconds: Span = Field(None, description="How long the job may wait for its first attempt.")
    run_seconds: Span = Field(None, description="How long one attempt may run.")
    total_seconds: Span = Field(None, description="How long the job may take in all.")


class TimedPrompt(BaseModel):
    model_config = _STRICT

    from_seconds: float = Field(ge=0, lt=OUTPUT_MAX_SECONDS)
    prompt: str = Field(max_length=PROMPT_MAX_LETTERS)


class KnobsForm(BaseModel):
    """Knobs of the engine `gpu` beyond the model's form; what is left out is the preset's."""

    model_config = _STRICT

    preset: Literal["standard", "few-steps", "fast"] | None = Field(
        None, description="The -fast models take the latter two; which there are is the server's business."
    )
    steps: int | None = Field(
        None, ge=1, le=knobs.STEPS_MAX, description=f"At most {knobs.FEW_STEPS_MAX} for -fast models."
    )
    text_scale: float | None = Field(
        None, ge=1, le=knobs.SCALE_MAX, description="How strongly the prompt pulls; 1 is not beyond what it does alone."
    )
    audio_scale: float | None = Field(
        None, ge=1, le=knobs.SCALE_MAX, description="How strongly the voices pull; more moves mouths more."
    )
    shift: float | None = Field(
        None, ge=0.1, le=knobs.SHIFT_MAX, description="Where the steps lie: more spends them on the large forms."
    )
    negative_prompt: str | None = Field(None, max_length=PROMPT_MAX_LETTERS, description="What is not to be seen.")
    boxes: list[Annotated[list[int], Field(min_length=4, max_length=4)]] | None = Field(
        None,
        description="Where each speaker is, left first: [left, top, right, bottom] in pixels of the upright picture.",
    )
    chunk_seeds: dict[str, int] | None = Field(
        None, description="Seeds of single chunks by their index, to try one again and keep the others."
    )
    prompts: list[TimedPrompt] | None = Field(
        None, max_length=knobs.PROMPTS_MAX, description="Other prompts from a time on, in order."
    )


class JobForm(BaseModel):
    """One job."""

    model_config = _STRICT

    model: str = Field(description="One of the models of /api/v3.", examples=list(MODELS))
    inputs: dict[str, Any] = Field(description="The model's form, as /api/v3 takes it.")
    engine: str = Field("auto", description="auto, gpu, cloud or preview.")
    priority: int = Field(0, ge=-PRIORITY_MAX, le=PRIORITY_MAX, description="Higher goes first.")
    deadlines: DeadlinesForm | None = None
    tags: list[Annotated[str, Field(min_length=1, max_length=TAG_MAX_LETTERS)]] = Field([], max_length=TAGS_MAX)
    metadata: dict[str, Any] = Field({}, description=f"Your own JSON, given back; at most {METADATA_MAX_BYTES} bytes.")
    webhook: str | None = Field(None, description="URL told when the job is final.")
    voice_seconds: float | None = Field(
        None,
        gt=0,
        le=OUTPUT_MAX_SECONDS,
        description="How long each voice is: so much is held until the media are read; the least otherwise.",
    )

    knobs: KnobsForm | None = None

    def wish(self) -> Wish:
        """The order behind the form. Raises WrongInput."""
        if len(json.dumps(self.metadata, ensure_ascii=False).encode()) > METADATA_MAX_BYTES:
            raise WrongInput(f"metadata must have at most {METADATA_MAX_BYTES} bytes as JSON.", field="metadata")
        spans = self.deadlines.model_dump() if self.deadlines else {}
        return Wish(
            model=self.model,
            inputs=self.inputs,
            engine=self.engine,
            priority=self.priority,
            tags=tuple(self.tags),
            metadata=self.metadata,
            webhook_url=checked(self.webhook, "webhook"),
            voice_seconds=self.voice_seconds,
            knobs=self.knobs.model_dump(exclude_none=True) if self.knobs else {},
            **spans,
        )


JOB_SCHEMA = JobForm.model_json_schema(ref_template=openapi.COMPONENT)


def read_job(form: dict[str, Any]) -> JobForm:
    """Raises MissingInput or WrongInput naming the field."""
    try:
        return JobForm.model_validate(form)
    except ValidationError as error:
        raise errors.from_pydantic(error) from None


def read_filter(
    *,
    status: Annotated[list[State] | None, Query(description="Any of these.")] = None,
    model: Text = None,
    engine: Text = None,
    tag: Text = None,
    created_after: Instant = None,
    created_before: Instant = None,
) -> Filter:
    """Gather the filters of a list from the query."""
    return Filter(status, model, engine, tag, created_after, created_before)


def cursor_after(job_id: uuid.UUID) -> str:
    """A word for `everything older than this job`; callers give it back unread."""
    return base64.urlsafe_b64encode(job_id.bytes).decode().rstrip("=")


def read_cursor(text: str | None) -> uuid.UUID | None:
    """Raises WrongInput for what `cursor_after` never said."""
    if text is None:
        return None
    try:
        found = base64.urlsafe_b64decode(text + "==")
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != _ID_BYTES:
        raise WrongInput("cursor must be the `next_cursor` of the page before, unchanged.", field="cursor")
    return uuid.UUID(bytes=found)
