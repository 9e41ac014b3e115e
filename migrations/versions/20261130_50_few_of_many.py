"""An account's failed and cancelled jobs are found without reading those of all others.

Why: of a million jobs an account's few that failed were looked for among all that had failed, or among all of its own.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261130_50"
down_revision: str | Sequence[str] | None = "20261130_40"


def upgrade() -> None:
    op.create_index(
        "ix_jobs_unsuccessful_of_account",
        "jobs",
        ["account_id", "status", sa.text("id DESC")],
        postgresql_where=sa.text("status IN ('failed', 'cancelled')"),
    )
