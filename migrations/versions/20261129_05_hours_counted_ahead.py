"""Hours counted ahead, and indexes for whoever looks at very many jobs.

Why: figures over a million jobs must not be counted while somebody waits for them. New tables, filled by a chore, which
begins with the oldest job there is. The indexes hold few rows of `jobs`, and none that is unfinished, so that no order
pays for them. The version before this one goes on beside it: it counts nothing, and the next one counts what it did.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_05"
down_revision: str | Sequence[str] | None = "20261129_04"


def upgrade() -> None:
    op.create_table(
        "counted_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False, comment="When it began."),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False, comment="When it was last counted."),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_counted_hours")),
        comment="Which hours were counted, and when.",
    )
    _create_finished_hours()
    _create_engine_hours()
    op.create_index(
        "ix_jobs_unsuccessful",
        "jobs",
        ["status", sa.literal_column("id DESC")],
        postgresql_where=sa.text("status IN ('failed', 'cancelled')"),
    )
    op.create_index("ix_archived_jobs_finished", "archived_jobs", ["finished_at"])


def _create_finished_hours() -> None:
    op.create_table(
        "finished_hours",
        sa.Column(
            "hour",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the hour began in which they became final.",
        ),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose jobs they were."),
        sa.Column("model", sa.Text(), nullable=False, comment="Model id of the catalog."),
        sa.Column("engine", sa.Text(), nullable=False, comment="Who rendered them, or was to."),
        sa.Column("status", sa.Text(), nullable=False, comment="How they ended."),
        sa.Column(
            "error_class",
            sa.Text(),
            nullable=False,
            comment="The word failures are grouped by; empty where none failed.",
        ),
        sa.Column("jobs", sa.Integer(), nullable=False, comment="How many."),
        _usd("price_usd", "What they cost their callers."),
        _usd("cost_usd", "What they cost us."),
        _sum("video_seconds", "Length of their videos."),
        _sum("run_seconds", "How long their last attempts took."),
        sa.PrimaryKeyConstraint(
            *("hour", "account_id", "model", "engine", "status", "error_class"), name=op.f("pk_finished_hours")
        ),
        comment="How the jobs of each hour ended; no words of any caller.",
    )


def _create_engine_hours() -> None:
    op.create_table(
        "engine_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False, comment="When it began."),
        sa.Column("engine", sa.Text(), nullable=False, comment="gpu, cloud or preview."),
        sa.Column(
            "accepted", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Jobs accepted in it."
        ),
        *(
            sa.Column(name, sa.Float(), nullable=True, comment=comment)
            for name, comment in (
                ("wait_p50_seconds", "Half of the jobs completed in it waited no longer before their last attempt."),
                ("wait_p95_seconds", "Nineteen of twenty waited no longer."),
                ("run_p50_seconds", "Half of their last attempts took no longer."),
                ("run_p95_seconds", "Nineteen of twenty took no longer."),
            )
        ),
        sa.PrimaryKeyConstraint("hour", "engine", name=op.f("pk_engine_hours")),
        comment="What each engine was given in each hour, and how quick it was.",
    )


def _usd(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(16, 6), server_default=sa.text("0"), nullable=False, comment=comment)


def _sum(name: str, comment: str) -> sa.Column[object]:
    return sa.Column(name, sa.Float(), server_default=sa.text("0"), nullable=False, comment=comment)
