"""Claiming: which job a worker takes up next, and that no two take the same."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import events, health, journal, settings, telemetry
from jobs.database import after_commit, cursor_of, transaction
from jobs.lifecycle import moves
from jobs.lifecycle.holding import Arrival, Claim, places
from jobs.rules.catalog import MODELS
from jobs.rules.states import State
from jobs.tables import Job, UpstreamTry

_MODELS = list(MODELS)


def claim(worker: str, engine: str) -> Claim | None:
    """Take the next due job of `engine`, or None when there is none.

    One statement decides (`jobs/tables/claim_job.py`), by the rules of `jobs/rules/turns.py`: it is the turn of one of
    the accounts that have less under way than they may, and of that account's jobs the first in line. For the cloud a
    worker fetches what has arrived there, then makes media regular; what is regular goes up without a worker.
    """
    if engine == "cloud" and (arrived := _fetch(worker)) is not None:
        return arrived
    full: list[uuid.UUID] = []
    while True:
        try:
            with transaction() as session:
                row = _taken(session, worker, engine, full)
                if row is not None:
                    _check(session, row, worker)
                    _tell(session, row, worker)
        except _EngineIsShut:
            return None
        except _AccountIsFull as error:
            full.append(error.account_id)  # another worker took its last place between our look and our lock
        else:
            return row and _claim_of(row, worker)


class _EngineIsShut(Exception):
    """Nothing new may begin on the engine; for the cloud that is asked where jobs are forwarded."""


class _AccountIsFull(Exception):
    """The account has as many jobs under way as it may."""

    def __init__(self, account_id: uuid.UUID) -> None:
        super().__init__(account_id)
        self.account_id = account_id


def _taken(session: Session, worker: str, engine: str, besides: Sequence[uuid.UUID]) -> Any:  # noqa: ANN401 - the driver makes the class of its rows as they come
    """The next due job, moved to running, with its account's turn; None when there is none.

    Its event is written too, but for an account that may have only so many jobs under way.
    """
    given = (engine, worker, settings.load().lease_seconds, _MODELS, besides)
    return cursor_of(session).execute(_CLAIM, given).fetchone()


_WAITED = """
    SELECT CAST(extract(epoch FROM now() - greatest(created_at, due_at)) AS double precision) AS seconds
    FROM jobs WHERE id = %s
"""
_CLAIM = "SELECT * FROM claim_job(%s, %s, %s, %s, %s::uuid[])"

_TOLD = """
    INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
    VALUES (%s, %s, 'job.claimed', %s, %s, %s, jsonb_build_object('worker', %s::text))
"""


def _check(session: Session, row: Any, worker: str) -> None:  # noqa: ANN401 - as above
    """Ask again, with a lock, what may be asked only one after the other. Raises _AccountIsFull and _EngineIsShut."""
    if row.running_max is not None:
        if places(session, row.account_id, row.running_max) < 0:
            raise _AccountIsFull(row.account_id)
        facts = (row.account_id, row.id, State.RUNNING, row.attempt, row.fence, worker)
        cursor_of(session).execute(_TOLD, facts)
    if row.is_engine_watched and row.engine != "cloud" and not health.admit(session, row.engine, [row.id]):
        raise _EngineIsShut


def _tell(session: Session, row: Any, worker: str) -> None:  # noqa: ANN401 - as above
    facts = {"job": row.id.hex, "model": row.model, "engine": row.engine, "attempt": row.attempt, "worker": worker}
    if row.traceparent is not None:
        facts["traceparent"] = row.traceparent
    if telemetry.is_tracing():
        [waited] = cursor_of(session).execute(_WAITED, (row.id,)).fetchall()
        facts["waited_seconds"] = waited.seconds
    after_commit(session, lambda: events.emit("job.claimed", **facts))


def _fetch(worker: str) -> Claim | None:
    """Take the job whose video has waited longest at the upstream; it has its place among the running already."""
    arrived = (
        select(Job, UpstreamTry)
        .join(UpstreamTry, UpstreamTry.job_id == Job.id)
        .where(UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None))
        .where(Job.status == State.FORWARDED, Job.due_at <= func.now(), Job.model.in_(MODELS))
        .order_by(UpstreamTry.ended_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=Job)
    )
    with transaction() as session:
        found = session.execute(arrived).one_or_none()
        if found is None:
            return None
        job, one = found
        job.fence += 1
        job.worker, job.stage, job.started_at = worker, "collecting", moves.now(session)
        job.lease_until = job.started_at + timedelta(seconds=settings.load().lease_seconds)
        journal.move(session, job, State.RUNNING, "job.collecting", worker=worker)
    arrival = Arrival(one.id, one.output_url or "", bool(one.is_flagged), one.inference_ms)
    return _claim_of(job, worker, arrival)


def _claim_of(job: Any, worker: str, arrival: Arrival | None = None) -> Claim:  # noqa: ANN401 - a row of either kind
    return Claim(
        job_id=job.id,
        account_id=job.account_id,
        fence=job.fence,
        attempt=job.attempt,
        worker=worker,
        engine=job.engine,
        model=MODELS[job.model],
        inputs=job.inputs,
        options=job.options,
        seed=job.seed,
        media=job.media,
        profile=job.profile,
        arrival=arrival,
        traceparent=job.traceparent,
    )
