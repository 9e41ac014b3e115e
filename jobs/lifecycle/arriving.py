"""News of what is at the upstream: how a try ended, that it was found or is not there, and what nobody can tell."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from jobs import doorbell, events, journal
from jobs.database import after_commit, transaction
from jobs.errors import EngineError, JobError, PossiblyCharged, WorkerUnfit
from jobs.lifecycle import ending, forwarding, moves, tries
from jobs.tables import Account, Job, UpstreamPace, UpstreamTry

_NOT_THERE = "WaveSpeed did not take the job"
_FELL_SILENT = "our forwarder fell silent before WaveSpeed had the job"
_UNPROVEN = (
    "WaveSpeed may have taken the job and charged it, and does not say; it is not sent again. Run it again if it may "
    "be paid twice, or let the account resend such jobs"
)


@dataclass(frozen=True)
class Video:
    """A finished video where the upstream keeps it."""

    url: str
    is_flagged: bool
    inference_ms: int


@dataclass(frozen=True)
class Signer:
    """An upstream key, and the secret its webhooks are signed with; none while we have not been told."""

    upstream_key: str
    secret: str = field(repr=False)


def completed(try_id: uuid.UUID, video: Video) -> None:
    """The upstream has the video: a worker is to fetch it, if its job still wants it."""
    with transaction() as session:
        job, one = tries.locked(session, try_id)
        if one is None or one.ended_at is not None:
            return
        one.output_url, one.is_flagged, one.inference_ms = video.url, video.is_flagged, video.inference_ms
        tries.end(session, one, "completed")
        if not tries.is_for(job, one):
            tries.collected(session, one.id)  # late: paid for, and nobody wants it any more
            return
        job.stage, job.due_at = "arrived", moves.now(session)
        seconds = _seconds_there(one)
        journal.record(session, job, "job.arrived", inference_ms=video.inference_ms, stages={"upstream": seconds})
        after_commit(session, _told_of_the_end(job, seconds, "completed"))
        after_commit(session, lambda: doorbell.ring("cloud"))


def failed(try_id: uuid.UUID, error: JobError) -> None:
    """The upstream failed at it: its job goes on as the rules say."""
    with transaction() as session:
        job, one = tries.locked(session, try_id)
        if one is not None and one.ended_at is None:
            tries.end(session, one, "failed", reason=str(error), task_code=error.code)
            if tries.is_for(job, one):
                after_commit(session, _told_of_the_end(job, _seconds_there(one), "failed"))
                ending.go_on(session, job, error)


def not_there(try_id: uuid.UUID, doubted_since: datetime) -> None:
    """It was looked for for long enough, and the upstream does not have it: its job may be sent again.

    `doubted_since` is what was known when it was looked for: if anybody has had it in hand since then, nothing is said.
    """
    with transaction() as session:
        job, one = _still_doubted(session, try_id, doubted_since)
        if one is not None:
            error = _not_taken() if one.doubted_at is not None else WorkerUnfit(_FELL_SILENT)
            tries.end(session, one, "not_found" if one.marker else "not_sent", reason=str(error))
            if tries.is_for(job, one):
                ending.go_on(session, job, error)


def unproven(try_id: uuid.UUID, doubted_since: datetime) -> None:
    """The upstream does not let itself be asked about it: it may be paid for, and is repeated only with permission."""
    with transaction() as session:
        job, one = _still_doubted(session, try_id, doubted_since)
        if one is None:
            return
        tries.end(session, one, "unproven", reason=_UNPROVEN)
        if not tries.is_for(job, one):
            return
        may_resend = select(Account.resends_unproven).where(Account.id == job.account_id)
        if session.scalars(may_resend).one():
            ending.go_on(session, job, _not_taken())
        else:
            moves.fail(session, job, PossiblyCharged(_UNPROVEN, permanent=True))


def told(try_id: uuid.UUID, upstream_id: str) -> bool:
    """The upstream's webhook says that this try ended: it is asked about at once; whether there is such a try.

    A try whose submit was never answered is known to be there from now on, and so is one that was given up as unproven:
    the bill will say what it cost.
    """
    forwarding.accepted({try_id: upstream_id})
    forwarding.proven(try_id, upstream_id)
    with transaction() as session:
        found = session.scalars(
            update(UpstreamTry)
            .where(UpstreamTry.id == try_id, UpstreamTry.upstream_id == upstream_id)
            .values(told_at=func.coalesce(UpstreamTry.told_at, func.clock_timestamp()))
            .returning(UpstreamTry.id)
            .execution_options(synchronize_session=False)
        )
        return found.one_or_none() is not None


def whose(try_id: uuid.UUID) -> Signer | None:
    """Who signs the webhooks of a try; None for what we never sent."""
    found = (
        select(UpstreamPace.name, UpstreamPace.webhook_secret)
        .join(UpstreamTry, UpstreamTry.upstream_key == UpstreamPace.name)
        .where(UpstreamTry.id == try_id)
    )
    with transaction() as session:
        row = session.execute(found).one_or_none()
    return Signer(row[0], row[1] or "") if row else None


def _seconds_there(one: UpstreamTry) -> float:
    """How long a try that has ended was at the upstream."""
    assert one.ended_at is not None  # noqa: S101 - whoever asks has just ended it
    return round((one.ended_at - (one.accepted_at or one.made_at)).total_seconds(), 3)


def _told_of_the_end(job: Job, seconds: float, outcome: str) -> Callable[[], None]:
    facts = {"job": job.id.hex, "engine": job.engine, "attempt": job.attempt, "traceparent": job.traceparent}
    return lambda: events.emit("upstream.ended", seconds=seconds, outcome=outcome, **facts)


def _not_taken() -> EngineError:
    return EngineError(_NOT_THERE, permanent=False, error_class="provider_failed")


def _still_doubted(session: Session, try_id: uuid.UUID, since: datetime) -> tuple[Job | None, UpstreamTry | None]:
    """The try, locked, unless it is known to be there by now, or somebody has had it in hand since then."""
    job, one = tries.locked(session, try_id)
    if one is None or one.ended_at is not None or one.upstream_id is not None:
        return job, None
    return job, one if (one.doubted_at or one.held_until or one.made_at) == since else None
