"""The few ways a job's row changes state, inside the caller's transaction; the row is locked by then."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import doorbell, journal, ledger
from jobs.database import after_commit
from jobs.errors import DeadlinePassed, JobError
from jobs.rules.retries import Again
from jobs.rules.states import State
from jobs.tables import Job


def end(session: Session, job: Job, state: State, kind: str, **detail: object) -> None:
    """Move a job to a final state: it holds no lease any more, and no money; only a completed one is charged."""
    ledger.settle(session, job, is_charged=state is State.COMPLETED)
    job.lease_until, job.stage, job.finished_at = None, "", now(session)
    journal.move(session, job, state, kind, **detail)


def fail(session: Session, job: Job, error: JobError, why: str = "") -> None:
    """End a job with the sentence its caller will read; `why` says what was tried before giving up."""
    sentence = (f"{error} ({why})" if why else str(error)).replace("\x00", "")  # Postgres takes no NUL in a text
    job.error, job.error_code, job.error_class = sentence, error.code, error.error_class
    end(session, job, State.FAILED, "job.failed", error=sentence, error_class=error.error_class, code=error.code)


def again(session: Session, job: Job, verdict: Again, kind: str, **detail: object) -> None:
    """Put a job back among the waiting, and ring if it may go on at once; one whose cancel was asked for ends here."""
    if job.cancel_requested_at is not None:
        return end(session, job, State.CANCELLED, "job.cancelled", **detail)
    job.attempt -= 0 if verdict.counts else 1
    job.profile += 1 if verdict.smaller else 0
    job.lease_until, job.due_at = None, now(session) + timedelta(seconds=verdict.pause_seconds)
    job.stage, job.progress = "", 0.0
    journal.move(session, job, State.WAITING, kind, pause_seconds=round(verdict.pause_seconds, 1), **detail)
    if verdict.pause_seconds == 0:
        after_commit(session, lambda: doorbell.ring(job.engine))
    return None


def passed_deadline(session: Session, job: Job) -> DeadlinePassed | None:
    """The deadline that `job` has passed, the total one first; None when it is in time."""
    moment = now(session)
    if job.finish_until <= moment:
        return DeadlinePassed(f"the total deadline passed: it was to be finished by {_said(job.finish_until)}")
    if job.fence == 0 and job.wait_until <= moment:
        return DeadlinePassed(f"the waiting deadline passed: it was to begin by {_said(job.wait_until)}")
    began_at = job.started_at if job.lease_until is not None else None
    if began_at is not None and began_at + timedelta(seconds=job.run_seconds) <= moment:
        return DeadlinePassed(f"the run deadline passed: one attempt may take {job.run_seconds} seconds")
    return None


def now(session: Session) -> datetime:
    """The moment by Postgres' clock: the one clock that all machines share."""
    with session.no_autoflush:  # a row that is half changed must not be written for the sake of the time
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
