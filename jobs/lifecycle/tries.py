"""A try at the upstream beside its job: locked in one order, ended once, and counted in what the job costs us."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeGuard

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from jobs.rules.states import State
from jobs.tables import Job, UpstreamTry

NOTHING = Decimal(0)

_COUNT = text("""
    WITH told AS (
        SELECT one.id, one.job_id, said.cost_usd - one.cost_usd AS more_usd, said.cost_usd
        FROM unnest(CAST(:tries AS uuid[]), CAST(:costs AS numeric[])) AS said (id, cost_usd)
        JOIN upstream_tries AS one USING (id) WHERE one.cost_usd <> said.cost_usd
    ), counted AS (
        UPDATE upstream_tries AS one SET cost_usd = told.cost_usd FROM told WHERE one.id = told.id
    ), hot AS (
        UPDATE jobs SET cost_usd = jobs.cost_usd + told.more_usd FROM told WHERE jobs.id = told.job_id
    )
    UPDATE archived_jobs SET cost_usd = archived_jobs.cost_usd + told.more_usd FROM told
    WHERE archived_jobs.id = told.job_id
""")


def locked(session: Session, try_id: uuid.UUID) -> tuple[Job | None, UpstreamTry | None]:
    """The try and its job, both locked: the job first, as everybody does. None for what is gone."""
    job_id = session.scalars(select(UpstreamTry.job_id).where(UpstreamTry.id == try_id)).one_or_none()
    job = session.scalars(select(Job).where(Job.id == job_id).with_for_update()).one_or_none()
    one = session.scalars(select(UpstreamTry).where(UpstreamTry.id == try_id).with_for_update()).one_or_none()
    return job, one


def lock(session: Session, try_ids: Collection[uuid.UUID]) -> None:
    """Lock these tries in the order in which everybody does who locks several, so that no two wait for each other."""
    own = select(UpstreamTry.id).where(UpstreamTry.id.in_(try_ids))
    session.execute(own.order_by(UpstreamTry.id).with_for_update())


def lock_jobs(session: Session, try_ids: Collection[uuid.UUID]) -> None:
    """Lock the jobs of these tries, before the tries themselves, in the order in which everybody locks jobs."""
    job_ids = select(UpstreamTry.job_id).where(UpstreamTry.id.in_(try_ids))
    session.execute(select(Job.id).where(Job.id.in_(job_ids)).order_by(Job.account_id, Job.id).with_for_update())


def is_for(job: Job | None, one: UpstreamTry) -> TypeGuard[Job]:
    """Whether the job still waits for this very try; if not, whatever comes of it is late."""
    return job is not None and job.status == State.FORWARDED and job.fence == one.fence


def end(session: Session, one: UpstreamTry, outcome: str, *, reason: str = "", task_code: int = 0) -> None:
    """End the try: its place at the upstream is free. What came to nothing there is free; the bill may know better."""
    one.reason, one.task_code = reason.replace("\x00", ""), task_code
    end_all(session, [one], outcome)


def end_all(session: Session, some: Sequence[UpstreamTry], outcome: str) -> None:
    """End several alike."""
    moment = _now(session)
    for one in some:
        one.outcome, one.ended_at, one.held_until, one.doubted_at = outcome, moment, None, None
    session.flush()
    is_paid = outcome in {"completed", "unproven"}
    count(session, {one.id: one.expected_usd if is_paid else NOTHING for one in some})


def count(session: Session, costs_usd: Mapping[uuid.UUID, Decimal]) -> None:
    """Have each try count for so much in its job's cost, wherever the job lies by now."""
    if costs_usd:
        session.execute(_COUNT, {"tries": list(costs_usd), "costs": list(costs_usd.values())})


def collected(session: Session, *try_ids: uuid.UUID) -> None:
    """Their videos are ours, or nobody wants them any more."""
    some = update(UpstreamTry).where(UpstreamTry.id.in_(try_ids)).execution_options(synchronize_session=False)
    session.execute(some.values(collected_at=func.clock_timestamp()))


def stop(session: Session, job_id: uuid.UUID) -> None:
    """The job has ended: what runs there is to stop, and what came is not fetched."""
    unneeded = update(UpstreamTry).where(UpstreamTry.job_id == job_id).execution_options(synchronize_session=False)
    session.execute(unneeded.where(UpstreamTry.ended_at.is_(None)).values(stop_wanted_at=func.clock_timestamp()))
    session.execute(
        unneeded.where(UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None)).values(
            collected_at=func.clock_timestamp()
        )
    )


def awaits_collection(session: Session, job: Job) -> bool:
    """Whether the upstream has a video for the job that is not ours yet."""
    if job.engine != "cloud":
        return False
    waiting = select(UpstreamTry.id).where(
        UpstreamTry.job_id == job.id, UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None)
    )
    with session.no_autoflush:
        return session.scalars(waiting).first() is not None


def is_there(session: Session, job: Job) -> bool:
    """Whether the upstream is known to have the job, or a video for it that is not ours yet."""
    if job.engine != "cloud":
        return False
    running = select(UpstreamTry.id).where(
        UpstreamTry.job_id == job.id, UpstreamTry.ended_at.is_(None), UpstreamTry.upstream_id.is_not(None)
    )
    with session.no_autoflush:
        return session.scalars(running).first() is not None or awaits_collection(session, job)


def _now(session: Session) -> datetime:
    with session.no_autoflush:
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment
