"""How engines stand: circuit breakers, pauses, and what each costs in a month.

Why: who renders a job is decided by how the engines stand, and that must be the same for every process. The version
before this one reads and writes none of it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261123_07"
down_revision: str | Sequence[str] | None = "20261123_06"


def upgrade() -> None:
    op.create_table(
        "engines",
        sa.Column("name", sa.Text(), nullable=False, comment="gpu, cloud or preview."),
        sa.Column(
            "failing_jobs",
            postgresql.ARRAY(sa.Uuid()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Whose attempts it failed since it last did one well.",
        ),
        sa.Column(
            "trips",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often it was shut since it last did one well.",
        ),
        sa.Column(
            "open_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Shut until then, then it may try one job at a time; null while it is well.",
        ),
        sa.Column(
            "because",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="What it was shut for, in a sentence.",
        ),
        sa.Column("probe_job_id", sa.Uuid(), nullable=True, comment="The job it was last tried with, if it was shut."),
        sa.Column(
            "paused_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when an operator lets nothing new begin on it.",
        ),
        sa.Column(
            "paused_because",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why, in the operator's words.",
        ),
        sa.Column("month", sa.Date(), nullable=True, comment="First day of the month counted."),
        sa.Column(
            "month_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it has cost us in that month.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_engines")),
        comment="How each engine stands; no row is as good as new.",
    )
