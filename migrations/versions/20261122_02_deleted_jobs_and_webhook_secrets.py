"""Deleted jobs, and what webhooks are signed with.

Why: an owner may delete a finished job, which hides it at once, and every account has a secret of its own for webhooks.
"""

import base64
import secrets
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261122_02"
down_revision: str | Sequence[str] | None = "20261122_01"


def upgrade() -> None:
    op.add_column(
        "jobs",
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its owner deleted it; no caller sees it from then on.",
        ),
    )
    op.create_index(
        "ix_jobs_deleted",
        "jobs",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL AND objects_removed_at IS NULL"),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "webhook_secret",
            sa.Text(),
            nullable=True,
            comment="Signs what its webhooks are told; null until drawn, where an older version made the account.",
        ),
    )
    _draw_secrets()


def _draw_secrets() -> None:
    """Nullable all the same: the version before this one goes on making accounts until it is gone."""
    accounts = sa.table("accounts", sa.column("id", sa.Uuid()), sa.column("webhook_secret", sa.Text()))
    connection = op.get_bind()
    for account_id in connection.execute(sa.select(accounts.c.id)).scalars().all():
        drawn = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        connection.execute(accounts.update().where(accounts.c.id == account_id).values(webhook_secret=drawn))
