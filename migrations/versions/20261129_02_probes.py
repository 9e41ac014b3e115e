"""Probes: whether the voices of a batch are measured before it opens.

Why: a batch whose lines declare no lengths may have an exact price all the same. The version before this one measures
nothing, and opens such a batch as one that does not ask for it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_02"
down_revision: str | Sequence[str] | None = "20261129_01"


def upgrade() -> None:
    op.add_column(
        "batches",
        sa.Column(
            "is_probing",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Voices of undeclared length are fetched and measured before it opens.",
        ),
    )
