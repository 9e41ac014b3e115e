"""Answers questions about jobs, within one account; never changes anything."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Uuid, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from jobs import accounts
from jobs.accounts import Caller
from jobs.database import single_statements, transaction
from jobs.errors import CallerError, NotFound
from jobs.rules import moments
from jobs.rules.states import State
from jobs.tables import Event, Job, Json


@dataclass(frozen=True)
class Filter:
    """Which jobs are asked for; what is None does not matter."""

    statuses: Collection[str] | None = None
    model: str | None = None
    engine: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class Reading(NamedTuple):
    """What of a job its result shows, in the order of `_READINGS`."""

    id: uuid.UUID
    model: str
    status: str
    created_at: datetime
    inference_ms: int
    error: str
    error_code: int
    wants_base64: bool
    output: Json | None
    objects_removed_at: datetime | None


# A key that is found gives a row, with nulls if the job is not its account's; a key that is not found gives none.
_READINGS = """
    SELECT asked.place, jobs.id, model, status, jobs.created_at, inference_ms, error, error_code, wants_base64, output,
        objects_removed_at, 'read' = ANY(api_keys.scopes)
    FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' ', '-')::uuid[])
        WITH ORDINALITY AS asked (digest, job_id, place)
    JOIN api_keys ON api_keys.digest = decode(asked.digest, 'hex') AND api_keys.revoked_at IS NULL
    LEFT JOIN jobs ON jobs.id = asked.job_id AND jobs.account_id = api_keys.account_id AND jobs.deleted_at IS NULL
"""


@dataclass
class Glimpse:
    """How one job stands, and its events since whoever asked last looked."""

    status: State
    stage: str
    progress: float
    happened: list[Event] = field(default_factory=list)


def job(caller: Caller, job_id: uuid.UUID | None) -> Job:
    """One job of the caller's. Raises NotFound for everything else: deleted ones, and another account's."""
    query = select(Job).where(Job.id == job_id, Job.account_id == caller.account_id, Job.deleted_at.is_(None))
    with transaction() as session:
        found = session.scalars(query).one_or_none()
    if found is None:
        raise _no_such_job()
    return found


def readings(asked: Sequence[tuple[str, uuid.UUID | None]]) -> list[Reading | CallerError]:
    """For each key and job id, in order: the job if that key may read it, or the error to tell; one statement for all.

    The keys are looked up in the same statement: one revoked a moment ago opens nothing.
    """
    # One text each: the driver takes its time over every element of an array.
    digests = " ".join(accounts.digest(key).hex() for key, _ in asked)
    job_ids = " ".join(job_id.hex if job_id else "-" for _, job_id in asked)
    found: list[Reading | CallerError] = [accounts.unknown() for _ in asked]
    with single_statements() as cursor:
        rows = cursor.execute(_READINGS, (digests, job_ids)).fetchall()
    for place, job_id, *columns, may_read in rows:
        found[place - 1] = _told(job_id, columns) if may_read else accounts.lacking("read")
    return found


def jobs(
    caller: Caller, wanted: Filter, *, older_than: uuid.UUID | None = None, skip: int = 0, limit: int = 50
) -> list[Job]:
    """The caller's jobs, newest first, at most `limit`.

    `older_than` is the last id of the page before; `skip` leaves so many out instead, and costs as many rows.
    """
    conditions = [Job.account_id == caller.account_id, Job.deleted_at.is_(None), *_conditions(wanted)]
    if older_than is not None:
        conditions.append(Job.id < older_than)
    query = select(Job).where(*conditions).order_by(Job.id.desc()).offset(skip).limit(limit)
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


def _told(job_id: uuid.UUID | None, columns: Sequence[Any]) -> Reading | CallerError:
    return _no_such_job() if job_id is None else Reading(job_id, *columns)


def _no_such_job() -> NotFound:
    return NotFound("There is no such job.")


def _conditions(wanted: Filter) -> Iterator[ColumnElement[bool]]:
    """A range of ids says nothing new beside the time: it is what the index that is walked knows."""
    if wanted.statuses is not None:
        yield Job.status.in_(wanted.statuses)
    if wanted.model is not None:
        yield Job.model == wanted.model
    if wanted.engine is not None:
        yield Job.engine == wanted.engine
    if wanted.tag is not None:
        yield Job.is_tagged(wanted.tag)
    if wanted.created_after is not None:
        yield Job.created_at >= wanted.created_after
        yield Job.id >= moments.earliest_id(wanted.created_after)
    if wanted.created_before is not None:
        yield Job.created_at < wanted.created_before
        yield Job.id <= moments.latest_id(wanted.created_before)
