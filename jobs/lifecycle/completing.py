"""Completing jobs that have their videos: the one end that is measured by how many a second there can be.

Two functions in Postgres (`jobs/tables/complete_jobs.py`), one way there and back each, for all jobs of this process
that are completed at the same time: lock the rows of those whose holders still hold them, then write all that follows.
Every other end is told of in `ending.py`.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from jobs import events, health, outbox, settings
from jobs.database import be_brief, cursor_of, pipelined, transaction
from jobs.errors import LeaseLost, Unavailable
from jobs.lifecycle import tries
from jobs.lifecycle.holding import Claim
from jobs.rules import costs, money, states
from jobs.rules.states import State
from jobs.tables import Json
from jobs.together import Together, all_or_each

_KIND = "job.completed"

Hold = tuple[uuid.UUID, int]
"""A job and the fence that proves who holds it."""


@dataclass(frozen=True)
class End:
    """A holder's word that its job has its video."""

    claim: Claim
    output: Json
    warnings: Sequence[str]
    inference_ms: int
    stages: Mapping[str, float]

    @property
    def hold(self) -> Hold:
        return self.claim.job_id, self.claim.fence

    @property
    def detail(self) -> Json:
        found: Json = {"seconds": self.output["seconds"], "inference_ms": self.inference_ms}
        return found | ({"stages": dict(self.stages)} if self.stages else {})


def complete(end: End) -> None:
    """Move the job to completed, with its event, its money and what is owed of it. Raises LeaseLost."""
    states.check(State.RUNNING, State.COMPLETED)
    if end.claim.engine == "cloud":
        [said] = complete_all([end])  # locks its tries too, of which each job may have several
        if said is not None:
            raise said
    else:
        _ends.ask(end)
    events.emit("job.completed", **end.claim.facts, **end.detail)


def complete_all(ends: Sequence[End]) -> list[Exception | None]:
    """In one transaction, each with its own error. What the database refuses of one is that one's error alone."""
    return all_or_each(_completed, ends, (DBAPIError, psycopg.Error, _RowsAreKept))


_ends: Together[End, None] = Together(complete_all)


class _RowsAreKept(Unavailable):
    """Somebody keeps a row for long that these need: no one is to wait for another's."""

    def __init__(self) -> None:
        super().__init__("Somebody keeps the job or its account for long.", retry_after_seconds=1)


def _completed(ends: Sequence[End]) -> list[Exception | None]:
    with transaction() as session:
        rows = _written(session, ends)
        for one in ends:
            if one.hold in rows and one.claim.engine == "cloud":
                _stop_tries(session, one.claim)
        for engine in sorted({row.engine for row in rows.values() if row.is_engine_unwell}):
            health.record_success(session, engine)
    return [None if one.hold in rows else _lost(one.claim) for one in ends]


def _written(session: Session, ends: Sequence[End]) -> dict[Hold, Any]:
    """Write down those that are still held; their rows. Raises _RowsAreKept."""
    try:
        rows = _held(session, [one.claim for one in ends])
        if rows:
            _write(session, [_given(one, rows[one.hold]) for one in ends if one.hold in rows])
    except psycopg.errors.LockNotAvailable as error:
        raise _RowsAreKept from error
    return rows


def _stop_tries(session: Session, claim: Claim) -> None:
    if claim.arrival is not None:
        tries.collected(session, claim.arrival.try_id)
    tries.stop(session, claim.job_id)


def _write(session: Session, given: Sequence[Json]) -> None:
    jobs, paying = [one["id"] for one in given], {one["account_id"] for one in given if one["entries"]}
    cursor_of(session).execute(_COMPLETE, (jobs, list(paying), json.dumps(given, default=str)))


def _held(session: Session, claims: Sequence[Claim]) -> dict[Hold, Any]:
    """The rows that these claims hold, locked."""
    asked = ([claim.job_id for claim in claims], [claim.fence for claim in claims], _KIND)
    with pipelined(session):  # with it goes the transaction's beginning
        be_brief(session)
        rows = cursor_of(session).execute(_HOLD, asked).fetchall()
    return {(row.id, row.fence): row for row in rows}


def _lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"job {claim.job_id.hex}: fence {claim.fence} no longer holds it")


_HOLD = "SELECT * FROM hold_jobs(%s::uuid[], %s::bigint[], %s)"
_COMPLETE = "SELECT complete_jobs(%s::uuid[], %s::uuid[], %s::jsonb)"


def _given(end: End, row: Any) -> Json:  # noqa: ANN401 - the driver makes the class of its rows as they come
    """What is written of one end: what the rules make of what it cost us, of its money, and who is to be told."""
    price_usd, entries = money.settled(row.price_usd, row.held_usd, is_charged=True)
    effects = [money.effect_usd(kind, amount_usd) for kind, amount_usd in entries.items()]
    seconds = (row.moment - row.started_at).total_seconds()
    return {
        "id": row.id,
        "account_id": row.account_id,
        "output": end.output,
        "warnings": list(end.warnings),
        "inference_ms": end.inference_ms,
        "cost_usd": costs.attempt_usd(row.engine, seconds, settings.load().gpu_usd_per_hour),
        "price_usd": price_usd,
        "detail": end.detail,
        "entries": [{"kind": kind, "amount_usd": amount} for kind, amount in entries.items()],
        "available_usd": sum((available for available, _ in effects), money.NOTHING),
        "held_usd": sum((held for _, held in effects), money.NOTHING),
        "month_usd": sum((money.spent_usd(*entry) for entry in entries.items()), money.NOTHING),
        "owed": outbox.addressed(row.account_id, row.endpoints, row.switched_off, row.webhook_url),
    }
