"""Errands: one word of an operator over all jobs that match.

Why: what is done to fifty thousand jobs takes minutes, and must not end with the browser that asked for it. The version
before this one knows none.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261130_01"
down_revision: str | Sequence[str] | None = "20261129_09"


def upgrade() -> None:
    op.create_table(
        "errands",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7; part of the names of jobs it orders."),
        sa.Column("verb", sa.Text(), nullable=False, comment="cancel, rerun or resend."),
        sa.Column(
            "pick",
            postgresql.JSONB(),
            nullable=False,
            comment="Which jobs are meant: the filters of the list, as they were set.",
        ),
        sa.Column("operator", sa.Text(), nullable=False, comment="Who said so."),
        sa.Column("counted", sa.Integer(), nullable=False, comment="How many matched then; no more are touched."),
        sa.Column(
            "before",
            sa.Uuid(),
            nullable=False,
            comment="Older jobs are still to be looked at; at first, of that moment.",
        ),
        sa.Column(
            "done", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="How many it was done to."
        ),
        sa.Column(
            "refused", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="How many would not have it."
        ),
        sa.Column(
            "refusal",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why, of the last of those.",
        ),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Until when whoever does it is believed alive.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was said.",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was done with, or stopped.",
        ),
        sa.CheckConstraint("verb IN ('cancel', 'rerun', 'resend')", name=op.f("ck_errands_verb_is_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errands")),
        comment="What operators have done to all jobs that match, step by step.",
    )
    op.create_index("ix_errands_open", "errands", ["id"], unique=False, postgresql_where=sa.text("finished_at IS NULL"))
