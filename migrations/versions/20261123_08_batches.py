"""Batches: many orders as one, and which jobs came in which.

Why: heavy users order by the thousand. Jobs of the version before this one, and those that come alone, are in no batch.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261123_08"
down_revision: str | Sequence[str] | None = "20261123_07"


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7; its 32 hex digits are the public id."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose it is."),
        sa.Column("key_id", sa.Uuid(), nullable=False, comment="The key that sent it."),
        sa.Column("input_key", sa.Text(), nullable=True, comment="Where in the bucket its lines are."),
        sa.Column("retry_of", sa.Uuid(), nullable=True, comment="The batch whose failed jobs it orders once more."),
        sa.Column(
            "idempotency_key", sa.Text(), nullable=True, comment="The caller's name for it; null once that is free."
        ),
        sa.Column("body_digest", sa.LargeBinary(), nullable=True, comment="SHA-256 of what was asked by that name."),
        sa.Column("on_bad_lines", sa.Text(), nullable=False, comment="What bad lines do: reject_all or take_good."),
        sa.Column(
            "is_validate_only",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Read and judged, not run.",
        ),
        sa.Column(
            "options",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="For every line that does not say otherwise.",
        ),
        sa.Column(
            "budget_usd",
            sa.Numeric(precision=16, scale=6),
            nullable=True,
            comment="The most its jobs may cost; null is no limit.",
        ),
        sa.Column("webhook_url", sa.Text(), nullable=True, comment="Told once, when it is final."),
        sa.Column(
            "metadata",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="The caller's own JSON, given back unread.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="One of rules/batches.py."),
        sa.Column(
            "error", sa.Text(), server_default=sa.text("''"), nullable=False, comment="Why it failed, for the caller."
        ),
        sa.Column(
            "lines",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Read so far, bad ones included.",
        ),
        sa.Column(
            "bad", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Those that cannot be taken."
        ),
        sa.Column(
            "problems",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="The first bad lines: line, custom_id, code, field, message.",
        ),
        sa.Column(
            "estimate",
            postgresql.JSONB(),
            nullable=True,
            comment="What it should cost and take, from the least to the most.",
        ),
        sa.Column(
            "jobs", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="How many jobs were made of it."
        ),
        sa.Column("states", postgresql.JSONB(), nullable=True, comment="How many of them ended how, once it is final."),
        sa.Column(
            "files",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Its files that are in the bucket.",
        ),
        sa.Column(
            "fence",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Grows as it is taken up; what an older one writes is refused.",
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Until when whoever took it up is believed alive.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was accepted.",
        ),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Its jobs are final by then, or fail; null is no end.",
        ),
        sa.Column(
            "in_progress_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its jobs were there to be claimed.",
        ),
        sa.Column(
            "paused_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Its owner holds waiting jobs back since then.",
        ),
        sa.Column(
            "cancelling_at", sa.DateTime(timezone=True), nullable=True, comment="When its owner asked to stop it."
        ),
        sa.Column(
            "finalizing_at", sa.DateTime(timezone=True), nullable=True, comment="When its last job had become final."
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it became final."),
        sa.CheckConstraint(
            "(input_key IS NULL) = (retry_of IS NOT NULL)", name=op.f("ck_batches_a_file_or_another_batch")
        ),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'completed', 'expired', 'failed')) = (finished_at IS NOT NULL)",
            name=op.f("ck_batches_exactly_the_final_are_finished"),
        ),
        sa.CheckConstraint(
            "status IN ('validating', 'in_progress', 'cancelling', 'finalizing',"
            " 'completed', 'failed', 'expired', 'cancelled')",
            name=op.f("ck_batches_status_is_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_batches_account_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_batches_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        comment="Many orders as one; jobs name their batch.",
    )
    op.create_index(
        "ix_batches_finished",
        "batches",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_index("ix_batches_of_account", "batches", ["account_id", sa.text("id DESC")], unique=False)
    op.create_index("ix_batches_open", "batches", ["id"], unique=False, postgresql_where=sa.text("finished_at IS NULL"))
    op.create_index(
        "uq_batches_name",
        "batches",
        ["account_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.add_column(
        "jobs", sa.Column("batch_id", sa.Uuid(), nullable=True, comment="The batch it came in; no foreign key.")
    )
    op.add_column(
        "jobs", sa.Column("batch_line", sa.Integer(), nullable=True, comment="Its line in the batch, from 1 on.")
    )
    op.add_column("jobs", sa.Column("custom_id", sa.Text(), nullable=True, comment="What its line calls it."))
    op.add_column("archived_jobs", sa.Column("batch_id", sa.Uuid(), nullable=True, comment="The batch it came in."))
    op.create_index(
        "ix_jobs_of_batch",
        "jobs",
        ["batch_id", "status"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        "uq_jobs_line_of_batch",
        "jobs",
        ["batch_id", "batch_line"],
        unique=True,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
