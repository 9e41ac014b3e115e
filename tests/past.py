"""Moves what is in the database into the past, so that what takes days is due now; tells what the archive holds."""

import uuid
from typing import Any

from sqlalchemy import text

from jobs import lifecycle, retention
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.tables import Job
from tests import factories


def execute(statement: str, **given: object) -> list[Any]:
    """Run one statement as it stands; the rows it gives, if it does."""
    with transaction() as session:
        found = session.connection().execute(text(statement), given)
        return list(found) if found.returns_rows else []


def completed(caller: Caller, **wishes: object) -> Job:
    """A job with a video that is not in any bucket."""
    job = factories.submit(caller, **wishes)  # type: ignore[arg-type]  # as the factory takes them
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim), inference_ms=1234)
    return job


def age(days: float) -> None:
    """Every finished job was finished so much earlier."""
    execute("UPDATE jobs SET finished_at = finished_at - make_interval(secs => :seconds)", seconds=days * 86_400)


def let_go() -> list[uuid.UUID]:
    """Let go of what is due, long enough ago for it to leave; what may leave now as a whole."""
    retention.let_go()
    execute("UPDATE jobs SET objects_removed_at = objects_removed_at - interval '1 day'")
    return [one.job.id for batch in retention.leaving() for one in batch if not one.lent]


def archived() -> dict[uuid.UUID, str]:
    """The archived jobs and the partition that each lies in."""
    return {row.id: row.part for row in execute("SELECT id, tableoid::regclass::text AS part FROM archived_jobs")}
