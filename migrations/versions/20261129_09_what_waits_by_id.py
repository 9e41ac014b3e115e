"""The index of what waits has the ids in it, and what repeats a job is found.

Why: listing fifty thousand waiting jobs, newest first, read every one of their rows. The new index takes the old one's
place, which was a part of it: no order pays for one more. The other holds re-runs alone.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261129_09"
down_revision: str | Sequence[str] | None = "20261129_07"


def upgrade() -> None:
    op.create_index("ix_jobs_waiting", "jobs", ["account_id", "id"], postgresql_where=sa.text("status = 'waiting'"))
    op.create_index("ix_jobs_reruns", "jobs", ["rerun_of"], postgresql_where=sa.text("rerun_of IS NOT NULL"))
    op.drop_index("ix_jobs_waiting_of_account", table_name="jobs")
