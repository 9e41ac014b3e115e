"""The taking of orders: three functions kept by Postgres, planned once a connection and not for every few orders.

`jobs/submission` calls them: one takes at once what nothing speaks against; of the rest, another locks the tallies
before the rules judge, and the last writes down what was taken. Migrations make them, and a test of the house compares
what those made with what stands here.
"""

from typing import Final

# Plans are made for any argument alike, and by keys even while tables are nearly empty: they outlive that state.
# Whoever finds a tally held for longer than they can wait is told so; no other lock of theirs is given up so soon.
LOCK_TALLIES: Final = """
CREATE OR REPLACE FUNCTION lock_tallies(p_accounts uuid[], p_names json, p_patience text) RETURNS TABLE (
    account_id uuid, available_usd numeric, month date, month_usd numeric, submits integer[], submits_until bigint,
    waiting_most integer, present timestamptz, key text, body_digest bytea, job_id uuid
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $lock$
#variable_conflict use_column
DECLARE
    v_usual text := current_setting('lock_timeout');
BEGIN
    PERFORM set_config('lock_timeout', p_patience, true);
    -- In the one order that nobody can cross.
    RETURN QUERY SELECT account_id, available_usd, month, month_usd, submits, submits_until, waiting_most,
        clock_timestamp(), NULL::text, NULL::bytea, NULL::uuid
    FROM tallies WHERE account_id = ANY (p_accounts) ORDER BY account_id FOR UPDATE;
    PERFORM set_config('lock_timeout', v_usual, true);
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

TAKE_ORDERS: Final = """
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

# The rules of `jobs/rules/limits.py`, and what `jobs/submission/standings.py` makes of them, for all orders of an
# account together and on the safe side: where one would be refused, counted, found or told of, none is taken here, and
# those rules judge. Nobody is waited for, and what is locked is held no longer than this takes, wherever its caller is.
TAKE_WITH_ROOM: Final = """
CREATE OR REPLACE FUNCTION take_with_room(
    p_asked json, p_names json, p_orders json, p_priority_step interval, p_name_hours double precision
) RETURNS TABLE (taken_at timestamptz, to_be_judged uuid[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $room$
#variable_conflict use_column
DECLARE
    v_accounts uuid[] := ARRAY(SELECT account_id FROM json_to_recordset(p_asked) AS asked (account_id uuid));
    v_free uuid[];
    v_named uuid[];
    v_with_room uuid[];
    v_present timestamptz;
BEGIN
    v_free := ARRAY(SELECT account_id FROM tallies WHERE account_id = ANY (v_accounts) FOR UPDATE SKIP LOCKED);
    v_present := clock_timestamp();
    -- Only now that nobody takes another.
    IF p_names IS NOT NULL THEN
        v_named := ARRAY(
            SELECT found.account_id
            FROM json_to_recordset(p_names) AS asked (account_id uuid, key text) CROSS JOIN LATERAL (
                SELECT * FROM idempotency_keys AS one
                WHERE one.account_id = asked.account_id AND one.key = asked.key LIMIT 1
            ) AS found WHERE found.expires_at >= now());
    END IF;
    WITH stands AS MATERIALIZED (
        SELECT asked.*, available_usd, submits, submits_until, waiting_most, is_prepaid, submits_per_minute,
            waiting_max, budget_soft_usd, budget_hard_usd, this_month,
            CASE WHEN month = this_month THEN month_usd ELSE 0 END AS before_usd,
            greatest(floor(extract(epoch FROM v_present))::bigint - submits_until, 0) AS passed
        FROM json_to_recordset(p_asked) AS asked (account_id uuid, orders integer, price_usd numeric)
        JOIN tallies ON tallies.account_id = asked.account_id
        JOIN accounts ON accounts.id = asked.account_id
        CROSS JOIN CAST(date_trunc('month', v_present AT TIME ZONE 'UTC') AS date) AS this_month
        WHERE asked.account_id = ANY (v_free) AND asked.account_id = ANY (v_named) IS NOT TRUE
    ), moved AS (
        UPDATE tallies SET available_usd = tallies.available_usd - price_usd,
            held_usd = tallies.held_usd + price_usd, month = this_month, month_usd = before_usd + price_usd,
            submits = CASE WHEN passed >= 61 THEN ARRAY[orders]
                WHEN passed > 0 THEN
                    (stands.submits || array_fill(0, ARRAY[passed::integer - 1]) || orders)
                        [greatest(cardinality(stands.submits) + passed - 60, 1):]
                ELSE stands.submits[1:cardinality(stands.submits) - 1]
                    || (coalesce(stands.submits[cardinality(stands.submits)], 0) + orders)
                END,
            submits_until = stands.submits_until + passed, waiting_most = stands.waiting_most + orders
        FROM stands
        WHERE tallies.account_id = stands.account_id
            AND coalesce(
                orders + coalesce((SELECT sum(one) FROM unnest(stands.submits) AS one), 0) <= submits_per_minute, true)
            AND coalesce(stands.waiting_most + orders <= waiting_max, true)
            AND (price_usd = 0 OR NOT is_prepaid OR price_usd <= stands.available_usd)
            AND (price_usd = 0 OR coalesce(before_usd + price_usd <= budget_hard_usd, true))
            AND coalesce(budget_soft_usd <= before_usd OR before_usd + price_usd < budget_soft_usd, true)
        RETURNING tallies.account_id
    )
    SELECT array_agg(account_id) FROM moved INTO v_with_room;
    IF cardinality(v_with_room) < cardinality(v_accounts) THEN
        p_orders := (
            SELECT json_agg(one) FROM json_array_elements(p_orders) AS one
            WHERE (one ->> 'account_id')::uuid = ANY (v_with_room));
    END IF;
    IF v_with_room IS NOT NULL THEN
        PERFORM take_orders(p_orders, '[]', p_priority_step, p_name_hours);
    END IF;
    RETURN QUERY SELECT
        now(), ARRAY(SELECT one FROM unnest(v_accounts) AS one WHERE one = ANY (v_with_room) IS NOT TRUE);
END $room$
"""
