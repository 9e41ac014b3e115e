"""How a batch becomes final: its row, its counts, and who is told, in the caller's transaction."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import events, outbox, prediction, settings
from jobs.batches import looking
from jobs.database import after_commit
from jobs.rules import batches
from jobs.rules.batches import Status
from jobs.tables import Batch


def end(session: Session, row: Batch, status: Status) -> None:
    """Move a batch, whose row is locked, to a final status, count its jobs for good, and owe the news of it."""
    batches.check(Status(row.status), status)
    with session.no_autoflush:  # a row that is half changed must not be written for the sake of a question
        states, now = looking.states_of(session, row), session.execute(select(func.clock_timestamp())).scalar_one()
    row.status, row.states, row.finished_at, row.lease_until = status, states, now, None
    outbox.announce(session, row.account_id, "batch.completed", told(row), url=row.webhook_url)
    facts = {"batch": row.id.hex, "status": status, "jobs": row.jobs, "bad": row.bad}
    after_commit(session, lambda: events.emit("batch.completed", **facts))


def told(row: Batch) -> dict[str, Any]:
    """What webhooks say of a final batch; its files are asked for where `url` leads, with links that are fresh then."""
    return {
        "id": row.id.hex,
        "object": "batch",
        "url": f"{settings.load().base_url}/v1/batches/{row.id.hex}",
        "status": row.status,
        "request_counts": batches.request_counts(row.states or {}, row.jobs),
        "bad_lines": row.bad,
        "error": row.error or None,
        "retry_of": row.retry_of and row.retry_of.hex,
        "metadata": row.metadata_,
        "created_at": prediction.instant(row.created_at),
        "finished_at": row.finished_at and prediction.instant(row.finished_at),
    }
