"""Whether the upstream has answered our wish to stop a job: until it has, it is asked again; arrivals in their order.

Why: a cancel that the upstream refused for the moment was never repeated, and the job went on at our cost. And where
thousands of videos have arrived, whoever takes the oldest must not sort them all, which the new index spares. The
version before this one asks once and does not know the column; what it has asked is asked once more, which harms
nothing.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_12"
down_revision: str | Sequence[str] | None = "20261130_02"

_INDEX = "ix_upstream_tries_to_stop"
_OPEN = "stop_wanted_at IS NOT NULL AND {} IS NULL AND ended_at IS NULL"


def upgrade() -> None:
    op.add_column(
        "upstream_tries",
        sa.Column(
            "stop_heard_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the upstream answered that, with yes or no.",
        ),
    )
    op.alter_column(
        "upstream_tries",
        "stop_asked_at",
        existing_type=sa.DateTime(timezone=True),
        existing_nullable=True,
        comment="When the upstream was last asked to stop it.",
        existing_comment="When the upstream was asked to stop it, once.",
    )
    op.drop_index(_INDEX, "upstream_tries")
    op.create_index(
        _INDEX, "upstream_tries", ["stop_wanted_at"], postgresql_where=sa.text(_OPEN.format("stop_heard_at"))
    )
    op.create_index(
        "ix_upstream_tries_arrived",
        "upstream_tries",
        ["ended_at"],
        postgresql_where=sa.text("outcome = 'completed' AND collected_at IS NULL"),
    )
