"""What metrics and traces need: counts that only grow, an index on what is due, and a job's trace context.

Why: counters must be true however many processes there are and whatever restarts, so they are counted in here; and the
age of the oldest waiting job is looked at every few seconds, by an index of its own. The version before this one reads
and writes none of it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261129_07"
down_revision: str | Sequence[str] | None = "20261129_06"


def upgrade() -> None:
    op.create_index("ix_jobs_due", "jobs", ["engine", "due_at"], postgresql_where=sa.text("status = 'waiting'"))
    op.add_column(
        "jobs",
        sa.Column(
            "traceparent",
            sa.Text(),
            nullable=True,
            comment="W3C trace context that all that happens to it belongs to; null where there is none.",
        ),
    )
    op.add_column(
        "workers",
        sa.Column(
            "gpu_used_bytes",
            sa.BigInteger(),
            nullable=True,
            comment="Memory in use on its GPU at its last heartbeat; null where there is none.",
        ),
    )
    op.create_table(
        "counts",
        sa.Column("name", sa.Text(), nullable=False, comment="What is counted; jobs/telemetry names it for others."),
        sa.Column(
            "labels",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Of what kind, in the order that jobs/telemetry says; of a spread the bucket last.",
        ),
        sa.Column(
            "value", sa.Float(), server_default=sa.text("0"), nullable=False, comment="How many, or how much, so far."
        ),
        sa.PrimaryKeyConstraint("name", "labels", name=op.f("pk_counts")),
        comment="Numbers that only grow, added to every few seconds from what happened since.",
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "watermarks",
        sa.Column("source", sa.Text(), nullable=False, comment="The table."),
        sa.Column(
            "counted_id",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="All up to it are counted.",
        ),
        sa.Column(
            "next_id",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Up to where is counted next.",
        ),
        sa.Column(
            "next_xid",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Once no transaction below it is under way, all rows up to next_id can be seen.",
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_watermarks")),
        comment="How far each table that only grows has been counted.",
    )
