"""Answers questions about jobs, within one account; never changes anything."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Uuid, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.rules.states import State
from jobs.tables import Event, Job


@dataclass(frozen=True)
class Filter:
    """Which jobs are asked for; what is None does not matter."""

    statuses: Collection[str] | None = None
    model: str | None = None
    engine: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass
class Glimpse:
    """How one job stands, and its events since whoever asked last looked."""

    status: State
    stage: str
    progress: float
    happened: list[Event] = field(default_factory=list)


def job(caller: Caller, job_id: uuid.UUID | None) -> Job:
    """One job of the caller's. Raises NotFound for everything else, another account's jobs included."""
    with transaction() as session:
        found = session.scalars(select(Job).where(Job.id == job_id, Job.account_id == caller.account_id)).one_or_none()
    if found is None:
        raise NotFound("There is no such job.")
    return found


def jobs(caller: Caller, wanted: Filter, *, older_than: uuid.UUID | None = None, limit: int = 50) -> list[Job]:
    """The caller's jobs, newest first, at most `limit`; `older_than` is the last id of the page before."""
    conditions = [Job.account_id == caller.account_id, *_conditions(wanted)]
    if older_than is not None:
        conditions.append(Job.id < older_than)
    query = select(Job).where(*conditions).order_by(Job.id.desc()).limit(limit)
    with transaction() as session:
        return list(session.scalars(query))


def timeline(job: Job) -> list[Event]:
    """Everything that happened to a job, in order."""
    with transaction() as session:
        return list(session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.id)))


def glimpses(seen: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, Glimpse]:
    """How each of these jobs stands, with its events after the id given, in order; one statement for all of them.

    Whose jobs they are is not asked again. Every job has its own last id, because only of one job do the ids grow in
    the order of the commits: its row is locked while an event is added.
    """
    ids, last = cast(list(seen), ARRAY(Uuid)), cast(list(seen.values()), ARRAY(BigInteger))
    asked = func.unnest(ids, last).table_valued(column("job_id", Uuid), column("last", BigInteger)).render_derived()
    query = (
        select(Job.id, Job.status, Job.stage, Job.progress, Event)
        .join(asked, Job.id == asked.c.job_id)
        .outerjoin(Event, (Event.job_id == Job.id) & (Event.id > asked.c.last))
        .order_by(Event.id)
    )
    found: dict[uuid.UUID, Glimpse] = {}
    with transaction() as session:
        for job_id, status, stage, progress, event in session.execute(query):
            glimpse = found.setdefault(job_id, Glimpse(State(status), stage, progress))
            glimpse.happened += filter(None, [event])  # the outer join has none where nothing happened
    return found


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    if wanted.statuses is not None:
        yield Job.status.in_(wanted.statuses)
    if wanted.model is not None:
        yield Job.model == wanted.model
    if wanted.engine is not None:
        yield Job.engine == wanted.engine
    if wanted.tag is not None:
        yield Job.tags.contains([wanted.tag])
    if wanted.created_after is not None:
        yield Job.created_at >= wanted.created_after
    if wanted.created_before is not None:
        yield Job.created_at < wanted.created_before
