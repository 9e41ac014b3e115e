"""The results of a batch whose jobs are all final: three files, line by line, and then its end."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from jobs import clock, settings, storage
from jobs.batches import ending
from jobs.batches.holding import held
from jobs.database import transaction
from jobs.rules import batches
from jobs.rules.states import State
from jobs.tables import Batch, Job

RESULTS: Final = "results.jsonl"
MANIFEST: Final = "manifest.csv"
ERRORS: Final = "errors.jsonl"
CONTENT_TYPES: Final = {RESULTS: "application/jsonl", MANIFEST: "text/csv; charset=utf-8", ERRORS: "application/jsonl"}
MANIFEST_COLUMNS: Final = (
    "line",
    "custom_id",
    "job",
    "status",
    "price_usd",
    "seconds",
    "width",
    "height",
    "bytes",
    "sha256",
    "link",
    "error",
)

_STEP = 500


def write(batch: Batch, folder: Path, check: Callable[[], None]) -> list[str]:
    """Write the files of a batch into a folder; their names. `check` may raise, now and then, to end it.

    Links to videos work as long as links do (`DUOLOGUE_LINK_SECONDS`); `url` leads to a fresh one.
    """
    with ExitStack() as files:
        results, errors, manifest = (
            files.enter_context((folder / name).open("a", encoding="utf-8", newline=""))
            for name in (RESULTS, ERRORS, MANIFEST)
        )
        table = csv.writer(manifest)
        table.writerow(MANIFEST_COLUMNS)
        for job in _jobs(batch, check):
            (results if job.status == State.COMPLETED else errors).write(_line(job))
            table.writerow(_row(job))
    return [name for name in CONTENT_TYPES if (folder / name).stat().st_size]


def finish(batch: Batch, files: list[str]) -> None:
    """End a batch whose files are in the bucket, and owe the news of it. Raises LeaseLost."""
    late = select(Job.id).where(Job.batch_id == batch.id, Job.status == State.FAILED, Job.error_class == "deadline")
    with transaction() as session:
        row = held(session, batch)
        is_past = row.expires_at is not None and row.finalizing_at is not None and row.expires_at <= row.finalizing_at
        was_late = is_past and session.scalars(late.limit(1)).one_or_none() is not None
        row.files = [*files, *row.files]
        ending.end(session, row, batches.outcome(was_cancelled=row.cancelling_at is not None, was_late=was_late))


def _jobs(batch: Batch, check: Callable[[], None]) -> Iterator[Job]:
    """All of them in the order of their lines, a few at a time; those deleted by their owner are left out."""
    after_line = 0
    while True:
        of_batch = select(Job).where(Job.batch_id == batch.id, Job.batch_line > after_line, Job.deleted_at.is_(None))
        with transaction() as session:
            found = session.scalars(of_batch.order_by(Job.batch_line).limit(_STEP)).all()
        if not found:
            return
        yield from found
        after_line = found[-1].batch_line or 0
        check()


def _line(job: Job) -> str:
    """One line, as OpenAI's batches have it: a response where there is one, else an error."""
    is_good = job.status == State.COMPLETED
    line = {
        "id": job.id.hex,
        "custom_id": job.custom_id,
        "line": job.batch_line,
        "response": {"status_code": 200, "body": _body(job)} if is_good else None,
        "error": None if is_good else _error(job),
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _body(job: Job) -> dict[str, Any]:
    return {
        "id": job.id.hex,
        "url": f"{settings.load().base_url}/v1/jobs/{job.id.hex}",
        "status": job.status,
        "model": job.model,
        "engine": job.engine,
        "seed": job.seed,
        "tags": job.tags,
        "metadata": job.metadata_,
        "price_usd": float(job.price_usd),
        "written_at": clock.now().isoformat(timespec="seconds"),
        "output": _output(job),
        "warnings": job.warnings,
    }


def _output(job: Job) -> dict[str, Any] | None:
    if job.output is None or job.objects_removed_at is not None:
        return None
    facts = dict(job.output)
    return {"link": storage.steady_link(facts.pop("key")), **facts}


def _error(job: Job) -> dict[str, Any]:
    if job.status == State.CANCELLED:
        return {"code": "cancelled", "message": "The job was cancelled.", "field": None}
    return {"code": job.error_class or "internal", "message": job.error, "field": None}


def _row(job: Job) -> list[object]:
    output = _output(job) or {}
    facts = [output.get(name, "") for name in ("seconds", "width", "height", "bytes", "sha256", "link")]
    message = "" if job.status == State.COMPLETED else _error(job)["message"]
    return [job.batch_line, job.custom_id, job.id.hex, job.status, f"{job.price_usd.normalize():f}", *facts, message]
