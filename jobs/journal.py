"""Writes down what happens to a job: the move and its event, inside the caller's transaction."""

from sqlalchemy.orm import Session

from jobs import events, outbox
from jobs.database import after_commit
from jobs.rules import states
from jobs.rules.states import State
from jobs.tables import Event, Job


def move(session: Session, job: Job, to: State, kind: str, **detail: object) -> None:
    """Change `job`'s state if the table of moves allows it, and record `kind`. No status is assigned elsewhere."""
    states.check(State(job.status), to)
    job.status = to
    record(session, job, kind, **detail)


def record(session: Session, job: Job, kind: str, **detail: object) -> None:
    """Append an event about `job`, owe it to its webhooks, and tell the listeners once it is committed."""
    detail = {name: _without_nul(fact) for name, fact in detail.items()}
    session.add(
        Event(
            account_id=job.account_id,
            job_id=job.id,
            kind=kind,
            status=job.status,
            attempt=job.attempt,
            fence=job.fence,
            detail=detail,
        )
    )
    outbox.owe(session, job, kind)
    facts = {"job": job.id.hex, "model": job.model, "engine": job.engine, "attempt": job.attempt, **detail}
    if job.traceparent is not None:
        facts["traceparent"] = job.traceparent
    after_commit(session, lambda: events.emit(kind, **facts))


def _without_nul(fact: object) -> object:
    """Postgres takes no NUL in a text, and the words of an error may quote anything."""
    return fact.replace("\x00", "") if isinstance(fact, str) else fact
