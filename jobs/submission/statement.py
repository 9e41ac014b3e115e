"""The one statement that writes orders down: jobs, events, names, money and tallies, however many there are."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from jobs import settings
from jobs.database import cursor_of
from jobs.rules.turns import PRIORITY_STEP
from jobs.submission.standings import Standing
from jobs.submission.wishes import Draft
from jobs.tables import Attachment, Json


def write(
    session: Session, drafts: Sequence[Draft], standings: Mapping[uuid.UUID, Standing]
) -> dict[uuid.UUID, datetime]:
    """Write these new orders and what they change in their accounts; when each was accepted, by Postgres' clock."""
    touched = {one.caller.account_id for one in drafts}
    given = {
        "orders": json.dumps([_order(one) for one in drafts]),
        "tallies": json.dumps([_tally(account_id, standings[account_id]) for account_id in touched]),
        "priority_step": PRIORITY_STEP,
        "name_hours": settings.load().keep_idempotency_hours,
    }
    created_at = {row.id: row.created_at for row in cursor_of(session).execute(_WRITE, given)}
    if attachments := [row for one in drafts for row in _attachments(one)]:
        session.execute(insert(Attachment), attachments)
    return created_at


_WRITE = """
    WITH orders AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(orders)s::json) AS given (
            id uuid, account_id uuid, key_id uuid, rerun_of uuid, model text, inputs jsonb, seed bigint, options jsonb,
            tags text[], metadata jsonb, webhook_url text, traceparent text, wants_base64 boolean, engine_wanted text,
            engine text, engine_reason text, priority integer, price_usd numeric, media jsonb,
            wait_seconds double precision, run_seconds integer, total_seconds double precision,
            name text, body_digest text)
    ), made AS (
        INSERT INTO jobs (id, account_id, key_id, rerun_of, model, inputs, seed, options, tags, metadata, webhook_url,
            traceparent, wants_base64, status, engine_wanted, engine, engine_reason, priority, price_usd, held_usd,
            media, wait_until, run_seconds, finish_until, in_line_since)
        SELECT id, account_id, key_id, rerun_of, model, inputs, seed, options, tags, metadata, webhook_url,
            traceparent, wants_base64, 'waiting', engine_wanted, engine, engine_reason, priority, price_usd, price_usd,
            media, now() + make_interval(secs => wait_seconds), run_seconds,
            now() + make_interval(secs => total_seconds), now() - priority * %(priority_step)s
        FROM orders RETURNING id, created_at
    ), entered AS (
        INSERT INTO turns (queue, account_id)
        SELECT DISTINCT CASE WHEN engine = 'cloud' AND media IS NOT NULL THEN 'upstream' ELSE engine END, account_id
        FROM orders ON CONFLICT DO NOTHING
    ), told AS (
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence)
        SELECT account_id, id, 'job.created', 'waiting', 0, 0 FROM orders
    ), named AS (
        INSERT INTO idempotency_keys (account_id, key, body_digest, job_id, expires_at)
        SELECT account_id, name, decode(body_digest, 'hex'), id, now() + make_interval(secs => 3600 * %(name_hours)s)
        FROM orders WHERE name IS NOT NULL
        ON CONFLICT (account_id, key) DO UPDATE SET
            body_digest = excluded.body_digest, job_id = excluded.job_id, expires_at = excluded.expires_at
    ), held AS (
        INSERT INTO ledger_entries (account_id, kind, amount_usd, job_id, key_id, model)
        SELECT account_id, 'hold', price_usd, id, key_id, model FROM orders WHERE price_usd > 0
    ), stood AS (
        UPDATE tallies SET available_usd = tallies.available_usd - given.held_usd,
            held_usd = tallies.held_usd + given.held_usd, month = given.month, month_usd = given.month_usd,
            submits = given.submits, submits_until = given.submits_until, waiting_most = given.waiting_most
        FROM json_to_recordset(%(tallies)s::json) AS given (
            account_id uuid, held_usd numeric, month date, month_usd numeric, submits integer[], submits_until bigint,
            waiting_most integer)
        WHERE tallies.account_id = given.account_id
    )
    SELECT id, created_at FROM made
"""


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
