"""Money and limits: entries, tallies, prices of jobs, scopes of keys.

Why: a job is paid for, a key may be narrower than its account, and an account may be given limits. Columns are filled
by defaults, so that the version before this one goes on beside it: its jobs are free, its accounts unlimited.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_03"
down_revision: str | Sequence[str] | None = "20261122_02"


def upgrade() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Grows in time."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose money it is."),
        sa.Column("kind", sa.Text(), nullable=False, comment="hold, capture, release, topup or adjust."),
        sa.Column(
            "amount_usd",
            sa.Numeric(precision=16, scale=6),
            nullable=False,
            comment="How much; only an adjustment may be negative.",
        ),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When, by Postgres' clock.",
        ),
        sa.Column("job_id", sa.Uuid(), nullable=True, comment="For which job; no foreign key, entries outlive it."),
        sa.Column("key_id", sa.Uuid(), nullable=True, comment="The key that submitted the job."),
        sa.Column("model", sa.Text(), nullable=True, comment="The job's model."),
        sa.Column(
            "note", sa.Text(), server_default=sa.text("''"), nullable=False, comment="Why, in an operator's words."
        ),
        sa.CheckConstraint(
            "(kind IN ('hold', 'capture', 'release')) = (job_id IS NOT NULL)",
            name=op.f("ck_ledger_entries_exactly_what_jobs_move_names_one"),
        ),
        sa.CheckConstraint("kind = 'adjust' OR amount_usd > 0", name=op.f("ck_ledger_entries_amount_is_positive")),
        sa.CheckConstraint(
            "kind IN ('hold', 'capture', 'release', 'topup', 'adjust')", name=op.f("ck_ledger_entries_kind_is_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_ledger_entries_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        comment="Every change of money, append-only; rules/money.py says what each kind does to a tally.",
    )
    op.create_index("ix_ledger_entries_of_account", "ledger_entries", ["account_id", "id"], unique=False)
    op.create_index(
        "ix_ledger_entries_of_job",
        "ledger_entries",
        ["job_id"],
        unique=False,
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
    op.create_table(
        "tallies",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose it is."),
        sa.Column(
            "available_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="To be spent; the balance.",
        ),
        sa.Column(
            "held_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="Set aside for unfinished jobs.",
        ),
        sa.Column(
            "month",
            sa.Date(),
            server_default=sa.text("date_trunc('month', now())::date"),
            nullable=False,
            comment="First day of the month counted.",
        ),
        sa.Column(
            "month_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="Held or captured for orders of that month; what budgets limit.",
        ),
        sa.Column(
            "submits",
            postgresql.ARRAY(sa.Integer()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Orders taken in each second of the last minute.",
        ),
        sa.Column(
            "submits_until",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="The Unix second that the last of `submits` counts.",
        ),
        sa.Column(
            "waiting_most",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="No more of its jobs are waiting than this; counted anew at the limit.",
        ),
        sa.CheckConstraint("held_usd >= 0", name=op.f("ck_tallies_held_is_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_tallies_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_tallies")),
        comment="Where each account stands: its money, always the sum of its entries, and what limits count.",
        postgresql_with={"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.0"},
    )
    op.add_column(
        "accounts",
        sa.Column(
            "is_prepaid",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Spends no more than it has; others are unlimited.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "submits_per_minute", sa.Integer(), nullable=True, comment="Orders taken a minute; null is no limit."
        ),
    )
    op.add_column(
        "accounts",
        sa.Column("running_max", sa.Integer(), nullable=True, comment="Jobs at once, more wait; null is no limit."),
    )
    op.add_column(
        "accounts",
        sa.Column("waiting_max", sa.Integer(), nullable=True, comment="Jobs that may wait; null is no limit."),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "models", postgresql.ARRAY(sa.Text()), nullable=True, comment="The models it may order; null is all."
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "engines",
            postgresql.ARRAY(sa.Text()),
            nullable=True,
            comment="The engines that may render for it; null is all.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "budget_soft_usd",
            sa.Numeric(precision=16, scale=6),
            nullable=True,
            comment="Spent in a month, somebody is told; null is never.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "budget_hard_usd",
            sa.Numeric(precision=16, scale=6),
            nullable=True,
            comment="Orders past it are refused until the month is over; null is no limit.",
        ),
    )
    op.add_column(
        "api_keys",
        sa.Column(
            "scopes",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{submit,read,manage}'"),
            nullable=False,
            comment="What it may do: submit, read, manage.",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "price_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it costs its caller: a quote until it is final, nothing if it failed.",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "held_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="Money held for it now.",
        ),
    )
    op.create_index(
        "ix_jobs_held_of_account",
        "jobs",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('running', 'forwarded')"),
    )
    op.create_index(
        "ix_jobs_unsettled",
        "jobs",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("held_usd > 0 AND finished_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_waiting_of_account",
        "jobs",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
