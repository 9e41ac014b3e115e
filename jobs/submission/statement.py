"""Writes orders down: jobs, events, names, money and tallies in one call, however many there are."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from pydantic_core import to_json
from sqlalchemy import insert
from sqlalchemy.orm import Session

from jobs import idempotency, settings
from jobs.database import close_afterwards, cursor_of, single_statements
from jobs.rules import money
from jobs.rules.states import State
from jobs.rules.turns import PRIORITY_STEP, in_line_since
from jobs.submission.standings import Standing
from jobs.submission.wishes import Draft
from jobs.tables import Attachment, Job, Json

_LONG_LETTERS = 8 * 2**20


def write(session: Session, drafts: Sequence[Draft], standings: Mapping[uuid.UUID, Standing]) -> datetime:
    """Write these new orders and what they change in their accounts; when they were accepted, by Postgres' clock."""
    touched = {one.caller.account_id for one in drafts}
    given = (
        to_json([_order(one) for one in drafts]).decode(),
        to_json([_tally(account_id, standings[account_id]) for account_id in touched]).decode(),
        PRIORITY_STEP,
        settings.load().keep_idempotency_hours,
    )
    [row] = cursor_of(session).execute(_TAKE, given).fetchall()
    created_at: datetime = row.created_at
    if attachments := [row for one in drafts for row in _attachments(one)]:
        session.execute(insert(Attachment), attachments)
        if sum(len(row["content"]) for row in attachments) > _LONG_LETTERS:
            close_afterwards(session)
    return created_at


def write_with_room(drafts: Sequence[Draft]) -> tuple[datetime, set[uuid.UUID]]:
    """Write the orders of every account that surely has room for all of its own, in a transaction of their own.

    Returns when, by Postgres' clock, and the accounts that are left for the rules to judge, or for whoever has their
    tallies to let go. None of `drafts` may have attachments, and no two the same name.
    """
    asked: dict[uuid.UUID, list[Decimal]] = {}
    for one in drafts:
        asked.setdefault(one.caller.account_id, []).append(one.price_usd)
    given = (
        to_json([_asked(account_id, prices) for account_id, prices in asked.items()]).decode(),
        idempotency.written_out([(one.caller.account_id, one.name) for one in drafts if one.name is not None]),
        to_json([_order(one) for one in drafts]).decode(),
        PRIORITY_STEP,
        settings.load().keep_idempotency_hours,
    )
    with single_statements() as cursor:
        [(taken_at, to_be_judged)] = cursor.execute(_TAKE_WITH_ROOM, given).fetchall()
    return taken_at, set(to_be_judged)


def written(one: Draft, created_at: datetime) -> Job:
    """The row that `write` made of it, for as long as it cannot be read; in no session."""
    row = one.row
    return Job(
        **{name: row[name] for name in _AS_GIVEN},
        **{name: uuid.UUID(row[name]) for name in ("id", "account_id", "key_id")},
        **{name: row.get(name) for name in ("traceparent", "media")},
        **dict.fromkeys(("attempt", "fence", "profile", "workers_lost", "inference_ms", "error_code"), 0),
        **dict.fromkeys(("stage", "error"), ""),
        rerun_of=uuid.UUID(row["rerun_of"]) if "rerun_of" in row else None,
        metadata_=row["metadata"],
        status=State.WAITING,
        price_usd=one.price_usd,
        held_usd=one.price_usd,
        cost_usd=money.NOTHING,
        progress=0.0,
        warnings=[],
        created_at=created_at,
        due_at=created_at,
        in_line_since=in_line_since(created_at, row["priority"]),
        wait_until=created_at + timedelta(seconds=row["wait_seconds"]),
        finish_until=created_at + timedelta(seconds=row["total_seconds"]),
    )


_AS_GIVEN = (
    *("model", "inputs", "seed", "options", "tags", "webhook_url", "wants_base64"),
    *("engine_wanted", "engine", "engine_reason", "priority", "run_seconds"),
)

_TAKE_WITH_ROOM = "SELECT * FROM take_with_room(%s::json, %s::json, %s::json, %s, %s)"
_TAKE = "SELECT take_orders(%s::json, %s::json, %s, %s) AS created_at"


def _asked(account_id: uuid.UUID, prices: Sequence[Decimal]) -> Json:
    return {"account_id": account_id.hex, "orders": len(prices), "price_usd": str(sum(prices))}


def _order(one: Draft) -> Json:
    return one.row | {"name": one.name, "body_digest": one.digest.hex()}


def _tally(account_id: uuid.UUID, standing: Standing) -> Json:
    return {
        "account_id": account_id.hex,
        "held_usd": str(standing.held_usd),
        "month": standing.month.isoformat(),
        "month_usd": str(standing.month_usd),
        "submits": standing.recent.counts,
        "submits_until": standing.recent.until,
        "waiting_most": standing.waiting_most,
    }


def _attachments(one: Draft) -> list[Json]:
    return [
        {"job_id": one.job_id, "account_id": one.caller.account_id, "field": name, "content": content}
        for name, content in one.attachments.items()
    ]
