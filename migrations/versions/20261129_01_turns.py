"""Turns: accounts share queues by weight, own jobs go by priority and age, and engines have a limit of their own.

Why: one account's fifty thousand jobs must not stand before another's single one. The version before this one claims by
priority alone, without an index made for it, for as long as it still runs; what it accepts meanwhile stands in line as
if it had no priority.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_01"
down_revision: str | Sequence[str] | None = "20261123_08"

IN_LINE = "status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'"
UNPREPARED = "(engine <> 'cloud' OR media IS NULL)"
CLAIM_JOB = """
CREATE OR REPLACE FUNCTION claim_job(
    p_queue text, p_worker text, p_lease_seconds double precision, p_models text[], p_besides uuid[]
) RETURNS TABLE (
    id uuid, account_id uuid, fence bigint, attempt integer, engine text, model text, inputs jsonb, options jsonb,
    seed bigint, media jsonb, profile integer, traceparent text, running_max integer, is_engine_watched boolean
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $claim$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH line AS MATERIALIZED (
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
            WHERE jobs.engine = p_queue AND status = 'waiting' AND due_at < '9999-01-01 00:00:00+00:00'
                AND (engine <> 'cloud' OR media IS NULL) AND jobs.account_id = line.account_id
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
    ) FROM taken;
END $claim$
"""


def upgrade() -> None:
    op.create_table(
        "turns",
        sa.Column("queue", sa.Text(), nullable=False, comment="gpu, cloud, preview, or upstream for prepared ones."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose turn."),
        sa.Column("turn", sa.Double(), nullable=True, comment="Its last one, on the queue's clock; null before that."),
        sa.Column("present", sa.Double(), nullable=True, comment="What the queue's clock showed when it was given."),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_turns_account_id")),
        sa.PrimaryKeyConstraint("queue", "account_id", name=op.f("pk_turns")),
        comment="Accounts that may have jobs in line, queue by queue; one that has no unfinished job leaves.",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.0"},
    )
    op.add_column(
        "accounts",
        sa.Column(
            "weight",
            sa.Integer(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Its share of every queue, against the others' weights.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "paused_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when an operator lets no job of it begin.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "paused_because",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why, in the operator's words.",
        ),
    )
    op.add_column(
        "engines",
        sa.Column("running_max", sa.Integer(), nullable=True, comment="Jobs at once, more wait; null is no limit."),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "in_line_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was accepted, moved by an hour for each step of its priority.",
        ),
    )
    op.alter_column(
        "jobs",
        "priority",
        existing_type=sa.Integer(),
        existing_server_default=sa.text("0"),
        existing_nullable=False,
        existing_comment="Higher goes first, -100 to 100.",
        comment="Higher goes first among its account's, -100 to 100.",
    )
    op.execute(
        "UPDATE jobs SET in_line_since = created_at - make_interval(hours => priority)"
        " WHERE status IN ('waiting', 'running', 'forwarded')"
    )
    op.create_index(
        "ix_jobs_in_line",
        "jobs",
        ["engine", "account_id", "in_line_since", "id"],
        unique=False,
        postgresql_where=sa.text(f"{IN_LINE} AND {UNPREPARED}"),
    )
    op.create_index(
        "ix_jobs_prepared",
        "jobs",
        ["account_id", "in_line_since", "id"],
        unique=False,
        postgresql_where=sa.text(f"{IN_LINE} AND NOT {UNPREPARED}"),
    )
    op.drop_index("ix_jobs_claimable", table_name="jobs")
    op.execute(CLAIM_JOB)
