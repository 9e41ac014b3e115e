"""What follows when the upstream refuses one of our keys: the key rests, unless others' jobs pass with it."""

import uuid
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import settings, upstream
from jobs.database import transaction
from jobs.errors import JobError
from jobs.lifecycle import ending, moves, tries
from jobs.rules import moments, retries
from jobs.tables import UpstreamTry

_STATUSES = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)
_LATELY = timedelta(minutes=10)
"""Further back nobody looks for a job that passed."""
_JUST_NOW = timedelta(minutes=1)


def key_refused(try_id: uuid.UUID, error: JobError, status: int, pause_seconds: float) -> None:
    """Write down that this try was not taken for its key's sake, and rest the key for so long.

    The key goes on where this job seems to be the trouble: the key may not do it, and another has just passed with it;
    or others have passed since it was refused for this one before, and then the attempt counts, unless there is a key
    that was not refused for it. Where the key rests, such a one may take it at once.
    """
    with transaction() as session:
        job, one = tries.locked(session, try_id)
        if one is None or one.ended_at is not None or one.upstream_id is not None:
            return
        tries.end(session, one, "not_sent", reason=str(error), task_code=status)
        now = moves.now(session)
        refused, passed_at = _refusals(session, one), _passed_at(session, one, now)
        times = [at for key, at in refused if key == one.upstream_key]
        is_just_this = passed_at is not None and (
            (len(times) > 1 and passed_at > times[-2])
            or (status == HTTPStatus.FORBIDDEN and passed_at > now - _JUST_NOW)
        )
        if not is_just_this:
            upstream.close(session, one.upstream_key, pause_seconds, str(error))
        if not tries.is_for(job, one):
            return
        others = {key.name for key in upstream.configured()}.difference(key for key, _ in refused)
        if others and not is_just_this:
            pause_seconds = 0.0
        is_jobs_fault = is_just_this and len(times) > 1 and not others
        record = retries.Record(job.attempt, settings.load().attempts_max)
        verdict = retries.after_refused_key(record, pause_seconds, len(times), is_jobs_fault=is_jobs_fault)
        ending.go_on(session, job, error, verdict)


def _refusals(session: Session, one: UpstreamTry) -> list[tuple[str, datetime]]:
    """The keys that were refused for its job, and when, the latest last."""
    own = select(UpstreamTry.upstream_key, UpstreamTry.ended_at).where(UpstreamTry.job_id == one.job_id)
    refused = own.where(UpstreamTry.outcome == "not_sent", UpstreamTry.task_code.in_(_STATUSES))
    found = session.execute(refused.order_by(UpstreamTry.id)).all()
    return [(key, ended_at) for key, ended_at in found if ended_at is not None]


def _passed_at(session: Session, one: UpstreamTry, now: datetime) -> datetime | None:
    """When another job passed with its key lately, the latest one; None when none did."""
    others = select(UpstreamTry.accepted_at).where(
        UpstreamTry.id > moments.first_id(now - _LATELY),
        UpstreamTry.upstream_key == one.upstream_key,
        UpstreamTry.job_id != one.job_id,
        UpstreamTry.accepted_at.is_not(None),
    )
    return session.scalars(others.order_by(UpstreamTry.id.desc()).limit(1)).one_or_none()
