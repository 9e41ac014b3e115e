"""Claiming: which job a worker takes up next, and that no two take the same."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import events, health, journal, settings
from jobs.database import be_brief, cursor_of, pipelined, transaction
from jobs.errors import Unavailable
from jobs.lifecycle import moves
from jobs.lifecycle.holding import Arrival, Claim, TallyIsKept, places
from jobs.rules.catalog import MODELS
from jobs.rules.states import State
from jobs.tables import Job, UpstreamTry
from jobs.together import Together

_MODELS = list(MODELS)


def claim(worker: str, engine: str) -> Claim | None:
    """Take the next due job of `engine`, or None when there is none.

    One statement decides (`jobs/tables/claim_jobs.py`), by the rules of `jobs/rules/turns.py`: it is the turn of one of
    the accounts that have less under way than they may, and of that account's jobs the first in line. For the cloud a
    worker fetches what has arrived there, then makes media regular; what is regular goes up without a worker.
    """
    if engine == "cloud" and (arrived := _fetch(worker)) is not None:
        return arrived
    claim = _line(worker, engine).ask(None)
    if claim is not None:
        waited_seconds = round(claim.waited_seconds, 3)
        events.emit("job.claimed", **claim.facts, worker=worker, waited_seconds=waited_seconds)
    return claim


@cache
def _line(worker: str, engine: str) -> Together[None, Claim | None]:
    """The slots of one worker that ask for jobs of one engine at the same time."""

    def claim_for_all(asked: Sequence[None]) -> list[Claim | None]:
        claims = claim_several(worker, engine, len(asked))
        return [*claims, *[None] * (len(asked) - len(claims))]

    return Together(claim_for_all)


def claim_several(worker: str, engine: str, most: int) -> list[Claim]:
    """The next due jobs, as far as there are any: as many in one transaction as can be had so."""
    found: list[Claim] = []
    full: set[uuid.UUID] = set()
    while len(found) < most:
        try:
            more = _claim_some(worker, engine, most - len(found), full)
        except _EngineAdmits as error:
            most = len(found) + error.count
        except _AccountIsFull as error:
            full |= error.excluded
        except Unavailable:
            if not found:
                raise
            break  # those are ours
        else:
            if not more:
                break
            found += more
    return found


def _claim_some(worker: str, engine: str, most: int, besides: Collection[uuid.UUID]) -> list[Claim]:
    with transaction() as session:
        rows = _taken(session, worker, engine, most, besides)
        _check(session, rows, worker)
        return [replace(_claim_of(row, worker), waited_seconds=row.waited_seconds) for row in rows]


class _EngineAdmits(Exception):
    """Nothing new, or only so many, may begin on the engine; for the cloud that is asked where jobs are forwarded."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class _AccountIsFull(Exception):
    """Others took the account's last places between our look and our lock; those `excluded` have none left for us."""

    def __init__(self, excluded: set[uuid.UUID]) -> None:
        super().__init__(excluded)
        self.excluded = excluded


def _taken(session: Session, worker: str, engine: str, most: int, besides: Collection[uuid.UUID]) -> list[Any]:
    """The next due jobs, moved to running, with their accounts' turns.

    Their events are written too, but for accounts that may have only so many jobs under way.
    """
    given = (engine, worker, most, settings.load().lease_seconds, _MODELS, list(besides))
    with pipelined(session):  # with it goes the transaction's beginning
        be_brief(session)
        return cursor_of(session).execute(_CLAIM, given).fetchall()


_CLAIM = "SELECT * FROM claim_jobs(%s, %s, %s::integer, %s, %s, %s::uuid[])"

_TOLD = """
    INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
    VALUES (%s, %s, 'job.claimed', %s, %s, %s, jsonb_build_object('worker', %s::text))
"""


def _check(session: Session, rows: Sequence[Any], worker: str) -> None:
    """Ask again, with a lock, what may be asked only one after the other. Raises _AccountIsFull and _EngineAdmits."""
    limits = {row.account_id: row.running_max for row in rows if row.running_max is not None}
    for account_id in sorted(limits):
        try:
            left = places(session, account_id, limits[account_id])
        except TallyIsKept as error:
            raise _AccountIsFull({account_id}) from error
        if left < 0:
            taken = sum(row.account_id == account_id for row in rows)
            raise _AccountIsFull({account_id} if -left >= taken else set())
    told = [
        (row.account_id, row.id, State.RUNNING, row.attempt, row.fence, worker)
        for row in rows
        if row.account_id in limits
    ]
    if told:
        cursor_of(session).executemany(_TOLD, told)
    watched = [row.id for row in rows if row.is_engine_watched and row.engine != "cloud"]
    if watched and (count := health.admit(session, rows[0].engine, watched)) < len(watched):
        raise _EngineAdmits(count)


def _fetch(worker: str) -> Claim | None:
    """Take the job whose video has waited longest at the upstream; it has its place among the running already."""
    arrived = (
        select(Job, UpstreamTry)
        .join(UpstreamTry, UpstreamTry.job_id == Job.id)
        .where(UpstreamTry.outcome == "completed", UpstreamTry.collected_at.is_(None))
        .where(Job.status == State.FORWARDED, Job.due_at <= func.now(), Job.model.in_(MODELS))
        .order_by(UpstreamTry.ended_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=Job)
    )
    with transaction() as session:
        found = session.execute(arrived).one_or_none()
        if found is None:
            return None
        job, one = found
        job.fence += 1
        job.worker, job.stage, job.started_at = worker, "collecting", moves.now(session)
        job.lease_until = job.started_at + timedelta(seconds=settings.load().lease_seconds)
        journal.move(session, job, State.RUNNING, "job.collecting", worker=worker)
    arrival = Arrival(
        try_id=one.id,
        upstream_key=one.upstream_key,
        upstream_id=one.upstream_id or "",
        url=one.output_url or "",
        is_flagged=bool(one.is_flagged),
        inference_ms=one.inference_ms,
    )
    return _claim_of(job, worker, arrival)


def _claim_of(job: Any, worker: str, arrival: Arrival | None = None) -> Claim:  # noqa: ANN401 - a row of either kind
    return Claim(
        job_id=job.id,
        account_id=job.account_id,
        fence=job.fence,
        attempt=job.attempt,
        worker=worker,
        engine=job.engine,
        model=MODELS[job.model],
        inputs=job.inputs,
        options=job.options,
        seed=job.seed,
        media=job.media,
        profile=job.profile,
        arrival=arrival,
        traceparent=job.traceparent,
    )
