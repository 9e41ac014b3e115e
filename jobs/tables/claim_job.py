"""The claim: one statement, kept by Postgres in a function, so that it is planned once a connection and not each time.

`jobs/lifecycle/claiming.py` calls it, `docs/queue.md` has its plan. A migration makes it, and a test of the house
compares what that made with what stands here.
"""

from typing import Final

from jobs.tables.jobs import IN_LINE, UNPREPARED

CLAIM: Final = f"""
    WITH line AS MATERIALIZED (
        -- Every account in the queue with its next turn (rules/turns.py), the earliest first.
        SELECT turns.account_id, 1.0::float8 / weight AS share, accounts.running_max,
            greatest(turn + 1.0::float8 / weight, (SELECT max(present) FROM turns WHERE queue = p_queue), 0) AS next
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
            WHERE jobs.engine = p_queue AND {IN_LINE}
                AND {UNPREPARED} AND jobs.account_id = line.account_id
                AND due_at <= now() AND finish_until > now() AND (jobs.fence > 0 OR wait_until > now())
                AND jobs.model = ANY (p_models)
            ORDER BY in_line_since, jobs.id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS job LIMIT 1
    ), charged AS (
        -- Whoever claims for the same account meanwhile waits here for our commit, and counts from there.
        UPDATE turns SET turn = greatest(chosen.next, turns.turn + chosen.share),
            present = greatest(turns.present, chosen.next)
        FROM chosen WHERE turns.queue = p_queue AND turns.account_id = chosen.account_id
    ), taken AS (
        UPDATE jobs SET status = 'running', worker = p_worker, attempt = jobs.attempt + 1, fence = jobs.fence + 1,
            started_at = now(), lease_until = now() + make_interval(secs => p_lease_seconds), stage = 'preparing',
            progress = 0
        FROM chosen WHERE jobs.id = chosen.id
        RETURNING jobs.id, jobs.account_id, jobs.fence, jobs.attempt, jobs.engine, jobs.model, jobs.inputs,
            jobs.options, jobs.seed, jobs.media, jobs.profile, jobs.traceparent, chosen.running_max
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
    ) FROM taken
"""  # noqa: S608 - our own words

# Plans are made for any argument alike, and by indexes even while tables are nearly empty: they outlive that state.
CLAIM_JOB: Final = f"""
CREATE OR REPLACE FUNCTION claim_job(
    p_queue text, p_worker text, p_lease_seconds double precision, p_models text[], p_besides uuid[]
) RETURNS TABLE (
    id uuid, account_id uuid, fence bigint, attempt integer, engine text, model text, inputs jsonb, options jsonb,
    seed bigint, media jsonb, profile integer, traceparent text, running_max integer, is_engine_watched boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $claim$
#variable_conflict use_column
BEGIN
    RETURN QUERY {CLAIM.strip()};
END $claim$
"""
