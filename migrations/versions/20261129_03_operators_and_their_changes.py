"""Operators, where they are signed in, failed sign-ins, and the audit log of what operators change.

Why: the console lets people in by name, and nothing may be changed there that nobody answers for. The version before
this one reads and writes none of it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261129_03"
down_revision: str | Sequence[str] | None = "20261129_02"


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Grows in time."),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When, by Postgres' clock.",
        ),
        sa.Column("operator", sa.Text(), nullable=False, comment="Who: an operator's name, or who sat at the desk."),
        sa.Column("origin", sa.Text(), nullable=False, comment="From where: an IP address, or desk@host."),
        sa.Column("action", sa.Text(), nullable=False, comment="What, for example account.topup."),
        sa.Column("subject", sa.Text(), nullable=False, comment="To what: an id or a name."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Facts of the action; no secret, no signed link.",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="done, or the sentence it was refused with; null where nobody came to say so.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        comment="Every change that operators made, append-only but for its outcome.",
    )
    op.create_index(
        "ix_audit_entries_of_operator", "audit_entries", ["operator", sa.literal_column("id DESC")], unique=False
    )
    op.create_index(
        "ix_audit_entries_on_subject", "audit_entries", ["subject", sa.literal_column("id DESC")], unique=False
    )
    op.create_table(
        "operators",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7."),
        sa.Column("name", sa.Text(), nullable=False, comment="What they sign in with, lower-case; in the audit log."),
        sa.Column("role", sa.Text(), nullable=False, comment="reader looks, operator changes."),
        sa.Column("password_hash", sa.Text(), nullable=True, comment="Argon2id of the password; null with a provider."),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=True,
            comment="Issuer and subject at the identity provider; null with a password.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When they were made.",
        ),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True, comment="When they last signed in."),
        sa.CheckConstraint("role IN ('reader', 'operator')", name=op.f("ck_operators_role_is_known")),
        sa.CheckConstraint(
            "(password_hash IS NULL) <> (subject IS NULL)", name=op.f("ck_operators_a_password_or_a_provider")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
        sa.UniqueConstraint("name", name=op.f("uq_operators_name")),
        sa.UniqueConstraint("subject", name=op.f("uq_operators_subject")),
        comment="Who may use the operators' console.",
    )
    op.create_table(
        "sign_in_tallies",
        sa.Column("of", sa.LargeBinary(), nullable=False, comment="SHA-256 of the name or the address."),
        sa.Column("failures", sa.Integer(), nullable=False, comment="How many since `began_at`."),
        sa.Column(
            "began_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the first of them was.",
        ),
        sa.PrimaryKeyConstraint("of", name=op.f("pk_sign_in_tallies")),
        comment="Failed sign-ins of late, by name and by address; they go with time.",
    )
    op.create_table(
        "operator_sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie's token."),
        sa.Column("operator_id", sa.Uuid(), nullable=False, comment="Who it is."),
        sa.Column("address", sa.Text(), nullable=False, comment="Where they signed in from."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When they signed in.",
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was last used, to the minute.",
        ),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=False, comment="Refused from then on, however busy."
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_operator_sessions_operator_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_operator_sessions")),
        comment="Where operators are signed in.",
    )
    op.create_index("ix_operator_sessions_of_operator", "operator_sessions", ["operator_id"], unique=False)
