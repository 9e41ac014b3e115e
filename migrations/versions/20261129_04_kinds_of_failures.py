"""Failed jobs name what they have in common, and operators say what they think of it.

Why: a thousand failures of one kind are one thing to mend. The column is null for whatever failed before, and for what
the version before this one fails beside it: such jobs are in no group.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_04"
down_revision: str | Sequence[str] | None = "20261129_03"


def upgrade() -> None:
    op.create_table(
        "error_groups",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Drawn from class and sentence."),
        sa.Column("error_class", sa.Text(), nullable=False, comment="The word failures are grouped by."),
        sa.Column(
            "sentence",
            sa.Text(),
            nullable=False,
            comment="What its errors say, without names, numbers and addresses.",
        ),
        sa.Column(
            "first_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was first met.",
        ),
        sa.Column(
            "resolved_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Said to be mended then; open again if met later.",
        ),
        sa.Column(
            "ignored_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Not worth looking at since then, however often met.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_error_groups")),
        comment="Kinds of failures, with what operators think of them.",
    )
    op.add_column(
        "jobs", sa.Column("error_group", sa.Uuid(), nullable=True, comment="The kind of failure; no foreign key.")
    )
    op.create_index(
        "ix_jobs_of_error_group",
        "jobs",
        ["error_group", sa.literal_column("finished_at DESC")],
        postgresql_where=sa.text("error_group IS NOT NULL"),
    )
