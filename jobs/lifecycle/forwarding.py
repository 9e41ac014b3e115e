"""Handing prepared jobs to the upstream: the intent is written down first, then it is sent, then what came of it.

A job is forwarded from its intent on, and holds no worker. Its try says how far that is; while the try is open the job
is sent nowhere else, whatever dies in between.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from jobs import health, ids, journal, settings, turns, upstream
from jobs.database import transaction
from jobs.errors import JobError
from jobs.lifecycle import ending, moves, tries
from jobs.lifecycle.holding import Claim, TallyIsKept, held, places
from jobs.rules import pricing
from jobs.rules.catalog import MODELS
from jobs.rules.retries import Again
from jobs.rules.states import State
from jobs.rules.tiers import UpstreamKey
from jobs.rules.turns import order, turn_of
from jobs.tables import Account, Job, UpstreamTry
from jobs.turns import Queue

HOLD_SECONDS = 20.0
"""Whoever sends is believed dead after so long without a word; what he was sending is looked up then."""

_SENT = text("""
    UPDATE upstream_tries AS one
    SET upstream_id = coalesce(one.upstream_id, told.upstream_id), doubted_at = NULL, held_until = NULL,
        accepted_at = coalesce(accepted_at, clock_timestamp())
    FROM unnest(CAST(:tries AS uuid[]), CAST(:ids AS text[])) AS told (id, upstream_id)
    WHERE one.id = told.id AND one.ended_at IS NULL
    RETURNING one.id, one.job_id, one.fence, one.expected_usd
""")

# What another try has by now is that one's: a prediction is one try of ours.
_SENT_LATE = text("""
    UPDATE upstream_tries AS one SET upstream_id = told.upstream_id, accepted_at = clock_timestamp()
    FROM unnest(CAST(:tries AS uuid[]), CAST(:ids AS text[])) AS told (id, upstream_id)
    WHERE one.id = told.id AND one.ended_at IS NOT NULL AND one.upstream_id IS NULL
        AND NOT EXISTS (SELECT FROM upstream_tries AS another WHERE another.upstream_id = told.upstream_id)
""")


@dataclass(frozen=True)
class Sending:
    """One try that is to be sent: `inputs` is the form without its media, `media` maps each of these to its key."""

    try_id: uuid.UUID
    job_id: uuid.UUID
    upstream_key: str
    model: str
    inputs: Mapping[str, Any]
    media: Mapping[str, str]
    link_seconds: int
    traceparent: str | None = None


def prepared(claim: Claim, stages: Mapping[str, float] | None = None) -> None:
    """Let go of a job whose media are regular by now: while it waits to be forwarded no worker is held.

    Raises LeaseLost.
    """
    with transaction() as session:
        job = held(session, claim)
        took: dict[str, Any] = {"stages": dict(stages)} if stages else {}
        moves.again(session, job, Again(0.0, counts=False), "job.prepared", is_rung=False, **took)
        turns.enter(session, job)


def forward(keys: Sequence[UpstreamKey], most: int) -> list[Sending]:
    """Forward up to `most` prepared jobs, as many as the pace of our keys allows: a written intent for each.

    Whoever calls has them for HOLD_SECONDS, unless he says `still_sending`.
    """
    with transaction() as session:
        queue = turns.look(session, "upstream", most)
        wanted = list(islice(order(queue.stands, queue.now), most))
        leave = upstream.take(session, keys, len(wanted)) if wanted else None
        if not leave:
            return []
        jobs = _that_may(session, turns.take_prepared(session, wanted[: leave.total()]))
        jobs = jobs[: health.admit(session, "cloud", [job.id for job in jobs])]
        _charge(session, queue, jobs)
        names, moment = leave.elements(), moves.now(session)
        in_order = sorted(jobs, key=lambda job: (job.account_id, job.id))
        return [_intend(session, job, next(names), moment) for job in in_order]


def still_sending(try_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Say that these are still on their way up; those of which that is so.

    The others have ended or are there: somebody has thought the caller dead meanwhile. They must not be sent.
    """
    held_until = func.clock_timestamp() + timedelta(seconds=HOLD_SECONDS)
    with transaction() as session:
        tries.lock(session, try_ids)
        found = session.scalars(
            update(UpstreamTry)
            .where(UpstreamTry.id.in_(try_ids), UpstreamTry.ended_at.is_(None), UpstreamTry.held_until.is_not(None))
            .values(held_until=held_until)
            .returning(UpstreamTry.id)
        )
        return set(found)


def mark(markers: Mapping[uuid.UUID, str]) -> set[uuid.UUID]:
    """Write down how each try is found again, before it is sent; those that may still be sent, and need to be."""
    statement = text("""
        UPDATE upstream_tries AS one SET marker = told.marker
        FROM unnest(CAST(:tries AS uuid[]), CAST(:markers AS text[])) AS told (id, marker)
        WHERE one.id = told.id AND one.ended_at IS NULL AND one.stop_wanted_at IS NULL
            AND held_until > clock_timestamp()
        RETURNING one.id
    """)
    with transaction() as session:
        tries.lock(session, markers)
        found = session.execute(statement, {"tries": list(markers), "markers": list(markers.values())})
        return {row.id for row in found}


def accepted(ids: Mapping[uuid.UUID, str]) -> None:
    """Write down what the upstream calls these tries: they are there.

    Of one that was given up meanwhile the bill will say what it cost; to its job it is nothing any more.
    """
    told = {"tries": list(ids), "ids": list(ids.values())}
    with transaction() as session:
        tries.lock_jobs(session, ids)
        tries.lock(session, ids)
        rows = session.execute(_SENT, told).all()
        if len(rows) < len(ids):
            session.execute(_SENT_LATE, told)
        tries.count(session, {row.id: row.expected_usd for row in rows})
        session.execute(
            update(Job)
            .where(Job.id.in_([row.job_id for row in rows]), Job.status == State.FORWARDED)
            .values(stage="rendering")
            .execution_options(synchronize_session=False)
        )


def doubted(try_ids: Sequence[uuid.UUID]) -> None:
    """Write down that nobody knows whether the upstream took these: they are looked up before anything else."""
    with transaction() as session:
        session.execute(
            update(UpstreamTry)
            .where(UpstreamTry.id.in_(try_ids), UpstreamTry.ended_at.is_(None), UpstreamTry.upstream_id.is_(None))
            .values(doubted_at=func.clock_timestamp(), held_until=None)
        )


def unsent(try_id: uuid.UUID, error: JobError, *, pause_key_seconds: float = 0.0) -> None:
    """Write down that the upstream surely has not taken this try, and let its job go on as the rules say."""
    with transaction() as session:
        job, one = tries.locked(session, try_id)
        if one is None or one.ended_at is not None or one.upstream_id is not None:
            return
        outcome = "refused" if error.permanent else "not_sent"
        tries.end(session, one, outcome, reason=str(error), task_code=error.code if error.permanent else 0)
        if pause_key_seconds:
            upstream.close(session, one.upstream_key, pause_key_seconds, str(error))
        if tries.is_for(job, one):
            ending.go_on(session, job, error)


def _that_may(session: Session, jobs: Sequence[Job]) -> list[Job]:
    """Those of these jobs, in their order, that their accounts may have under way as well."""
    asked = select(Account.id, Account.running_max).where(Account.id.in_({job.account_id for job in jobs}))
    found = session.execute(asked.order_by(Account.id)).all()
    left = {account_id: _places(session, account_id, most) for account_id, most in found if most is not None}
    may = []
    for job in jobs:
        left[job.account_id] = left.get(job.account_id, len(jobs)) - 1
        if left[job.account_id] >= 0:
            may.append(job)
    return may


def _places(session: Session, account_id: uuid.UUID, most: int) -> int:
    """None for an account whose tally somebody keeps: the others' jobs go up without it."""
    try:
        return places(session, account_id, most)
    except TallyIsKept:
        return 0


def _charge(session: Session, queue: Queue, jobs: Sequence[Job]) -> None:
    """Have each job be a turn of its account's."""
    counts = Counter(job.account_id.hex for job in jobs)
    given = {
        uuid.UUID(stand.account): turn_of(stand, counts[stand.account] - 1, queue.now)
        for stand in queue.stands
        if counts[stand.account]
    }
    turns.charge(session, "upstream", given, max(given.values(), default=queue.now))


def _intend(session: Session, job: Job, key: str, moment: datetime) -> Sending:
    """Forward the job: from here on its try is open."""
    job.attempt += 1
    job.fence += 1
    job.started_at, job.stage, job.progress = moment, "submitting", 0.0
    waited_seconds = max(round((moment - max(job.created_at, job.due_at)).total_seconds(), 3), 0.0)
    one = UpstreamTry(
        id=ids.new_id(),
        job_id=job.id,
        account_id=job.account_id,
        attempt=job.attempt,
        fence=job.fence,
        upstream_key=key,
        model=job.model,
        held_until=moment + timedelta(seconds=HOLD_SECONDS),
        expected_usd=_price_usd(job),
    )
    session.add(one)
    journal.move(session, job, State.FORWARDED, "job.forwarded", upstream_key=key, waited_seconds=waited_seconds)
    media = {field: facts["key"] for field, facts in (job.media or {}).items()}
    inputs = {name: value for name, value in job.inputs.items() if name not in MODELS[job.model].media}
    return Sending(one.id, job.id, key, job.model, inputs | {"seed": job.seed}, media, job.run_seconds, job.traceparent)


def _price_usd(job: Job) -> Decimal:
    """What the upstream's catalog says that it costs; ours says the same."""
    model = MODELS[job.model]
    tracks = {voice: job.media[voice]["seconds"] for voice in model.voices if job.media and voice in job.media}
    return pricing.price_usd(model, job.inputs, tracks, settings.load().minimum_seconds)
