"""The claim: one statement that chooses a job and takes it, and one that does the same for several at once.

Postgres keeps them in a function, so that they are planned once a connection and not each time.
`jobs/lifecycle/claiming.py` calls it, `docs/queue.md` has the plan. A migration makes it, and a test of the house
compares what that made with what stands here.
"""

from typing import Final

from jobs.tables.jobs import IN_LINE, UNPREPARED

_CLAIMING: Final = 7_305_303
"""One half of an advisory lock's name, the queue is the other. Any constant will do that nobody else takes."""

_IS_UNDER_WAY: Final = "jobs.status IN ('running', 'forwarded')"
_LINE: Final = f"""
    line AS MATERIALIZED (
        -- Every account in the queue with its next turn (rules/turns.py), the earliest first.
        SELECT turns.account_id, weight::float8 AS weight, accounts.running_max, turn AS last,
            greatest(turn + 1 / weight::float8, (SELECT max(present) FROM turns WHERE queue = p_queue), 0) AS next
        FROM turns JOIN accounts ON accounts.id = turns.account_id
        WHERE turns.queue = p_queue AND accounts.paused_at IS NULL AND turns.account_id <> ALL (p_besides)
            AND (accounts.running_max IS NULL OR accounts.running_max > (
                SELECT count(*) FROM jobs
                WHERE jobs.account_id = accounts.id AND {_IS_UNDER_WAY}))
        ORDER BY next, turn NULLS FIRST, turns.account_id
    )
"""  # noqa: S608 - our own words, here and below
_MAY_BEGIN: Final = f"""
    engine = p_queue AND model = ANY (p_models)
                AND {IN_LINE}
                AND {UNPREPARED} AND due_at <= p_now
                AND finish_until > p_now AND (fence > 0 OR wait_until > p_now)
"""
_TAKE: Final = """
    taken AS (
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
    ) FROM taken
"""

CLAIM: Final = f"""
    WITH {_LINE.strip()}, chosen AS MATERIALIZED (
        -- The first job of the first of them that has one. Those that others are just taking are skipped.
        SELECT job.id, line.* FROM line CROSS JOIN LATERAL (
            SELECT jobs.id FROM jobs
            WHERE jobs.account_id = line.account_id AND {_MAY_BEGIN.strip()}
            ORDER BY in_line_since, jobs.id LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS job LIMIT 1
    ), charged AS (
        -- Whoever claims for the same account meanwhile waits here for our commit, and counts from there.
        UPDATE turns SET turn = greatest(chosen.next, turns.turn + 1 / chosen.weight),
            present = greatest(turns.present, chosen.next)
        FROM chosen WHERE turns.queue = p_queue AND turns.account_id = chosen.account_id
    ), {_TAKE.strip()}
"""  # noqa: S608 - as above

_CLAIM_SEVERAL: Final = f"""
    WITH {_LINE.strip()}, first AS MATERIALIZED (
        -- No more accounts come to their turn than jobs are asked for.
        SELECT line.* FROM line CROSS JOIN LATERAL (
            SELECT FROM jobs
            WHERE jobs.account_id = line.account_id AND {_MAY_BEGIN.strip()}
            ORDER BY in_line_since, jobs.id LIMIT 1
        ) AS job LIMIT p_most
    ), ranked AS MATERIALIZED (
        -- The first jobs of each, by the turns that these are given one after the other.
        SELECT job.id, first.account_id, first.running_max, first.next + job.place / first.weight AS turn
        FROM first CROSS JOIN LATERAL (
            SELECT jobs.id, row_number() OVER (ORDER BY in_line_since, jobs.id) - 1 AS place FROM jobs
            WHERE jobs.account_id = first.account_id AND {_MAY_BEGIN.strip()}
            ORDER BY in_line_since, jobs.id
            LIMIT CASE WHEN first.running_max IS NULL THEN p_most ELSE least(p_most, first.running_max - (
                SELECT count(*) FROM jobs
                WHERE jobs.account_id = first.account_id AND {_IS_UNDER_WAY})) END
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
        WHERE {_MAY_BEGIN.strip()}
    ), charged AS (
        UPDATE turns SET turn = greatest(turns.turn, given.turn), present = greatest(turns.present, given.turn)
        FROM (SELECT account_id, max(turn) AS turn FROM chosen GROUP BY account_id) AS given
        WHERE turns.queue = p_queue AND turns.account_id = given.account_id
    ), {_TAKE.strip()}
"""  # noqa: S608 - as above

# Plans are made for any argument alike, and by the index that has the order of the line even while tables are nearly
# empty or nothing waits: they outlive that state.
CLAIM_JOBS: Final = f"""
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
    v_is_alone boolean := p_most > 1 AND pg_try_advisory_xact_lock({_CLAIMING}, hashtext(p_queue));
BEGIN
    IF NOT v_is_alone THEN
        PERFORM pg_advisory_xact_lock_shared({_CLAIMING}, hashtext(p_queue));
    END IF;
    p_now := clock_timestamp();
    IF v_is_alone THEN
        RETURN QUERY {_CLAIM_SEVERAL.strip()};
        GET DIAGNOSTICS v_all = ROW_COUNT;
    END IF;
    -- One by one where there are fewer, or others held some of them: there may be more behind those.
    WHILE v_all < p_most LOOP
        RETURN QUERY {CLAIM.strip()};
        GET DIAGNOSTICS v_some = ROW_COUNT;
        v_all := v_all + v_some;
        EXIT WHEN v_some = 0 OR NOT v_is_alone;
    END LOOP;
END $claim$
"""
