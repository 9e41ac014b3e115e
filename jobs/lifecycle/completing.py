"""Completing a job that has its video: the one end that is measured by how many a second there can be.

Two functions in Postgres (`jobs/tables/complete_job.py`), one way there and back each: lock the row of whoever still
holds it, then write all that follows. Every other end is told of in `ending.py`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from jobs import events, health, outbox, settings
from jobs.database import after_commit, cursor_of, pipelined
from jobs.errors import LeaseLost
from jobs.lifecycle.holding import Claim
from jobs.rules import costs, money, states
from jobs.rules.states import State
from jobs.tables import Json

_KIND = "job.completed"


def complete(
    session: Session,
    claim: Claim,
    output: Json,
    *,
    warnings: Sequence[str],
    inference_ms: int,
    stages: Mapping[str, float],
) -> None:
    """Move the job to completed, with its event, its money and what is owed of it. Raises LeaseLost."""
    states.check(State.RUNNING, State.COMPLETED)
    row = _held(session, claim)
    detail: Json = {"seconds": output["seconds"], "inference_ms": inference_ms}
    detail |= {"stages": dict(stages)} if stages else {}
    given = {"job": claim.job_id, "warnings": list(warnings), "inference_ms": inference_ms}
    given |= {"output": json.dumps(output), "detail": json.dumps(detail)}
    cursor_of(session).execute(_COMPLETE, given | _worked_out(row))
    facts = {"job": claim.job_id.hex, "model": row.model, "engine": row.engine, "attempt": row.attempt} | detail
    if claim.traceparent is not None:
        facts["traceparent"] = claim.traceparent
    after_commit(session, lambda: events.emit("job.completed", **facts))
    if row.is_engine_unwell:
        health.record_success(session, row.engine)


def _held(session: Session, claim: Claim) -> Any:  # noqa: ANN401 - the driver makes the class of its rows as they come
    with pipelined(session):  # with it goes the transaction's beginning
        row = cursor_of(session).execute(_HOLD, (claim.job_id, claim.fence, _KIND)).fetchone()
    if row is None:
        raise LeaseLost(f"job {claim.job_id.hex}: fence {claim.fence} no longer holds it")
    return row


_HOLD = "SELECT * FROM hold_job(%s, %s, %s)"

_COMPLETE = """
    SELECT complete_job(%(job)s, %(output)s::jsonb, %(warnings)s::text[], %(inference_ms)s, %(cost_usd)s, %(price_usd)s,
        %(entries)s::jsonb, %(available_usd)s, %(held_usd)s, %(month_usd)s, %(detail)s::jsonb, %(owed)s::jsonb)
"""


def _worked_out(row: Any) -> Json:  # noqa: ANN401 - as above
    """What the rules make of the row: what it cost us, its money, and who is to be told."""
    price_usd, entries = money.settled(row.price_usd, row.held_usd, is_charged=True)
    effects = [money.effect_usd(kind, amount_usd) for kind, amount_usd in entries.items()]
    seconds = (row.moment - row.started_at).total_seconds()
    owed = outbox.addressed(row.account_id, row.endpoints, row.switched_off, row.webhook_url)
    return {
        "cost_usd": costs.attempt_usd(row.engine, seconds, settings.load().gpu_usd_per_hour),
        "price_usd": price_usd,
        "entries": json.dumps([{"kind": kind, "amount_usd": str(amount)} for kind, amount in entries.items()]),
        "available_usd": sum((available for available, _ in effects), money.NOTHING),
        "held_usd": sum((held for _, held in effects), money.NOTHING),
        "month_usd": sum((money.spent_usd(*entry) for entry in entries.items()), money.NOTHING),
        "owed": json.dumps(owed, default=str),
    }
