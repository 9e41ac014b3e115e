"""One job in WaveSpeed's words: the contract's names, order and types, for answers and webhooks alike."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal, Protocol
from uuid import UUID

from jobs import given_inputs, settings, storage
from jobs.given_inputs import Given
from jobs.rules.states import State

ShownStatus = Literal["created", "processing", "completed", "failed"]

STATUSES: Final[Mapping[str, ShownStatus]] = {
    State.WAITING: "created",
    State.RUNNING: "processing",
    State.FORWARDED: "processing",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    # Several clients poll for ever on any word but these four.
    State.CANCELLED: "failed",
}

_CANCELLED_CODE: Final = 1405


class Shown(Protocol):
    """What of a job its prediction shows."""

    @property
    def id(self) -> UUID: ...
    @property
    def model(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def inference_ms(self) -> int: ...
    @property
    def error(self) -> str: ...
    @property
    def error_code(self) -> int: ...
    @property
    def output(self) -> dict[str, Any] | None: ...
    @property
    def objects_removed_at(self) -> datetime | None: ...


class ShownWithInput(Shown, Given, Protocol):
    """The same with the form it was ordered with."""

    @property
    def seed(self) -> int: ...


def whole(job: ShownWithInput) -> dict[str, Any]:
    """What a webhook is told: the prediction with its `input`, and links signed now."""
    given = given_inputs.shown(job) | {"seed": job.seed}
    outputs = [storage.steady_link(job.output["key"])] if job.output and has_video(job) else []
    shown = of(job, outputs)
    return {"id": shown.pop("id"), "model": shown.pop("model"), "input": given, **shown}


def of(job: Shown, outputs: Sequence[str] = ()) -> dict[str, Any]:
    """The prediction without its input; `outputs` are what its reader can read."""
    error, code = _error(job)
    return {
        "id": job.id.hex,
        "model": job.model,
        "outputs": list(outputs),
        "urls": {"get": f"{settings.load().base_url}/api/v3/predictions/{job.id.hex}/result"},
        "has_nsfw_contents": [is_flagged(job) for _ in outputs],
        "status": STATUSES[job.status],
        "created_at": instant(job.created_at),
        "error": error,
        "code": code,
        "executionTime": job.inference_ms,
        "timings": {"inference": job.inference_ms},
    }


def has_video(job: Shown) -> bool:
    return job.status == State.COMPLETED and job.objects_removed_at is None


def is_flagged(job: Shown) -> bool:
    """Whether somebody looked at its video and found what is not for all eyes."""
    return bool(job.output and job.output.get("is_flagged"))


@lru_cache(maxsize=256)  # orders that were taken together have one moment
def instant(moment: datetime) -> str:
    """RFC 3339 with `Z` and always a fraction: several clients parse nothing else."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _error(job: Shown) -> tuple[str, int]:
    if job.status == State.CANCELLED:
        return "The job was cancelled.", _CANCELLED_CODE
    if job.status == State.COMPLETED and not has_video(job):
        return "The video is no longer kept.", 0
    return (job.error, job.error_code) if job.status == State.FAILED else ("", 0)
