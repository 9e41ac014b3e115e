"""What our own face takes and shows of batches; where OpenAI's batches have a word for it, it is that word."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api import openapi
from api.v1 import strict
from api.v1.money import Usd
from api.v1.presenter import Between, JobShown, between
from api.webhook_url import checked
from jobs import batches, storage
from jobs.batches import BatchWish, Seen
from jobs.errors import MissingInput
from jobs.outlook import Moment
from jobs.rules import batch_lines
from jobs.rules.batch_lines import METADATA_MAX_BYTES, JobOptions
from jobs.rules.batches import ARRAY_MAX, Policy, Status, key, request_counts
from jobs.tables import Batch

DEADLINE_MAX_SECONDS = 30 * 86_400


class BatchForm(strict.StrictForm):
    """One batch: `requests` or `input_file`, and what is asked of all of it."""

    requests: list[dict[str, Any]] | None = Field(
        None, min_length=1, max_length=ARRAY_MAX, description="The lines themselves, each as in a file."
    )
    input_file: str | None = Field(
        None, description="`download_url` of an uploaded file: JSON lines in UTF-8, up to 50,000 of them and 200 MB."
    )
    options: dict[str, Any] = Field(
        default_factory=dict,
        description="`options` of every line that does not say otherwise.",
    )
    on_bad_lines: Policy = Field("reject_all", description="Whether a bad line stops all of it, or only itself.")
    validate_only: bool = Field(False, description="Judge and price every line, and run none.")  # noqa: FBT003 - pydantic's form
    budget_usd: Usd | None = Field(None, description="Refused when its jobs, as declared, cost more together.")
    deadline_seconds: Annotated[int, Field(gt=0, le=DEADLINE_MAX_SECONDS)] | None = Field(
        None, description="From now on; jobs that are not final by then fail, and the batch is `expired`."
    )
    webhook: str | None = Field(None, description="URL told once, when the batch is final.")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description=f"Your own JSON, given back; at most {METADATA_MAX_BYTES} bytes."
    )
    probe: bool = Field(
        False,  # noqa: FBT003 - as above
        description="Fetch and measure voices whose length is not declared before it opens; else nothing is fetched.",
    )

    def wish(self) -> BatchWish:
        """The order behind the form. Raises MissingInput and WrongInput."""
        if (self.requests is None) == (self.input_file is None):
            raise MissingInput("Give either requests or input_file.", field="input_file")
        batch_lines.read_options(self.options)
        # The same rules hold for these two as for those of a line.
        of_batch = {"metadata": self.metadata} | ({"webhook": self.webhook} if self.webhook else {})
        batch_lines.read_options(of_batch, within="batch")
        for url, field in ((self.options.get("webhook"), "options.webhook"), (self.webhook, "batch.webhook")):
            checked(url, field)
        return BatchWish(
            on_bad_lines=self.on_bad_lines,
            is_validate_only=self.validate_only,
            is_probing=self.probe,
            options=self.options,
            budget_usd=self.budget_usd,
            deadline_seconds=self.deadline_seconds,
            webhook_url=self.webhook or None,
            metadata=self.metadata,
        )


class RequestCounts(BaseModel):
    """How its jobs stand, as they are now; bad lines are none of them."""

    total: int
    completed: int
    failed: int
    cancelled: int
    running: int
    waiting: int


class Problem(BaseModel):
    """Why a line cannot be taken."""

    line: int = Field(description="Its number in the file, from 1 on.")
    custom_id: str | None
    code: str
    field: str | None
    message: str


class Problems(BaseModel):
    """The first hundred bad lines; `files` leads to all of them."""

    object: Literal["list"] = "list"
    data: list[Problem]


class Range(BaseModel):
    """At least and at most; the same where every length was declared."""

    least: float
    most: float


class Estimate(BaseModel):
    """What it should cost and take. Without a declared length a job counts from the floor up to 600 seconds."""

    price_usd: Range
    seconds: Range | None = Field(description="On the slots that are there now; null until its like was measured.")


class BatchFile(BaseModel):
    """A file in the bucket."""

    name: str
    link: str = Field(description="Works for a day or as set; then ask again.")


class BatchShown(BaseModel):
    """One batch."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: Literal["/v1/jobs"] = "/v1/jobs"
    status: Status
    request_counts: RequestCounts
    lines: int = Field(description="Lines read so far.")
    bad_lines: int = Field(description="Those that cannot be taken.")
    errors: Problems
    error: str | None = Field(description="Why it failed as a whole.")
    estimate: Estimate | None
    estimated_end_at: datetime | None = Field(description="Of its last job, going by the queue as it is now.")
    estimated_end_between: Between | None
    files: list[BatchFile]
    on_bad_lines: str
    validate_only: bool
    probe: bool
    budget_usd: float | None
    options: dict[str, Any]
    webhook: str | None
    metadata: dict[str, Any]
    retry_of: str | None
    created_at: datetime
    expires_at: datetime | None
    in_progress_at: datetime | None
    paused_at: datetime | None = Field(description="Since then none of its jobs begins.")
    cancelling_at: datetime | None
    finalizing_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    expired_at: datetime | None
    cancelled_at: datetime | None


class BatchPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    batches: list[BatchShown]
    next_cursor: str | None


class BatchJob(JobShown):
    """One job of a batch."""

    custom_id: str
    line: int


class BatchJobPage(BaseModel):
    """In the order of the lines; `next_line` is null on the last page."""

    jobs: list[BatchJob]
    next_line: int | None = Field(description="Give it back as `after_line`.")


def form_schema() -> dict[str, Any]:
    """What POST takes, with the schema of `options` beside it."""
    schema = BatchForm.model_json_schema(ref_template=openapi.COMPONENT)
    options = JobOptions.model_json_schema(ref_template=openapi.COMPONENT)
    inner = options.pop("$defs", {})
    schema["properties"]["options"] = {"$ref": openapi.COMPONENT.format(model="JobOptions")}
    schema["$defs"] = {**schema.get("$defs", {}), **inner, "JobOptions": options}
    return schema


def shown(seen: Seen, end: Moment | None = None) -> BatchShown:
    row = seen.batch
    return BatchShown(
        id=row.id.hex,
        status=Status(row.status),
        request_counts=RequestCounts(**request_counts(seen.states, row.jobs)),
        lines=row.lines,
        bad_lines=row.bad,
        errors=Problems(data=[Problem(**problem) for problem in row.problems]),
        error=row.error or None,
        estimate=None if row.estimate is None else Estimate(**row.estimate),
        estimated_end_at=None if end is None else end.expected,
        estimated_end_between=between(end),
        files=[BatchFile(name=name, link=_link(row, name)) for name in _files(row)],
        on_bad_lines=row.on_bad_lines,
        validate_only=row.is_validate_only,
        probe=row.is_probing,
        budget_usd=None if row.budget_usd is None else float(row.budget_usd),
        options=row.options,
        webhook=row.webhook_url,
        metadata=row.metadata_,
        retry_of=None if row.retry_of is None else row.retry_of.hex,
        created_at=row.created_at,
        expires_at=row.expires_at,
        in_progress_at=row.in_progress_at,
        paused_at=row.paused_at,
        cancelling_at=row.cancelling_at,
        finalizing_at=row.finalizing_at,
        completed_at=_ended(row, Status.COMPLETED),
        failed_at=_ended(row, Status.FAILED),
        expired_at=_ended(row, Status.EXPIRED),
        cancelled_at=_ended(row, Status.CANCELLED),
    )


def _ended(row: Batch, status: Status) -> datetime | None:
    return row.finished_at if row.status == status else None


def _files(row: Batch) -> list[str]:
    """The errors' file has the bad lines too, once it is there."""
    return [name for name in row.files if name != batches.BAD_LINES or batches.ERRORS not in row.files]


def _link(row: Batch, name: str) -> str:
    return storage.steady_link(key(row.account_id, row.id, name))
