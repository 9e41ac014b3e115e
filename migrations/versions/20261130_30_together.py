"""Claiming and completing many jobs at a time: three functions that take over from those that do it for one.

Why: the slots of a busy worker claimed and ended jobs each in a transaction of its own, and what a transaction costs by
itself was most of what a job cost. The functions for one job stay for workers of the version before this one.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261130_30"
down_revision: str | Sequence[str] | None = "20261130_12"

CLAIM_JOBS = """
CREATE OR REPLACE FUNCTION claim_jobs(
    p_queue text, p_worker text, p_most integer, p_lease_seconds double precision, p_models text[], p_besides uuid[]
) RETURNS TABLE (
    id uuid, account_id uuid, fence bigint, attempt integer, engine text, model text, inputs jsonb, options jsonb,
    seed bigint, media jsonb, profile integer, traceparent text, waited_seconds double precision, running_max integer,
    is_engine_watched boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $claim$
#variable_conflict use_column
DECLARE
    p_now timestamptz;
    v_some integer;
    v_all integer := 0;
    -- Whoever claims one job holds one row of turns. Whoever claims several holds some while it waits for others, so it
    -- must have the queue for itself; where it cannot at once, one is claimed, for nobody may be kept waiting by those
    -- who wait.
    v_is_alone boolean := p_most > 1 AND pg_try_advisory_xact_lock(7305303, hashtext(p_queue));
BEGIN
    IF NOT v_is_alone THEN
        PERFORM pg_advisory_xact_lock_shared(7305303, hashtext(p_queue));
    END IF;
    p_now := clock_timestamp();
    IF v_is_alone THEN
        RETURN QUERY WITH line AS MATERIALIZED (
        -- Every account in the queue with its next turn (rules/turns.py), the earliest first.
        SELECT turns.account_id, weight::float8 AS weight, accounts.running_max, turn AS last,
            greatest(turn + 1 / weight::float8, (SELECT max(present) FROM turns WHERE queue = p_queue), 0) AS next
        FROM turns JOIN accounts ON accounts.id = turns.account_id
        WHERE turns.queue = p_queue AND accounts.paused_at IS NULL AND turns.account_id <> ALL (p_besides)
            AND (accounts.running_max IS NULL OR accounts.running_max > (
                SELECT count(*) FROM jobs
                WHERE jobs.account_id = accounts.id AND jobs.status IN ('running', 'forwarded')))
        ORDER BY next, turn NULLS FIRST, turns.account_id
    ), first AS MATERIALIZED (
        -- No more accounts come to their turn than jobs are asked for.
        SELECT line.* FROM line CROSS JOIN LATERAL (
            SELECT FROM jobs
            WHERE jobs.account_id = line.account_id AND engine = p_queue AND model = ANY (p_models)
                AND status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'
                AND (engine <> 'cloud' OR media IS NULL) AND due_at <= p_now
                AND finish_until > p_now AND (fence > 0 OR wait_until > p_now)
            ORDER BY in_line_since, jobs.id LIMIT 1
        ) AS job LIMIT p_most
    ), ranked AS MATERIALIZED (
        -- The first jobs of each, by the turns that these are given one after the other.
        SELECT job.id, first.account_id, first.running_max, first.next + job.place / first.weight AS turn
        FROM first CROSS JOIN LATERAL (
            SELECT jobs.id, row_number() OVER (ORDER BY in_line_since, jobs.id) - 1 AS place FROM jobs
            WHERE jobs.account_id = first.account_id AND engine = p_queue AND model = ANY (p_models)
                AND status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'
                AND (engine <> 'cloud' OR media IS NULL) AND due_at <= p_now
                AND finish_until > p_now AND (fence > 0 OR wait_until > p_now)
            ORDER BY in_line_since, jobs.id
            LIMIT CASE WHEN first.running_max IS NULL THEN p_most ELSE least(p_most, first.running_max - (
                SELECT count(*) FROM jobs
                WHERE jobs.account_id = first.account_id AND jobs.status IN ('running', 'forwarded'))) END
        ) AS job
        ORDER BY turn, CASE WHEN place = 0 THEN last ELSE next + (place - 1) / weight END NULLS FIRST, account_id
        LIMIT p_most
    ), chosen AS MATERIALIZED (
        -- Locked by their key, which no statistics can talk Postgres out of, and judged then. Those that others have
        -- locked are left.
        SELECT ranked.* FROM ranked CROSS JOIN LATERAL (
            SELECT engine, model, status, due_at, media, finish_until, fence, wait_until FROM jobs
            WHERE jobs.id = ranked.id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS held
        WHERE engine = p_queue AND model = ANY (p_models)
                AND status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'
                AND (engine <> 'cloud' OR media IS NULL) AND due_at <= p_now
                AND finish_until > p_now AND (fence > 0 OR wait_until > p_now)
    ), charged AS (
        UPDATE turns SET turn = greatest(turns.turn, given.turn), present = greatest(turns.present, given.turn)
        FROM (SELECT account_id, max(turn) AS turn FROM chosen GROUP BY account_id) AS given
        WHERE turns.queue = p_queue AND turns.account_id = given.account_id
    ), taken AS (
        UPDATE jobs SET status = 'running', worker = p_worker, attempt = jobs.attempt + 1, fence = jobs.fence + 1,
            started_at = p_now, lease_until = p_now + make_interval(secs => p_lease_seconds), stage = 'preparing',
            progress = 0
        FROM chosen WHERE jobs.id = ANY (ARRAY(SELECT id FROM chosen)) AND jobs.id = chosen.id
        RETURNING jobs.id, jobs.account_id, jobs.fence, jobs.attempt, jobs.engine, jobs.model, jobs.inputs,
            jobs.options, jobs.seed, jobs.media, jobs.profile, jobs.traceparent,
            extract(epoch FROM p_now - greatest(jobs.created_at, jobs.due_at))::float8 AS waited_seconds,
            chosen.running_max
    ), told AS (
        -- Where it is limited how many may be under way, whoever has counted them with a lock tells of it: events of
        -- such an account are in the order of its counts.
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
        SELECT account_id, id, 'job.claimed', 'running', attempt, fence, jsonb_build_object('worker', p_worker)
        FROM taken WHERE running_max IS NULL
    )
    SELECT taken.*, EXISTS (
        SELECT FROM engines WHERE engines.name = taken.engine
            AND (engines.paused_at IS NOT NULL OR engines.open_until IS NOT NULL OR engines.running_max IS NOT NULL)
    ) FROM taken;
        GET DIAGNOSTICS v_all = ROW_COUNT;
    END IF;
    -- One by one where there are fewer, or others held some of them: there may be more behind those.
    WHILE v_all < p_most LOOP
        RETURN QUERY WITH line AS MATERIALIZED (
        -- Every account in the queue with its next turn (rules/turns.py), the earliest first.
        SELECT turns.account_id, weight::float8 AS weight, accounts.running_max, turn AS last,
            greatest(turn + 1 / weight::float8, (SELECT max(present) FROM turns WHERE queue = p_queue), 0) AS next
        FROM turns JOIN accounts ON accounts.id = turns.account_id
        WHERE turns.queue = p_queue AND accounts.paused_at IS NULL AND turns.account_id <> ALL (p_besides)
            AND (accounts.running_max IS NULL OR accounts.running_max > (
                SELECT count(*) FROM jobs
                WHERE jobs.account_id = accounts.id AND jobs.status IN ('running', 'forwarded')))
        ORDER BY next, turn NULLS FIRST, turns.account_id
    ), chosen AS MATERIALIZED (
        -- The first job of the first of them that has one. Those that others are just taking are skipped.
        SELECT job.id, line.* FROM line CROSS JOIN LATERAL (
            SELECT jobs.id FROM jobs
            WHERE jobs.account_id = line.account_id AND engine = p_queue AND model = ANY (p_models)
                AND status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'
                AND (engine <> 'cloud' OR media IS NULL) AND due_at <= p_now
                AND finish_until > p_now AND (fence > 0 OR wait_until > p_now)
            ORDER BY in_line_since, jobs.id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS job LIMIT 1
    ), charged AS (
        -- Whoever claims for the same account meanwhile waits here for our commit, and counts from there.
        UPDATE turns SET turn = greatest(chosen.next, turns.turn + 1 / chosen.weight),
            present = greatest(turns.present, chosen.next)
        FROM chosen WHERE turns.queue = p_queue AND turns.account_id = chosen.account_id
    ), taken AS (
        UPDATE jobs SET status = 'running', worker = p_worker, attempt = jobs.attempt + 1, fence = jobs.fence + 1,
            started_at = p_now, lease_until = p_now + make_interval(secs => p_lease_seconds), stage = 'preparing',
            progress = 0
        FROM chosen WHERE jobs.id = ANY (ARRAY(SELECT id FROM chosen)) AND jobs.id = chosen.id
        RETURNING jobs.id, jobs.account_id, jobs.fence, jobs.attempt, jobs.engine, jobs.model, jobs.inputs,
            jobs.options, jobs.seed, jobs.media, jobs.profile, jobs.traceparent,
            extract(epoch FROM p_now - greatest(jobs.created_at, jobs.due_at))::float8 AS waited_seconds,
            chosen.running_max
    ), told AS (
        -- Where it is limited how many may be under way, whoever has counted them with a lock tells of it: events of
        -- such an account are in the order of its counts.
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)
        SELECT account_id, id, 'job.claimed', 'running', attempt, fence, jsonb_build_object('worker', p_worker)
        FROM taken WHERE running_max IS NULL
    )
    SELECT taken.*, EXISTS (
        SELECT FROM engines WHERE engines.name = taken.engine
            AND (engines.paused_at IS NOT NULL OR engines.open_until IS NOT NULL OR engines.running_max IS NOT NULL)
    ) FROM taken;
        GET DIAGNOSTICS v_some = ROW_COUNT;
        v_all := v_all + v_some;
        EXIT WHEN v_some = 0 OR NOT v_is_alone;
    END LOOP;
END $claim$
"""

HOLD_JOBS = """
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

COMPLETE_JOBS = """
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


def upgrade() -> None:
    op.execute(CLAIM_JOBS)
    op.execute(HOLD_JOBS)
    op.execute(COMPLETE_JOBS)
