"""Orders look up names, turns and tallies by their keys, whatever the tables looked like when that was planned.

Why: where a connection took its first orders while there were hardly any names, it went on to read all of them with
every few orders until Postgres next counted them, up to a minute later: twenty times as long, with ten thousand names.
Where one account's tally was held for long, all orders that had come with one of that account waited for it.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261130_60"
down_revision: str | Sequence[str] | None = "20261130_50"

LOCK_ACCOUNTS = """
CREATE OR REPLACE FUNCTION lock_accounts(p_accounts uuid[], p_names json) RETURNS TABLE (
    account_id uuid, available_usd numeric, month date, month_usd numeric, submits integer[], submits_until bigint,
    waiting_most integer, present timestamptz, key text, body_digest bytea, job_id uuid
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off SET lock_timeout = '2s' AS $lock$
#variable_conflict use_column
BEGIN
    -- In the one order that nobody can cross.
    RETURN QUERY SELECT account_id, available_usd, month, month_usd, submits, submits_until, waiting_most,
        clock_timestamp(), NULL::text, NULL::bytea, NULL::uuid
    FROM tallies WHERE account_id = ANY (p_accounts) ORDER BY account_id FOR UPDATE;
    -- Only now, so that it sees the names that those took whom the locks waited for.
    IF p_names IS NOT NULL THEN
        RETURN QUERY SELECT found.account_id, NULL::numeric, NULL::date, NULL::numeric, NULL::integer[], NULL::bigint,
            NULL::integer, NULL::timestamptz, found.key, found.body_digest, found.job_id
        FROM json_to_recordset(p_names) AS asked (account_id uuid, key text) CROSS JOIN LATERAL (
            -- One by one, by their key: a join may read all names there are.
            SELECT * FROM idempotency_keys AS one
            WHERE one.account_id = asked.account_id AND one.key = asked.key LIMIT 1
        ) AS found WHERE found.expires_at >= now();
    END IF;
END $lock$
"""

TAKE_ORDERS = """
CREATE OR REPLACE FUNCTION take_orders(
    p_orders json, p_tallies json, p_priority_step interval, p_name_hours double precision
) RETURNS timestamptz LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $take$
#variable_conflict use_column
BEGIN
    WITH orders AS MATERIALIZED (
        SELECT *, CASE WHEN engine = 'cloud' AND media IS NOT NULL THEN 'upstream' ELSE engine END AS queue
        FROM json_to_recordset(p_orders) AS given (
            id uuid, account_id uuid, key_id uuid, rerun_of uuid, model text, inputs jsonb, seed bigint, options jsonb,
            tags text[], metadata jsonb, webhook_url text, traceparent text, wants_base64 boolean, engine_wanted text,
            engine text, engine_reason text, priority integer, price_usd numeric, media jsonb,
            wait_seconds double precision, run_seconds integer, total_seconds double precision,
            name text, body_digest text)
    ), made AS (
        INSERT INTO jobs (id, account_id, key_id, rerun_of, model, inputs, seed, options, tags, metadata, webhook_url,
            traceparent, wants_base64, status, engine_wanted, engine, engine_reason, priority, price_usd, held_usd,
            media, created_at, wait_until, run_seconds, finish_until, in_line_since)
        SELECT id, account_id, key_id, rerun_of, model, inputs, seed, options, tags, metadata, webhook_url,
            traceparent, wants_base64, 'waiting', engine_wanted, engine, engine_reason, priority, price_usd, price_usd,
            media, now(), now() + make_interval(secs => wait_seconds), run_seconds,
            now() + make_interval(secs => total_seconds), now() - priority * p_priority_step
        FROM orders
    ), entered AS (
        -- Who stands there already is only looked at: ON CONFLICT would wait for whoever is just charging that row, and
        -- claims of accounts with limits wait for our tally meanwhile. Nobody leaves while we hold the tally.
        INSERT INTO turns (queue, account_id)
        SELECT queue, account_id FROM (SELECT DISTINCT queue, account_id FROM orders) AS own
        WHERE 0 = (SELECT count(*) FROM turns WHERE turns.queue = own.queue AND turns.account_id = own.account_id)
        ON CONFLICT DO NOTHING
    ), told AS (
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence)
        SELECT account_id, id, 'job.created', 'waiting', 0, 0 FROM orders
    ), named AS (
        INSERT INTO idempotency_keys (account_id, key, body_digest, job_id, expires_at)
        SELECT account_id, name, decode(body_digest, 'hex'), id, now() + make_interval(secs => 3600 * p_name_hours)
        FROM orders WHERE name IS NOT NULL
        ON CONFLICT (account_id, key) DO UPDATE SET
            body_digest = excluded.body_digest, job_id = excluded.job_id, expires_at = excluded.expires_at
    ), held AS (
        INSERT INTO ledger_entries (account_id, kind, amount_usd, job_id, key_id, model)
        SELECT account_id, 'hold', price_usd, id, key_id, model FROM orders WHERE price_usd > 0
    ), given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(p_tallies) AS given (
            account_id uuid, held_usd numeric, month date, month_usd numeric, submits integer[], submits_until bigint,
            waiting_most integer)
    )
    UPDATE tallies SET available_usd = tallies.available_usd - given.held_usd,
        held_usd = tallies.held_usd + given.held_usd, month = given.month, month_usd = given.month_usd,
        submits = given.submits, submits_until = given.submits_until, waiting_most = given.waiting_most
    FROM given
    WHERE tallies.account_id = ANY (ARRAY(SELECT account_id FROM given)) AND tallies.account_id = given.account_id;
    RETURN now();
END $take$
"""


def upgrade() -> None:
    op.execute(LOCK_ACCOUNTS)
    op.execute(TAKE_ORDERS)
    op.alter_column("tallies", "month_usd", comment="Held for jobs in that month and not released; what budgets limit.")
