"""The archive: thin rows and events of jobs that are kept no longer, in partitions of one month each.

Why: hot tables stay small, and nothing a caller wrote is kept longer than promised. New tables, and indexes for who
moves rows there. The version before this one goes on beside it: it removes objects as before and leaves the rows, which
this one moves, and a job that was moved is to it a job that was never there.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_04"
down_revision: str | Sequence[str] | None = "20261122_03"


def upgrade() -> None:
    op.execute("CREATE SCHEMA archive")
    op.create_table(
        "archived_jobs",
        sa.Column("id", sa.Uuid(), nullable=False, comment="As it was; never in jobs and here at once."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose job it was."),
        sa.Column("key_id", sa.Uuid(), nullable=False, comment="The key that submitted it."),
        sa.Column("rerun_of", sa.Uuid(), nullable=True, comment="The finished job it repeated."),
        sa.Column("model", sa.Text(), nullable=False, comment="Model id of the catalog."),
        sa.Column("engine", sa.Text(), nullable=False, comment="Who rendered it, or was to: gpu, cloud or preview."),
        sa.Column("status", sa.Text(), nullable=False, comment="How it ended: completed, failed or cancelled."),
        sa.Column("error_code", sa.Integer(), nullable=False, comment="Task code of the contract; 0 is fine."),
        sa.Column("error_class", sa.Text(), nullable=True, comment="The word failures are grouped by."),
        sa.Column("price_usd", sa.Numeric(precision=16, scale=6), nullable=False, comment="What it cost its caller."),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="Claims that counted against the limit."),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="Claims in all."),
        sa.Column("workers_lost", sa.Integer(), nullable=False, comment="Holders that fell silent."),
        sa.Column("inference_ms", sa.Integer(), nullable=False, comment="Rendering time, milliseconds."),
        sa.Column(
            "video_seconds", sa.Float(), nullable=True, comment="Length of the video; null where there was none."
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, comment="When it was accepted."),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True, comment="When its last attempt began."),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False, comment="When it became final."),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its owner deleted it; null where time did.",
        ),
        sa.Column(
            "archived_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it came here.",
        ),
        sa.CheckConstraint("status IN ('cancelled', 'completed', 'failed')", name=op.f("ck_archived_jobs_is_final")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archived_jobs")),
        comment="What is left of jobs that are kept no longer; no prompt, no input, no link.",
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_archived_jobs_of_account", "archived_jobs", ["account_id", sa.literal_column("id DESC")])
    op.create_table(
        "archived_events",
        sa.Column("job_id", sa.Uuid(), nullable=False, comment="The archived job; picks the month."),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False, comment="As it was; grows in time."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose job it was."),
        sa.Column("kind", sa.Text(), nullable=False, comment="What happened, for example job.completed."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="When, by Postgres' clock."),
        sa.Column("status", sa.Text(), nullable=False, comment="The job's state after it."),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="The attempt it belongs to."),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="The claim it belongs to."),
        sa.Column(
            "detail",
            postgresql.JSONB(),
            nullable=False,
            comment="Numbers, and of words only names of workers and error classes.",
        ),
        sa.PrimaryKeyConstraint("job_id", "id", name=op.f("pk_archived_events")),
        comment="What happened to archived jobs, in order; no free text.",
        postgresql_partition_by="RANGE (job_id)",
    )
    # The net; months are made by a chore, from the oldest job's on.
    op.execute("CREATE TABLE archive.jobs_other PARTITION OF archived_jobs DEFAULT")
    op.execute("CREATE TABLE archive.events_other PARTITION OF archived_events DEFAULT")
    op.alter_column(
        "jobs",
        "objects_removed_at",
        existing_type=sa.DateTime(timezone=True),
        existing_nullable=True,
        existing_comment="When its objects left the bucket.",
        comment="From when its objects leave the bucket; the row follows them into the archive.",
    )
    op.create_index("ix_jobs_leaving", "jobs", ["id"], postgresql_where=sa.text("objects_removed_at IS NOT NULL"))
    op.create_index(
        "ix_jobs_borrowing",
        "jobs",
        ["id"],
        postgresql_where=sa.text("rerun_of IS NOT NULL AND media IS NOT NULL AND finished_at IS NULL"),
    )
