"""Webhooks: who is told, what is owed to them, and how each try ended.

Why: what is owed is written in the transaction that caused it, so that no crash loses it. The version before this one
writes nothing here; what it finishes meanwhile is not told to anybody.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_05"
down_revision: str | Sequence[str] | None = "20261122_04"


def upgrade() -> None:
    op.create_table(
        "receivers",
        sa.Column("lane", sa.Uuid(), nullable=False, comment="An endpoint, or an account and a host."),
        sa.Column(
            "failures",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="In a row, that it is to blame for.",
        ),
        sa.Column(
            "failing_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Its first failure since it last took something.",
        ),
        sa.Column(
            "failed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Its last failure that it is to blame for.",
        ),
        sa.Column("shut_until", sa.DateTime(timezone=True), nullable=True, comment="Nothing is posted to it before."),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_receivers")),
        comment="Receivers that fail at the moment; one without a row is well.",
    )
    op.create_table(
        "endpoints",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Its public name, and the lane of its deliveries."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose it is."),
        sa.Column(
            "url", sa.Text(), nullable=True, comment="Where to post; null is pulled over the event stream instead."
        ),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=False, comment="The events it wants to hear of."),
        sa.Column(
            "description", sa.Text(), server_default=sa.text("''"), nullable=False, comment="What its owner calls it."
        ),
        sa.Column(
            "concurrency", sa.Integer(), nullable=True, comment="Most posts to it at once; null is the setting's."
        ),
        sa.Column("secret", sa.Text(), nullable=False, comment="Signs what it is told."),
        sa.Column("former_secret", sa.Text(), nullable=True, comment="Signs too, while a rotation overlaps."),
        sa.Column(
            "former_until", sa.DateTime(timezone=True), nullable=True, comment="Until when the former secret signs."
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was registered.",
        ),
        sa.Column(
            "paused_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Its owner holds deliveries back since then.",
        ),
        sa.Column(
            "disabled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="We gave it up then; nothing is posted any more.",
        ),
        sa.Column(
            "disabled_reason", sa.Text(), server_default=sa.text("''"), nullable=False, comment="Why, in a sentence."
        ),
        sa.Column(
            "pulled_at", sa.DateTime(timezone=True), nullable=True, comment="When somebody last listened to its stream."
        ),
        sa.Column(
            "deleted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its owner deleted it; nobody sees it any more.",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_endpoints_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
        comment="Receivers of webhooks that accounts registered.",
    )
    op.create_index(
        "ix_endpoints_of_account",
        "endpoints",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7; its 32 hex digits name it to callers."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose it is."),
        sa.Column(
            "lane", sa.Uuid(), nullable=False, comment="Who waits for whom: the endpoint, or the account and the host."
        ),
        sa.Column("endpoint_id", sa.Uuid(), nullable=True, comment="To whom; null for the URL of one request."),
        sa.Column(
            "url", sa.Text(), nullable=True, comment="The URL of one request; an endpoint's own is read at each try."
        ),
        sa.Column(
            "job_id", sa.Uuid(), nullable=True, comment="Of which job; no foreign key, null for accounts' events."
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="What happened."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What to tell where it is not read off the job.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            server_default=sa.text("'owed'"),
            nullable=False,
            comment="owed, delivered or given_up.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When it happened, by Postgres' clock.",
        ),
        sa.Column(
            "owed_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="As created_at, or when it was last asked for again.",
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="Not tried before; a retry moves it on.",
        ),
        sa.Column(
            "taken_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Some courier has it until then; free again if it falls silent.",
        ),
        sa.Column(
            "turn",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Grows as it is taken up; what an older one tells is refused.",
        ),
        sa.Column(
            "tries", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="Tries since owed_since."
        ),
        sa.Column(
            "settled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When it was delivered or given up; null while owed.",
        ),
        sa.Column(
            "reason",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why it is not delivered, in a sentence.",
        ),
        sa.CheckConstraint(
            "(status = 'owed') = (settled_at IS NULL)", name=op.f("ck_deliveries_exactly_the_owed_are_unsettled")
        ),
        sa.CheckConstraint("status IN ('owed', 'delivered', 'given_up')", name=op.f("ck_deliveries_status_is_known")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoints.id"], name=op.f("fk_deliveries_endpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        comment="What is owed to receivers of webhooks, and what became of it.",
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["lane", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'owed'"),
    )
    op.create_index(
        "ix_deliveries_of_endpoint",
        "deliveries",
        ["endpoint_id", sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("endpoint_id IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_of_job",
        "deliveries",
        ["job_id", "id"],
        unique=False,
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.create_index(
        "ix_deliveries_settled",
        "deliveries",
        ["settled_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )
    op.create_table(
        "delivery_tries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Grows in time."),
        sa.Column("delivery_id", sa.Uuid(), nullable=False, comment="Of which delivery."),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the post began; its second is the one that was signed.",
        ),
        sa.Column("took_ms", sa.Integer(), nullable=False, comment="How long it took, milliseconds."),
        sa.Column("status", sa.Integer(), nullable=True, comment="HTTP status; null where nobody answered."),
        sa.Column(
            "error",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why nobody answered, in a sentence.",
        ),
        sa.Column(
            "answer",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="The first bytes of the answer, as text.",
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_delivery_tries_delivery_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_tries")),
        comment="Every post of a delivery, append-only.",
    )
    op.create_index("ix_delivery_tries_of_delivery", "delivery_tries", ["delivery_id", "id"], unique=False)
