"""Asks the database about the whole history: hot tables and archive are one to every question."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs.history.finding import SHOWN_MAX

_WHOLE = """
WITH told AS (
    SELECT id, account_id, job_id, kind, at, status, fence, detail, false AS is_archived FROM events
    UNION ALL
    SELECT id, account_id, job_id, kind, at, status, fence, detail, true FROM archived_events
), orders AS (
    SELECT id, account_id, key_id, status, engine, fence, created_at, price_usd, held_usd, output, false AS is_archived
    FROM jobs
    UNION ALL
    SELECT id, account_id, key_id, status, engine, fence, created_at, price_usd, 0, NULL, true FROM archived_jobs
), steps AS (
    SELECT id, account_id, job_id, kind, at, status, fence,
        lag(status) OVER story AS before,
        kind IN ('job.claimed', 'job.forwarded', 'job.collecting') AS is_begin,
        max(fence) FILTER (WHERE kind IN ('job.claimed', 'job.forwarded', 'job.collecting')) OVER story AS newest,
        row_number() OVER story AS place
    FROM told WINDOW story AS (PARTITION BY job_id ORDER BY id)
)
"""
"""What every question may ask: events, jobs, and `steps`: each event with what came before it in its job.

A step `is_begin` where somebody took the job up: a worker, the forwarder, or a worker again that fetches its video.
"""


def broken(session: Session, question: str, **given: object) -> list[str]:
    """The first ids that a question finds, as callers know them."""
    asked = text(f"{_WHOLE} SELECT * FROM ({question}) AS found(id) LIMIT {SHOWN_MAX}")  # noqa: S608 - our own texts
    return [row[0].hex for row in session.execute(asked, _plain(given))]


def count(session: Session, question: str) -> int:
    return int(session.execute(text(f"{_WHOLE} {question}")).scalar_one())


def _plain(given: Mapping[str, object]) -> dict[str, object]:
    return {name: [str(one) for one in value] if isinstance(value, list) else value for name, value in given.items()}
