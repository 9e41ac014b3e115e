"""The end of jobs that have their videos: two functions kept by Postgres, planned once a connection and not each time.

`jobs/lifecycle/completing.py` calls them; what is true of money, costs and deliveries is worked out there in between,
by the rules. A migration makes them, and a test of the house compares what that made with what stands here.
"""

from typing import Final

# Plans are made for any argument alike, and by indexes even while tables are nearly empty: they outlive that state.
# Whoever finds a row held for long is told so, for it may hold others' meanwhile.
HOLD_JOBS: Final = """
CREATE OR REPLACE FUNCTION hold_jobs(p_jobs uuid[], p_fences bigint[], p_kind text) RETURNS TABLE (
    id uuid, fence bigint, account_id uuid, engine text, price_usd numeric, held_usd numeric, webhook_url text,
    started_at timestamptz, moment timestamptz, endpoints uuid[], switched_off uuid[], is_engine_unwell boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
SET lock_timeout = '2s' AS $hold$
#variable_conflict use_column
BEGIN
    -- No row says that another holds the job, or nobody may any more. Jobs are locked in everybody's order.
    RETURN QUERY SELECT held.id, held.fence, held.account_id, held.engine, held.price_usd, held.held_usd,
        held.webhook_url, held.started_at, clock_timestamp(),
        ARRAY(SELECT endpoints.id FROM endpoints WHERE endpoints.account_id = held.account_id AND deleted_at IS NULL
            AND p_kind = ANY (kinds) AND disabled_at IS NULL),
        ARRAY(SELECT endpoints.id FROM endpoints WHERE endpoints.account_id = held.account_id AND deleted_at IS NULL
            AND p_kind = ANY (kinds) AND disabled_at IS NOT NULL),
        EXISTS (SELECT FROM engines WHERE engines.name = held.engine
            AND (cardinality(failing_jobs) > 0 OR open_until IS NOT NULL))
    FROM (
        SELECT jobs.* FROM jobs JOIN unnest(p_jobs, p_fences) AS asked (id, fence) USING (id, fence)
        WHERE jobs.id = ANY (p_jobs) AND jobs.status = 'running'
        ORDER BY jobs.account_id, jobs.id FOR UPDATE OF jobs
    ) AS held;
END $hold$
"""

COMPLETE_JOBS: Final = """
CREATE OR REPLACE FUNCTION complete_jobs(p_jobs uuid[], p_accounts uuid[], p_ends jsonb) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $complete$
#variable_conflict use_column
BEGIN
    -- Of those whose money moves, in the order in which everybody locks tallies.
    PERFORM FROM tallies WHERE account_id = ANY (p_accounts) ORDER BY account_id FOR UPDATE;
    WITH ends AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(p_ends) AS given (
            id uuid, output jsonb, warnings text[], inference_ms integer, cost_usd numeric, price_usd numeric,
            detail jsonb, entries jsonb, available_usd numeric, held_usd numeric, month_usd numeric, owed jsonb)
    ), ended AS MATERIALIZED (
        UPDATE jobs SET status = 'completed', output = ends.output, warnings = ends.warnings,
            inference_ms = ends.inference_ms, cost_usd = jobs.cost_usd + ends.cost_usd, price_usd = ends.price_usd,
            held_usd = 0, progress = 1, stage = '', lease_until = NULL, finished_at = clock_timestamp()
        FROM ends WHERE jobs.id = ANY (p_jobs) AND jobs.id = ends.id
        RETURNING jobs.id, jobs.account_id, jobs.key_id, jobs.model, jobs.attempt, jobs.fence,
            CAST(date_trunc('month', jobs.created_at, 'UTC') AS date) AS month, ends.detail, ends.entries,
            ends.available_usd, ends.held_usd, ends.month_usd, ends.owed
    ), told AS (
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
        SELECT account_id, id, 'job.completed', 'completed', attempt, fence, detail FROM ended
    ), entered AS (
        INSERT INTO ledger_entries (account_id, kind, amount_usd, job_id, key_id, model)
        SELECT ended.account_id, entry.kind, entry.amount_usd, ended.id, ended.key_id, ended.model
        FROM ended CROSS JOIN LATERAL jsonb_to_recordset(entries) AS entry (kind text, amount_usd numeric)
    ), stood AS (
        -- What is given back counts for the month the job was ordered in.
        UPDATE tallies SET available_usd = tallies.available_usd + moved.available_usd,
            held_usd = tallies.held_usd + moved.held_usd, month_usd = tallies.month_usd + moved.month_usd
        FROM (
            SELECT account_id, sum(ended.available_usd) AS available_usd, sum(ended.held_usd) AS held_usd,
                coalesce(sum(ended.month_usd) FILTER (WHERE ended.month = stand.month), 0) AS month_usd
            FROM ended JOIN tallies AS stand USING (account_id) WHERE account_id = ANY (p_accounts) GROUP BY account_id
        ) AS moved
        WHERE tallies.account_id = ANY (p_accounts) AND tallies.account_id = moved.account_id
    )
    INSERT INTO deliveries (id, account_id, lane, endpoint_id, url, job_id, kind, status, reason, settled_at)
    SELECT due.id, account_id, due.lane, due.endpoint_id, due.url, ended.id, 'job.completed', due.status, due.reason,
        CASE WHEN due.status <> 'owed' THEN now() END
    FROM ended CROSS JOIN LATERAL jsonb_to_recordset(owed)
        AS due (id uuid, lane uuid, endpoint_id uuid, url text, status text, reason text);
END $complete$
"""
