"""What accounts have, owe and have used; every change of money is an entry that is never changed."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.money import Kind
from jobs.tables.mapping import NOTHING, Base


class LedgerEntry(Base):
    """One change of an account's money."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("kind IN ({})".format(", ".join(f"'{kind}'" for kind in Kind)), name="kind_is_known"),
        CheckConstraint(
            "(kind IN ('hold', 'capture', 'release')) = (job_id IS NOT NULL)", name="exactly_what_jobs_move_names_one"
        ),
        CheckConstraint("kind = 'adjust' OR amount_usd > 0", name="amount_is_positive"),
        Index("ix_ledger_entries_of_account", "account_id", "id"),
        Index("ix_ledger_entries_of_job", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        {"comment": "Every change of money, append-only; rules/money.py says what each kind does to a tally."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Grows in time.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose money it is; no foreign key, no account is removed.")
    kind: Mapped[str] = mapped_column(comment="hold, capture, release, topup or adjust.")
    amount_usd: Mapped[Decimal] = mapped_column(comment="How much; only an adjustment may be negative.")
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"), comment="When, by Postgres' clock.")
    job_id: Mapped[uuid.UUID | None] = mapped_column(comment="For which job; no foreign key, entries outlive it.")
    key_id: Mapped[uuid.UUID | None] = mapped_column(comment="The key that submitted the job.")
    model: Mapped[str | None] = mapped_column(comment="The job's model.")
    note: Mapped[str] = mapped_column(server_default=text("''"), comment="Why, in an operator's words.")


class Tally(Base):
    """Where an account stands; locked by whoever takes an order for it or moves its money."""

    __tablename__ = "tallies"
    __table_args__ = (
        CheckConstraint("held_usd >= 0", name="held_is_not_negative"),
        {
            "comment": "Where each account stands: its money, always the sum of its entries, and what limits count.",
            # Rewritten with every order: room for the new version on the same page.
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.0"},
        },
    )

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True, comment="Whose it is.")
    available_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="To be spent; the balance.")
    held_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="Set aside for unfinished jobs.")
    month: Mapped[date] = mapped_column(
        server_default=text("date_trunc('month', now())::date"), comment="First day of the month counted."
    )
    month_usd: Mapped[Decimal] = mapped_column(
        server_default=NOTHING, comment="Held for jobs in that month and not released; what budgets limit."
    )
    submits: Mapped[list[int]] = mapped_column(
        ARRAY(Integer), server_default=text("'{}'"), comment="Orders taken in each second of the last minute."
    )
    submits_until: Mapped[int] = mapped_column(
        BigInteger, server_default=NOTHING, comment="The Unix second that the last of `submits` counts."
    )
    waiting_most: Mapped[int] = mapped_column(
        Integer, server_default=NOTHING, comment="No more of its jobs are waiting than this; counted anew at the limit."
    )
