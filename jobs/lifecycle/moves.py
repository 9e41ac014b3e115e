"""The few ways a job's row changes state, inside the caller's transaction; the row is locked by then."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import doorbell, failures, journal, ledger, settings, turns
from jobs.database import after_commit
from jobs.errors import DeadlinePassed, JobError
from jobs.lifecycle import tries
from jobs.lifecycle.holding import UNDER_WAY
from jobs.rules import costs
from jobs.rules.retries import Again
from jobs.rules.routing import Route
from jobs.rules.states import State
from jobs.tables import Account, Job

AT_UPSTREAM_MAX_SECONDS = 6 * 3600
"""What it has not rendered by then it has forgotten; on a GPU of ours a rendering may take days."""


def end(session: Session, job: Job, state: State, kind: str, **detail: object) -> None:
    """Move a job to a final state: it holds no lease any more, no money, and nothing at the upstream."""
    _count_cost(session, job)
    ledger.settle(session, job, is_charged=state is State.COMPLETED or _pays_anyway(session, job, state))
    if job.engine == "cloud":
        tries.stop(session, job.id)
    job.lease_until, job.stage, job.finished_at = None, "", now(session)
    journal.move(session, job, state, kind, **detail)


def fail(session: Session, job: Job, error: JobError, why: str = "") -> None:
    """End a job with the sentence its caller will read; `why` says what was tried before giving up."""
    sentence = (f"{error} ({why})" if why else str(error)).replace("\x00", "")  # Postgres takes no NUL in a text
    job.error, job.error_code, job.error_class = sentence, error.code, error.error_class
    failures.note(session, job, str(error), error.error_class)
    end(session, job, State.FAILED, "job.failed", error=sentence, error_class=error.error_class, code=error.code)


def again(
    session: Session,
    job: Job,
    verdict: Again,
    kind: str,
    *,
    route: Route | None = None,
    is_rung: bool = True,
    **detail: object,
) -> None:
    """Put a job back where it came from, and ring if it may go on at once; one whose cancel was asked for ends here.

    That is among the waiting, of another engine if there is a `route`, or at the upstream where its video still is.
    """
    if job.cancel_requested_at is not None:
        return end(session, job, State.CANCELLED, "job.cancelled", **detail)
    _count_cost(session, job)
    is_there = tries.awaits_collection(session, job)
    job.attempt -= 0 if verdict.counts or is_there else 1
    job.profile += 1 if verdict.smaller else 0
    detail |= hand_over(session, job, route) if route else {}
    job.lease_until, job.due_at = None, now(session) + timedelta(seconds=verdict.pause_seconds)
    job.stage, job.progress = "", 0.0
    origin = State.FORWARDED if is_there else State.WAITING
    journal.move(session, job, origin, kind, pause_seconds=round(verdict.pause_seconds, 1), **detail)
    if is_rung and verdict.pause_seconds == 0:
        after_commit(session, lambda: doorbell.ring(job.engine))
    return None


def hand_over(session: Session, job: Job, route: Route) -> dict[str, object]:
    """Give a job to another engine, where it starts with a clean slate; what its timeline says of that."""
    told: dict[str, object] = {"from_engine": job.engine, "to_engine": route.engine, "why": route.reason}
    job.engine, job.engine_reason = route.engine, route.reason
    job.profile = job.workers_lost = 0
    turns.enter(session, job)
    return told


def passed_deadline(session: Session, job: Job) -> DeadlinePassed | None:
    """The deadline that `job` has passed, the total one first; None when it is in time."""
    moment = now(session)
    if job.finish_until <= moment:
        return DeadlinePassed(f"the total deadline passed: it was to be finished by {_said(job.finish_until)}")
    if job.fence == 0 and job.wait_until <= moment:
        return DeadlinePassed(f"the waiting deadline passed: it was to begin by {_said(job.wait_until)}")
    began_at = job.started_at if job.status in UNDER_WAY else None
    is_forwarded = job.status == State.FORWARDED
    longest_seconds = min(job.run_seconds, AT_UPSTREAM_MAX_SECONDS) if is_forwarded else job.run_seconds
    is_there = is_forwarded and tries.awaits_collection(session, job)
    if began_at is not None and began_at + timedelta(seconds=longest_seconds) <= moment and not is_there:
        return DeadlinePassed(f"the run deadline passed: one attempt may take {longest_seconds} seconds")
    return None


def now(session: Session) -> datetime:
    """The moment by Postgres' clock: the one clock that all machines share."""
    with session.no_autoflush:  # a row that is half changed must not be written for the sake of the time
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def _pays_anyway(session: Session, job: Job, state: State) -> bool:
    """Whether the job costs its price though it was cancelled: by then it was at the upstream, which is paid.

    What is only about to be sent, or may not have been taken, is free.
    """
    if state is not State.CANCELLED or not tries.is_there(session, job):
        return False
    with session.no_autoflush:
        return session.scalars(select(Account.pays_cancelled).where(Account.id == job.account_id)).one()


def _count_cost(session: Session, job: Job) -> None:
    """Count what the attempt that ends now has cost us; of the upstream's tries each counts for itself."""
    if job.status != State.RUNNING or job.started_at is None:
        return
    seconds = (now(session) - job.started_at).total_seconds()
    if cost_usd := costs.attempt_usd(job.engine, seconds, settings.load().gpu_usd_per_hour):
        job.cost_usd = Job.cost_usd + cost_usd


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
