"""Gives a job to another engine: when it has stumbled over its own, or waits for one that is in trouble."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from jobs import dispatch, doorbell, journal, settings
from jobs.database import after_commit, transaction
from jobs.lifecycle import moves, tries
from jobs.rules import routing
from jobs.rules.appraisal import Trouble
from jobs.rules.routing import Route
from jobs.rules.states import State
from jobs.tables import Event, Job, UpstreamTry

BATCH = 100


def reroute(session: Session, job: Job, error_class: str) -> Route | None:
    """Where a job, locked, goes on after an attempt that ended so; None is to stay. `moves.again` takes it there.

    The row must still say what the attempt was: its engine, its profile, its workers lost. A wish by name is never
    overruled, nor what the account may use, nor knobs, which turn on gpu alone; and a job does not return to an engine
    that it stumbled over.
    """
    if not _is_choice() or not routing.is_of_engine(error_class) or job.attempt >= settings.load().attempts_max:
        return None
    if job.options or job.cancel_requested_at is not None or tries.awaits_collection(session, job):
        return None
    why = routing.why_for_good(job.engine, error_class, profile=job.profile, workers_lost=job.workers_lost)
    route = dispatch.elsewhere(session, job, why)
    return None if route is None or _has_left(session, job, route.engine) else route


def move_waiting() -> int:
    """Give waiting jobs of an engine in trouble, or much too slow, to the other; how many, at most a batch of each."""
    if not _is_choice():
        return 0
    with transaction() as session:
        return _leave_trouble(session, "gpu") + _leave_trouble(session, "cloud") + _overflow(session)


def _is_choice() -> bool:
    """Whether there is more than one engine that could take over from the other."""
    return {"gpu", "cloud"} <= set(settings.load().engines)


def _leave_trouble(session: Session, engine: str) -> int:
    """An engine that is being tried again keeps the job it is tried with; one without workers keeps what can wait."""
    match dispatch.look(session, engine).trouble:
        case Trouble.NONE | Trouble.TRIED | Trouble.BARRED:
            return 0
        case Trouble.DESERTED:
            patience = timedelta(seconds=settings.load().route_wait_seconds)
            return _move(session, _movable(session, engine, BATCH, Job.due_at <= func.now() - patience))
        case _:
            return _move(session, _movable(session, engine, BATCH))


def _overflow(session: Session) -> int:
    """The last in line, as many as GPUs would not begin for far too long."""
    standing = dispatch.current(session).configured()["gpu"]
    excess = min(routing.overflowing(standing, dispatch.policy()), BATCH)
    why = f"{standing.waiting} jobs wait for {standing.slots} places on gpu"
    return _move(session, _movable(session, "gpu", excess), why) if excess else 0


def _movable(session: Session, engine: str, most: int, *conditions: ColumnElement[bool]) -> Sequence[Job]:
    """Due jobs that go where they are sent, the last in line first; nothing of them is at the upstream."""
    upstream = select(UpstreamTry.id).where(
        UpstreamTry.job_id == Job.id,
        UpstreamTry.ended_at.is_(None)
        | (UpstreamTry.outcome == "unproven")
        | ((UpstreamTry.outcome == "completed") & UpstreamTry.collected_at.is_(None)),
    )
    return session.scalars(
        select(Job)
        .where(Job.status == State.WAITING, Job.engine == engine, Job.due_at <= func.now(), *conditions)
        .where(Job.engine_wanted == "auto", Job.options == {}, ~upstream.exists())
        .order_by(Job.in_line_since.desc(), Job.id.desc())
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()


def _move(session: Session, jobs: Sequence[Job], why: str = "") -> int:
    moved = 0
    for job in jobs:
        route = dispatch.elsewhere(session, job, why)
        if route is not None and not _has_left(session, job, route.engine):
            journal.record(session, job, "job.rerouted", **moves.hand_over(session, job, route))
            _ring(session, route.engine)
            moved += 1
    return moved


def _ring(session: Session, engine: str) -> None:
    after_commit(session, lambda: doorbell.ring(engine))


def _has_left(session: Session, job: Job, engine: str) -> bool:
    """Whether the job has stumbled off the engine before; one that was only waiting there may come back."""
    own = select(Event.id).where(Event.job_id == job.id, Event.kind != "job.rerouted")
    with session.no_autoflush:
        return session.scalars(own.where(Event.detail["from_engine"].as_string() == engine)).first() is not None
