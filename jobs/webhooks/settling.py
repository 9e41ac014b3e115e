"""Writes down how posts ended, a batch at a time: each delivery, each try, and how its receiver stands from now on."""

import json
import random
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import events, outbox
from jobs.database import after_commit, transaction
from jobs.rules import deliveries
from jobs.rules.deliveries import Again, Delivered, GiveUp, Standing, Status, Tried
from jobs.tables import Endpoint, Receiver
from jobs.webhooks.letters import Letter

DISABLED_AFTER_DAYS = f"every post failed for {deliveries.OWED_MAX_DAYS} days"

# What an older turn tells of a delivery changes nothing; that it was tried is true all the same. The unsettled are the
# owed; said so, they are found by their ids and not by walking all that is owed.
_SETTLE = text("""
    WITH told AS (
        SELECT * FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told(
            id uuid, turn bigint, outcome text, reason text, pause_seconds float8, began_at timestamptz, took_ms int,
            http int, error text, answer text
        )
    ),
    settled AS (
        UPDATE deliveries
        SET status = told.outcome, reason = told.reason, tries = deliveries.tries + 1, taken_until = NULL,
            settled_at = CASE WHEN told.outcome <> 'owed' THEN clock_timestamp() END,
            due_at = CASE WHEN told.outcome <> 'owed' THEN deliveries.due_at
                ELSE clock_timestamp() + told.pause_seconds * interval '1 second' END
        FROM told
        WHERE deliveries.id = told.id AND deliveries.turn = told.turn AND deliveries.settled_at IS NULL
    )
    INSERT INTO delivery_tries (delivery_id, at, took_ms, status, error, answer)
    SELECT id, began_at, took_ms, http, error, answer FROM told
    WHERE EXISTS (SELECT FROM deliveries WHERE deliveries.id = told.id)
""")

_HAND_BACK = text("""
    UPDATE deliveries SET taken_until = NULL
    FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told(id uuid, turn bigint)
    WHERE deliveries.id = told.id AND deliveries.turn = told.turn AND deliveries.settled_at IS NULL
""")

_Verdict = Delivered | Again | GiveUp


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one post of a letter went, and the first bytes of what was answered."""

    letter: Letter
    tried: Tried
    answer: str = ""


def settle(outcomes: Sequence[Outcome]) -> None:
    """Write down all of these, and switch off the endpoints that want no more or have failed for days."""
    in_order = sorted(outcomes, key=lambda one: one.tried.ended_at)
    with transaction() as session:
        moved = _moved(session, [one.letter for one in in_order if not one.tried.is_good])
        judged = [(one, _judge(one, moved)) for one in in_order]
        session.execute(_SETTLE, {"told": json.dumps([_told(one, verdict) for one, verdict in judged])})
        said = [(one, verdict) for one, verdict in judged if one.letter.delivery_id not in moved]
        standings = _settle_standings(session, [one for one, _ in said])
        for endpoint_id, reason in _to_disable(said, standings).items():
            _disable(session, endpoint_id, reason)
        after_commit(session, lambda: _tell(judged))


def hand_back(letters: Sequence[Letter]) -> None:
    """Let these go untried: they are due as they were."""
    told = json.dumps([{"id": one.delivery_id.hex, "turn": one.turn} for one in letters])
    with transaction() as session:
        session.execute(_HAND_BACK, {"told": told})


def _moved(session: Session, failed: Sequence[Letter]) -> set[uuid.UUID]:
    """The deliveries that failed at a URL which is no longer their endpoint's: of the new one that says nothing.

    The endpoints stay as they are until all is written down; taken in one order, and before their deliveries.
    """
    wanted = {one.endpoint_id for one in failed if one.endpoint_id is not None}
    if not wanted:
        return set()
    there = select(Endpoint.id, Endpoint.url).where(Endpoint.id.in_(wanted)).order_by(Endpoint.id)
    urls = {row.id: row.url for row in session.execute(there.with_for_update(key_share=True))}
    return {one.delivery_id for one in failed if one.endpoint_id is not None and urls.get(one.endpoint_id) != one.url}


def _judge(one: Outcome, moved: Collection[uuid.UUID]) -> _Verdict:
    if one.letter.delivery_id in moved:
        return Again(0.0)
    return deliveries.after_try(one.tried, one.letter.kind, one.letter.tries + 1, random.random())  # noqa: S311 - jitter


def _told(one: Outcome, verdict: _Verdict) -> dict[str, Any]:
    status, pause_seconds, reason = Status.OWED, 0.0, deliveries.why(one.tried)
    match verdict:
        case Delivered():
            status, reason = Status.DELIVERED, ""
        case GiveUp():
            status, reason = Status.GIVEN_UP, verdict.why
        case Again():
            pause_seconds = verdict.pause_seconds
    return {
        "id": one.letter.delivery_id.hex,
        "turn": one.letter.turn,
        "outcome": status,
        "reason": reason,
        "pause_seconds": pause_seconds,
        "began_at": one.tried.began_at.isoformat(),
        "took_ms": round((one.tried.ended_at - one.tried.began_at).total_seconds() * 1000),
        "http": one.tried.status,
        "error": one.tried.error,
        "answer": one.answer.replace("\x00", ""),  # Postgres takes no NUL in a text
    }


def _settle_standings(session: Session, outcomes: Sequence[Outcome]) -> dict[uuid.UUID, Standing]:
    """How every lane stands after these; locked in one order, so that couriers never wait for each other."""
    lanes = {one.letter.lane for one in outcomes}
    rows = session.scalars(select(Receiver).where(Receiver.lane.in_(lanes)).order_by(Receiver.lane).with_for_update())
    before = {row.lane: Standing(row.failures, row.failing_since, row.failed_at, row.shut_until) for row in rows}
    after = dict(before)
    for one in outcomes:
        lane = one.letter.lane
        after[lane] = _after(after.get(lane, Standing()), one)
    well = [lane for lane in before if after[lane] == Standing()]
    if well:
        session.execute(delete(Receiver).where(Receiver.lane.in_(well)))
    for lane in sorted(lane for lane in after if after[lane] != Standing()):
        _write(session, lane, after[lane])
    return after


def _after(standing: Standing, one: Outcome) -> Standing:
    if one.tried.is_good:
        return Standing()
    return deliveries.after_failure(standing, one.tried, one.letter.kind, random.random())  # noqa: S311 - jitter


def _write(session: Session, lane: uuid.UUID, standing: Standing) -> None:
    facts = {
        "failures": standing.failures,
        "failing_since": standing.failing_since,
        "failed_at": standing.failed_at,
        "shut_until": standing.shut_until,
    }
    new = insert(Receiver).values(lane=lane, **facts)
    session.execute(new.on_conflict_do_update(index_elements=["lane"], set_=facts))


def _to_disable(
    judged: Sequence[tuple[Outcome, _Verdict]], standings: Mapping[uuid.UUID, Standing]
) -> dict[uuid.UUID, str]:
    """The endpoints to switch off, and why."""
    found: dict[uuid.UUID, str] = {}
    for one, verdict in judged:
        if (endpoint_id := one.letter.endpoint_id) is None:
            continue
        if isinstance(verdict, GiveUp) and verdict.disables:
            found[endpoint_id] = verdict.why
        elif deliveries.is_hopeless(standings[one.letter.lane], one.tried.ended_at):
            found.setdefault(endpoint_id, DISABLED_AFTER_DAYS)
    return found


def _disable(session: Session, endpoint_id: uuid.UUID, reason: str) -> None:
    """Switch an endpoint off, once, and owe the news to the account's others."""
    off = update(Endpoint).where(Endpoint.id == endpoint_id, Endpoint.disabled_at.is_(None))
    account_id: uuid.UUID | None = session.execute(
        off.values(disabled_at=func.now(), disabled_reason=reason).returning(Endpoint.account_id)
    ).scalar_one_or_none()
    if account_id is None:
        return
    outbox.announce(session, account_id, "webhook.disabled", {"endpoint": endpoint_id.hex, "reason": reason})
    after_commit(session, lambda: events.emit("webhook.disabled", endpoint=endpoint_id.hex, reason=reason))


def _tell(judged: Sequence[tuple[Outcome, _Verdict]]) -> None:
    for one, verdict in judged:
        facts: dict[str, object] = {
            "delivery": one.letter.delivery_id.hex,
            "about": one.letter.kind,
            "tries": one.letter.tries + 1,
        }
        if one.letter.job_id is not None:
            facts |= {"job": one.letter.job_id.hex}
        if one.letter.traceparent is not None:
            facts |= {"traceparent": one.letter.traceparent}
        match verdict:
            case GiveUp():
                events.emit("webhook.given_up", reason=verdict.why, **facts)
            case Again():
                events.emit("webhook.failed", reason=deliveries.why(one.tried), **facts)
