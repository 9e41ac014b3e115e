"""News of what is at the upstream: how a try ended, that it was found or is not there, and what nobody can tell."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from jobs import doorbell, events
from jobs.database import after_commit, transaction
from jobs.errors import EngineError, JobError, PossiblyCharged, WorkerUnfit
from jobs.lifecycle import ending, forwarding, moves, tries
from jobs.rules.states import State
from jobs.tables import Account, Job, UpstreamPace, UpstreamTry

_NOT_THERE = "WaveSpeed did not take the job"
_FELL_SILENT = "our forwarder fell silent before WaveSpeed had the job"
_KEYLESS = "the key it was sent with is no longer set, and no other knows it"
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
class Expected:
    """A try that the upstream may tell of: what it calls it as far as we know, and what it signs its webhooks with.

    There is no secret while we have not been told it.
    """

    upstream_id: str | None
    secret: str = field(repr=False)


def completed(videos: Mapping[uuid.UUID, Video]) -> None:
    """The upstream has these tries' videos: a worker is to fetch each that its job still wants."""
    told = [[one.url, one.is_flagged, one.inference_ms] for one in videos.values()]
    urls, flags, times = map(list, zip(*told, strict=True))
    with transaction() as session:
        tries.lock_jobs(session, videos)
        tries.lock(session, videos)
        given = {"tries": list(videos), "urls": urls, "flags": flags, "times": times, "forwarded": State.FORWARDED}
        ended = session.execute(_COMPLETED, given).all()
        tries.count(session, {row.id: row.expected_usd for row in ended if row.cost_usd != row.expected_usd})
        for row in ended:
            if row.job is not None:
                after_commit(session, partial(_tell_of_arrival, row))


# One statement for many: rows cost little beside the statement, which opens every index of `jobs`.
_COMPLETED = text("""
    WITH ended AS (
        UPDATE upstream_tries AS one
        SET output_url = said.url, is_flagged = said.is_flagged, inference_ms = said.inference_ms,
            outcome = 'completed', ended_at = clock_timestamp(), held_until = NULL, doubted_at = NULL,
            -- Late: paid for, and nobody wants it any more.
            collected_at = CASE WHEN jobs.id IS NULL THEN clock_timestamp() END
        FROM unnest(CAST(:tries AS uuid[]), CAST(:urls AS text[]), CAST(:flags AS boolean[]), CAST(:times AS integer[]))
                AS said (id, url, is_flagged, inference_ms)
            JOIN upstream_tries AS own USING (id)
            LEFT JOIN jobs ON jobs.id = own.job_id AND jobs.fence = own.fence AND jobs.status = :forwarded
        WHERE one.id = said.id AND one.ended_at IS NULL
        RETURNING one.*, jobs.id AS job, round(extract(epoch FROM clock_timestamp()
            - coalesce(one.accepted_at, one.made_at)), 3) AS seconds
    ), arrived AS (
        UPDATE jobs SET stage = 'arrived', due_at = clock_timestamp() FROM ended WHERE jobs.id = ended.job
        RETURNING jobs.*, ended.inference_ms AS took_ms, ended.seconds
    ), recorded AS (
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
        SELECT account_id, id, 'job.arrived', status, attempt, fence,
            jsonb_build_object('inference_ms', took_ms, 'stages', jsonb_build_object('upstream', seconds)) FROM arrived
    )
    SELECT ended.id, ended.expected_usd, ended.cost_usd, ended.job, ended.seconds, ended.inference_ms,
        arrived.model, arrived.engine, arrived.attempt, arrived.traceparent
    FROM ended LEFT JOIN arrived ON arrived.id = ended.job
""")


def failed(try_id: uuid.UUID, error: JobError) -> None:
    """The upstream failed at it: its job goes on as the rules say."""
    with transaction() as session:
        job, one = tries.locked(session, try_id)
        if one is not None and one.ended_at is None:
            tries.end(session, one, "failed", reason=str(error), task_code=error.code)
            if tries.is_for(job, one):
                after_commit(session, _told_of_the_failure(job, _seconds_there(one)))
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


def given_up(names: Collection[str], seconds: float) -> int:
    """End the tries of keys that are none of these, once their jobs have not waited for them for so long; how many.

    Nobody can ask about them, so they may be paid for.
    """
    ended_before = func.clock_timestamp() - timedelta(seconds=seconds)
    own = select(UpstreamTry).where(UpstreamTry.upstream_key.not_in(names), UpstreamTry.ended_at.is_(None))
    with transaction() as session:
        some = session.scalars(
            own.where(UpstreamTry.stop_wanted_at < ended_before).order_by(UpstreamTry.id).with_for_update()
        ).all()
        for one in some:
            one.reason = _KEYLESS
        if some:
            tries.end_all(session, some, "unproven")
    return len(some)


def expected(try_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Expected]:
    """Of which of these the upstream may tell; what we never sent is not among them."""
    found = (
        select(UpstreamTry.id, UpstreamTry.upstream_id, UpstreamPace.webhook_secret)
        .join(UpstreamPace, UpstreamTry.upstream_key == UpstreamPace.name)
        .where(UpstreamTry.id.in_(try_ids))
    )
    with transaction() as session:
        return {try_id: Expected(name, secret or "") for try_id, name, secret in session.execute(found)}


def told(names: Mapping[uuid.UUID, str]) -> None:
    """The upstream's webhooks say that these tries ended, and what it calls each: they are asked about at once."""
    with transaction() as session:
        session.execute(_TOLD, {"tries": list(names), "names": list(names.values())})


def discovered(try_id: uuid.UUID, upstream_id: str) -> bool:
    """A webhook names a try whose submit was never answered: it is there; whether that is so.

    What is another try's by now is not this one's too: its webhook was sent here by somebody else.
    """
    with transaction() as session:
        others = select(UpstreamTry.id).where(UpstreamTry.upstream_id == upstream_id, UpstreamTry.id != try_id)
        if session.scalars(others).first() is not None:
            return False
    forwarding.accepted({try_id: upstream_id})
    return True


_TOLD = text("""
    WITH said AS (
        SELECT one.id FROM unnest(CAST(:tries AS uuid[]), CAST(:names AS text[])) AS told (id, upstream_id)
        JOIN upstream_tries AS one USING (id, upstream_id)
        WHERE one.told_at IS NULL ORDER BY one.id FOR NO KEY UPDATE OF one
    )
    UPDATE upstream_tries AS one SET told_at = clock_timestamp() FROM said WHERE one.id = said.id
""")


def _seconds_there(one: UpstreamTry) -> float:
    """How long a try that has ended was at the upstream."""
    assert one.ended_at is not None  # noqa: S101 - whoever asks has just ended it
    return round((one.ended_at - (one.accepted_at or one.made_at)).total_seconds(), 3)


def _tell_of_arrival(row: Any) -> None:  # noqa: ANN401 - the driver makes the class of its rows as they come
    about = {"job": row.job.hex, "engine": row.engine, "attempt": row.attempt}
    about |= {} if row.traceparent is None else {"traceparent": row.traceparent}
    seconds = float(row.seconds)
    stages = {"upstream": seconds}
    events.emit("job.arrived", model=row.model, inference_ms=row.inference_ms, stages=stages, **about)
    events.emit("upstream.ended", seconds=seconds, outcome="completed", **about)
    doorbell.ring("cloud")


def _told_of_the_failure(job: Job, seconds: float) -> Callable[[], None]:
    facts = {"job": job.id.hex, "engine": job.engine, "attempt": job.attempt, "traceparent": job.traceparent}
    return lambda: events.emit("upstream.ended", seconds=seconds, outcome="failed", **facts)


def _not_taken() -> EngineError:
    return EngineError(_NOT_THERE, permanent=False, error_class="provider_failed")


def _still_doubted(session: Session, try_id: uuid.UUID, since: datetime) -> tuple[Job | None, UpstreamTry | None]:
    """The try, locked, unless it is known to be there by now, or somebody has had it in hand since then."""
    job, one = tries.locked(session, try_id)
    if one is None or one.ended_at is not None or one.upstream_id is not None:
        return job, None
    return job, one if (one.doubted_at or one.held_until or one.made_at) == since else None
