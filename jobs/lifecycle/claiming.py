"""Claiming: which job a worker takes up next, and that no two take the same."""

import uuid
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session

from jobs import health, journal, settings
from jobs.database import transaction
from jobs.lifecycle import moves
from jobs.lifecycle.holding import UNDER_WAY, Arrival, Claim, has_place
from jobs.rules.catalog import MODELS
from jobs.rules.states import State
from jobs.tables import Account, Job, UpstreamTry


def claim(worker: str, engine: str) -> Claim | None:
    """Take the next due job of `engine`, or None when there is none.

    One statement decides: highest priority first, then oldest; rows that others are just taking are skipped, and so
    are accounts that have as many jobs under way as they may. For the cloud a worker fetches what has arrived there,
    then makes media regular; what is regular goes up without a worker.
    """
    if engine == "cloud" and (arrived := _fetch(worker)) is not None:
        return arrived
    full: set[uuid.UUID] = set()
    while True:
        try:
            with transaction() as session:
                job = _taken(session, worker, engine, full)
                if job is None:
                    return None
                _begin(session, job, worker)
        except _EngineIsShut:
            return None
        except _AccountIsFull as error:
            full.add(error.account_id)  # another worker took its last place between our look and our lock
        else:
            return _claim_of(job, worker)


def claimable(engine: str) -> list[ColumnElement[bool]]:
    """What is true of a job that may begin now; a missed deadline, or a model only newer code knows, is not for us."""
    is_in_time = (Job.finish_until > func.now(), (Job.fence > 0) | (Job.wait_until > func.now()))
    is_due = (Job.status == State.WAITING, Job.engine == engine, Job.due_at <= func.now(), *is_in_time)
    return [*is_due, Job.model.in_(MODELS), Job.account_id.not_in(_full())]


class _EngineIsShut(Exception):
    """Nothing new may begin on the engine; for the cloud that is asked where jobs are forwarded."""


class _AccountIsFull(Exception):
    """The account has as many jobs under way as it may."""

    def __init__(self, account_id: uuid.UUID) -> None:
        super().__init__(account_id)
        self.account_id = account_id


def _full() -> Select[uuid.UUID]:
    """The accounts that have as many jobs under way as they may."""
    under_way = select(func.count()).where(Job.account_id == Account.id, Job.status.in_(UNDER_WAY)).scalar_subquery()
    return select(Account.id).where(Account.running_max.is_not(None), Account.running_max <= under_way)


def _taken(session: Session, worker: str, engine: str, besides: Collection[uuid.UUID]) -> Job | None:
    """The next due job, its row locked."""
    due = (
        select(Job.id)
        .where(*claimable(engine), Job.account_id.not_in(besides))
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if engine == "cloud":
        due = due.where(Job.media.is_(None))
    taken = update(Job).where(Job.id == due.scalar_subquery()).values(worker=worker).returning(Job)
    return session.scalars(taken).one_or_none()


def _begin(session: Session, job: Job, worker: str) -> None:
    """Move the job to running. Raises _AccountIsFull and _EngineIsShut."""
    now, most = session.execute(select(func.now(), Account.running_max).where(Account.id == job.account_id)).one()
    if most is not None and not has_place(session, job.account_id, most):
        raise _AccountIsFull(job.account_id)
    job.attempt += 1
    job.fence += 1
    job.started_at, job.lease_until = now, now + timedelta(seconds=settings.load().lease_seconds)
    job.stage, job.progress = "preparing", 0.0
    journal.move(session, job, State.RUNNING, "job.claimed", worker=worker)
    if job.engine != "cloud" and not health.admit(session, job.engine, [job.id]):
        raise _EngineIsShut


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


def _claim_of(job: Job, worker: str, arrival: Arrival | None = None) -> Claim:
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
    )
