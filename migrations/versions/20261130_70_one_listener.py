"""Who listens to an endpoint is written down, so that the one before is believed nothing more, at whatever door it is.

Why: only the door that a new listener came to ended the one before. At another door, or where its question was on its
way already, it went on to take deliveries and to count them as heard. The version before this one draws no listener and
asks for none: its listeners are ended only by its own door, as they were.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_70"
down_revision: str | Sequence[str] | None = "20261130_60"


def upgrade() -> None:
    op.add_column(
        "endpoints",
        sa.Column("listener", sa.Uuid(), nullable=True, comment="Who pulls, drawn anew by each who comes; others end."),
    )
    op.alter_column(
        "receivers",
        "failing_since",
        existing_type=sa.DateTime(timezone=True),
        existing_nullable=True,
        comment="Since when it fails, without a success or a long quiet.",
        existing_comment="Its first failure since it last took something.",
    )
    op.alter_column(
        "receivers",
        "failed_at",
        existing_type=sa.DateTime(timezone=True),
        existing_nullable=True,
        comment="Its last failure, whoever is to blame.",
        existing_comment="Its last failure that it is to blame for.",
    )
