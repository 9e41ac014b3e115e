"""Completing a job: two functions, planned once a connection, for what a worker does at the end of every job.

Why: the end of a job took some twenty statements, each parsed and planned anew, and was what kept a house of quick
engines from more than a few hundred jobs a second. The version before this one goes on with its own statements.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261130_02"
down_revision: str | Sequence[str] | None = "20261130_01"

HOLD_JOB = """
CREATE OR REPLACE FUNCTION hold_job(p_job uuid, p_fence bigint, p_kind text) RETURNS TABLE (
    account_id uuid, model text, engine text, attempt integer, price_usd numeric, held_usd numeric, webhook_url text,
    started_at timestamptz, moment timestamptz, endpoints uuid[], switched_off uuid[], is_engine_unwell boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
AS $hold$
#variable_conflict use_column
BEGIN
    -- No row says that another holds the job, or nobody may any more.
    RETURN QUERY SELECT jobs.account_id, jobs.model, jobs.engine, jobs.attempt, jobs.price_usd, jobs.held_usd,
        jobs.webhook_url, jobs.started_at, clock_timestamp(),
        ARRAY(SELECT id FROM endpoints WHERE endpoints.account_id = jobs.account_id AND deleted_at IS NULL
            AND p_kind = ANY (kinds) AND disabled_at IS NULL),
        ARRAY(SELECT id FROM endpoints WHERE endpoints.account_id = jobs.account_id AND deleted_at IS NULL
            AND p_kind = ANY (kinds) AND disabled_at IS NOT NULL),
        EXISTS (SELECT FROM engines WHERE engines.name = jobs.engine
            AND (cardinality(failing_jobs) > 0 OR open_until IS NOT NULL))
    FROM jobs WHERE jobs.id = p_job AND jobs.fence = p_fence AND jobs.status = 'running' FOR UPDATE OF jobs;
END $hold$
"""
COMPLETE_JOB = """
CREATE OR REPLACE FUNCTION complete_job(
    p_job uuid, p_output jsonb, p_warnings text[], p_inference_ms integer, p_cost_usd numeric, p_price_usd numeric,
    p_entries jsonb, p_available_usd numeric, p_held_usd numeric, p_month_usd numeric, p_detail jsonb, p_owed jsonb
) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off
AS $complete$
DECLARE job record;
BEGIN
    UPDATE jobs SET status = 'completed', output = p_output, warnings = p_warnings, inference_ms = p_inference_ms,
        cost_usd = cost_usd + p_cost_usd, price_usd = p_price_usd, held_usd = 0, progress = 1, stage = '',
        lease_until = NULL, finished_at = clock_timestamp()
    WHERE id = p_job RETURNING account_id, key_id, model, attempt, fence, created_at INTO STRICT job;
    INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
        VALUES (job.account_id, p_job, 'job.completed', 'completed', job.attempt, job.fence, p_detail);
    IF p_entries <> '[]' THEN
        INSERT INTO ledger_entries (account_id, kind, amount_usd, job_id, key_id, model)
            SELECT job.account_id, kind, amount_usd, p_job, job.key_id, job.model
            FROM jsonb_to_recordset(p_entries) AS entry (kind text, amount_usd numeric);
        -- What is given back counts for the month the job was ordered in.
        UPDATE tallies SET available_usd = available_usd + p_available_usd, held_usd = held_usd + p_held_usd,
            month_usd = month_usd + CASE
                WHEN month = CAST(date_trunc('month', job.created_at, 'UTC') AS date) THEN p_month_usd ELSE 0 END
        WHERE account_id = job.account_id;
    END IF;
    IF p_owed <> '[]' THEN
        INSERT INTO deliveries (id, account_id, lane, endpoint_id, url, job_id, kind, status, reason, settled_at)
            SELECT id, job.account_id, lane, endpoint_id, url, p_job, 'job.completed', status, reason,
                CASE WHEN status <> 'owed' THEN now() END
            FROM jsonb_to_recordset(p_owed)
                AS owed (id uuid, lane uuid, endpoint_id uuid, url text, status text, reason text);
    END IF;
END $complete$
"""


def upgrade() -> None:
    op.execute(HOLD_JOB)
    op.execute(COMPLETE_JOB)
