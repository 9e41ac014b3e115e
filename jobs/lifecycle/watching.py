"""What happens to jobs whose holder cannot act: fallen silent, past a deadline, or never claimed."""

import random
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from jobs import health, ledger, settings
from jobs.database import be_brief, transaction
from jobs.errors import WorkerLost
from jobs.lifecycle import moves, rerouting, tries
from jobs.rules import retries
from jobs.rules.retries import Again, GiveUp
from jobs.rules.states import State
from jobs.tables import Job, UpstreamTry, Worker

BATCH = 25
"""Few, for the tallies of their accounts are locked as long as it takes: nobody orders for those meanwhile."""
_WORTH_KNOWING = 100
_IS_SILENT = (Job.status == State.RUNNING, Job.lease_until < func.now())


def rescue() -> int:
    """Take back jobs whose lease has run out, a batch at a time; how many there were.

    One whose cancel was asked for is cancelled now, one past its deadline fails, the others are tried again or set
    aside as the rules say. Safe when many do it at once: rows that others work on are skipped.
    """
    with transaction() as session:
        be_brief(session)
        silent = session.scalars(
            select(Job).where(*_IS_SILENT, Job.worker.in_(_silent_workers(session))).with_for_update(skip_locked=True)
        ).all()
        alone = _alone(session, silent)
        held = [(job, job.engine) for job in sorted(silent, key=_in_order)]
        lost = [(engine, job.id) for job, engine in held if _rescue(session, job, was_alone=job.id in alone)]
        for engine, job_id in lost:
            health.record_failure(session, engine, job_id, WorkerLost.error_class)
    return len(silent)


def expire() -> int:
    """Fail jobs that nobody holds and that have passed a deadline, a batch at a time; how many there were."""
    arrived = (UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None))
    has_arrived = select(UpstreamTry.id).where(UpstreamTry.job_id == Job.id, *arrived).exists()
    longest_seconds = func.least(Job.run_seconds, moves.AT_UPSTREAM_MAX_SECONDS)
    return _expire(
        Job.status == State.WAITING,
        ((Job.fence == 0) & (Job.wait_until < func.now())) | (Job.finish_until < func.now()),
    ) + _expire(
        Job.status == State.FORWARDED,
        (Job.finish_until < func.now())
        | (Job.started_at + func.make_interval(0, 0, 0, 0, 0, 0, longest_seconds) < func.now()) & ~has_arrived,
    )


def settle() -> int:
    """Let go of money that final jobs still hold, a batch at a time; how many there were.

    A version of ours that knew no money ended them, while both stood side by side.
    """
    with transaction() as session:
        be_brief(session)
        unsettled = session.scalars(
            select(Job)
            .where(Job.held_usd > 0, Job.finished_at.is_not(None))
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        for job in sorted(unsettled, key=_in_order):
            ledger.settle(session, job, is_charged=job.status == State.COMPLETED)
    return len(unsettled)


def due(engine: str) -> int:
    """How many jobs a worker of `engine` could begin or fetch now; counted no further than is worth knowing."""
    for_a_while = Job.due_at <= func.now() - timedelta(seconds=1)  # the first ring gets its chance
    waiting = select(Job.id).where(Job.status == State.WAITING, Job.engine == engine, for_a_while)
    if engine != "cloud":
        return _count(waiting)
    arrived = (
        select(Job.id)
        .join(UpstreamTry, UpstreamTry.job_id == Job.id)
        .where(UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None))
        .where(Job.status == State.FORWARDED, for_a_while)
    )
    return _count(waiting.where(Job.media.is_(None))) + _count(arrived)


def _count(jobs: Select[uuid.UUID]) -> int:
    with transaction() as session:
        return session.execute(select(func.count()).select_from(jobs.limit(_WORTH_KNOWING).subquery())).scalar_one()


def _expire(*is_overdue: ColumnElement[bool]) -> int:
    with transaction() as session:
        be_brief(session)
        overdue = session.scalars(select(Job).where(*is_overdue).limit(BATCH).with_for_update(skip_locked=True)).all()
        for job in sorted(overdue, key=_in_order):
            if (deadline := moves.passed_deadline(session, job)) is not None:
                moves.fail(session, job, deadline)
    return len(overdue)


def _in_order(job: Job) -> tuple[uuid.UUID, uuid.UUID]:
    """Accounts in the order in which everybody locks their tallies."""
    return job.account_id, job.id


def _silent_workers(session: Session) -> list[str | None]:
    """Whose jobs to take back now: all of each, but of few, so that no job of many is left over as the only one."""
    held = select(Job.worker, func.count()).where(*_IS_SILENT, ~_going_silent().exists())
    found: list[str | None] = []
    count = 0
    for worker, jobs in session.execute(held.group_by(Job.worker).order_by(Job.worker).limit(BATCH)):
        if found and count + jobs > BATCH:
            break
        found.append(worker)
        count += jobs
    return found


def _others() -> tuple[type[Job], Select[uuid.UUID]]:
    """What else the holder of `Job` holds, to be narrowed down."""
    other = aliased(Job)
    return other, select(other.id).where(other.status == State.RUNNING, other.worker == Job.worker, other.id != Job.id)


def _going_silent() -> Select[uuid.UUID]:
    """Others of the holder that nobody renews any more: they are waited for, so that all are taken back together."""
    chosen = settings.load()
    other, others = _others()
    renewed = func.now() + timedelta(seconds=chosen.lease_seconds - 3 * chosen.renew_seconds)
    return others.where(other.lease_until >= func.now(), other.lease_until < renewed)


def _alone(session: Session, silent: Sequence[Job]) -> set[uuid.UUID]:
    """Which of them were all that their holder held."""
    _, others = _others()
    return set(session.scalars(select(Job.id).where(Job.id.in_([job.id for job in silent]), ~others.exists())))


def _rescue(session: Session, job: Job, *, was_alone: bool) -> bool:
    """Take the job back; whether its worker is lost. Who was not alone there may not be who took it down."""
    is_alive = _is_holder_alive(session, job)
    job.workers_lost += 1 if was_alone and not is_alive else 0
    _go_on(session, job, is_alive=is_alive, was_alone=was_alone)
    return not is_alive


def _go_on(session: Session, job: Job, *, is_alive: bool, was_alone: bool) -> None:
    lost: dict[str, Any] = {"worker": job.worker, "workers_lost": job.workers_lost}
    if job.cancel_requested_at is not None:
        return moves.end(session, job, State.CANCELLED, "job.cancelled", **lost)
    if (deadline := moves.passed_deadline(session, job)) is not None:
        return moves.fail(session, job, deadline)
    # A video that is paid for is fetched until a deadline, whomever it took down.
    if is_alive or tries.awaits_collection(session, job):
        return moves.again(session, job, Again(0.0, counts=False), "job.rescued", **lost)
    record = retries.Record(job.attempt, settings.load().attempts_max, profile=job.profile)
    chance = random.random()  # noqa: S311 - jitter
    verdict = retries.after_lost_worker(job.workers_lost, record, was_alone=was_alone, chance=chance)
    route = rerouting.reroute(session, job, WorkerLost.error_class)
    if route is not None:
        verdict = retries.elsewhere(verdict)
    if isinstance(verdict, GiveUp):
        return moves.fail(session, job, WorkerLost("its worker fell silent"), verdict.why)
    return moves.again(session, job, verdict, "job.rescued", route=route, **lost)


def _is_holder_alive(session: Session, job: Job) -> bool:
    """Whether it was the database and not the holder that was away while the lease ran out.

    The holder's heart has beaten since then, or Postgres was started anew while the lease was running.
    """
    held_since = Job.lease_until - timedelta(seconds=settings.load().lease_seconds)
    has_beaten = select(Worker.name).where(Worker.name == Job.worker, Worker.seen_at > Job.lease_until).exists()
    with session.no_autoflush:
        return session.execute(
            select(has_beaten | (func.pg_postmaster_start_time() > held_since)).where(Job.id == job.id)
        ).scalar_one()
