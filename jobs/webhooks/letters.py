"""What is posted: the body, built from the job as it stands now with fresh links, and the headers that sign it."""

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from jobs import prediction, settings, storage
from jobs.rules import signatures
from jobs.rules.states import State

BODY_MAX_BYTES = 2**20
_AGENT = "Duologue-Webhooks/1"


class Facts(NamedTuple):
    """What of a job its webhooks tell, by the names of its columns."""

    id: uuid.UUID
    model: str
    inputs: dict[str, Any]
    seed: int
    tags: list[str]
    metadata_: dict[str, Any]
    rerun_of: uuid.UUID | None
    status: str
    engine: str
    price_usd: Decimal
    attempt: int
    stage: str
    progress: float
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    output: dict[str, Any] | None
    warnings: list[str]
    inference_ms: int
    error: str
    error_code: int
    error_class: str | None
    objects_removed_at: datetime | None
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Post:
    """A request to make: where, with which headers, and the very bytes that were signed."""

    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """One owed delivery that we have taken up; `turn` proves it. `secrets` sign it, the current one first.

    `taken_at` is by this machine's monotonic clock, in seconds.
    """

    delivery_id: uuid.UUID
    turn: int
    lane: uuid.UUID
    endpoint_id: uuid.UUID | None
    kind: str
    tries: int
    webhook_id: str
    url: str
    concurrency: int
    is_failing: bool
    secrets: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)
    job_id: uuid.UUID | None = None
    traceparent: str | None = None
    taken_at: float = field(default_factory=time.monotonic)

    def post(self, timestamp: int) -> Post:
        """The request to make now, at that Unix second."""
        if self.endpoint_id is None:
            signature = signatures.v3(self.secrets[0], self.webhook_id, timestamp, self.body)
        else:
            signature = signatures.standard(self.secrets, self.webhook_id, timestamp, self.body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": _AGENT,
            "webhook-id": self.webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature,
        }
        return Post(self.url, headers, self.body)


def body_of_request(job: Facts) -> bytes:
    """What the URL of one request is told: WaveSpeed's bare prediction."""
    return _said(prediction.whole(job))


def body_of_event(kind: str, happened_at: datetime, job: Facts | None, detail: dict[str, Any]) -> bytes:
    """What an endpoint is told: the kind, when it happened, and the job or what was written down of it."""
    told = _job(job) if job is not None else detail
    return _said({"type": kind, "timestamp": prediction.instant(happened_at), "data": told})


def is_overtaken(kind: str, job: Facts) -> bool:
    """Whether there is no use in telling this any more: progress of a job that does not run now."""
    return kind == "job.progress" and job.status not in {State.RUNNING, State.FORWARDED}


def _job(job: Facts) -> dict[str, Any]:
    return {
        "id": job.id.hex,
        "url": f"{settings.load().base_url}/v1/jobs/{job.id.hex}",
        "status": job.status,
        "model": job.model,
        "engine": job.engine,
        "tags": job.tags,
        "metadata": job.metadata_,
        "rerun_of": job.rerun_of and job.rerun_of.hex,
        "seed": job.seed,
        "attempts": job.attempt,
        "stage": job.stage,
        "progress": job.progress,
        "created_at": prediction.instant(job.created_at),
        "started_at": job.started_at and prediction.instant(job.started_at),
        "finished_at": job.finished_at and prediction.instant(job.finished_at),
        "price_usd": float(job.price_usd),
        "output": _output(job),
        "warnings": job.warnings,
        "error": _error(job),
    }


def _output(job: Facts) -> dict[str, Any] | None:
    if job.output is None or not prediction.has_video(job):
        return None
    facts = dict(job.output)
    return {"link": storage.steady_link(facts.pop("key")), **facts}


def _error(job: Facts) -> dict[str, Any] | None:
    if job.status != State.FAILED:
        return None
    return {"code": job.error_code, "error_class": job.error_class or "internal", "message": job.error}


def _said(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
