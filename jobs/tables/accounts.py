"""Who may call, and what each account is allowed."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOW, Base


class Account(Base):
    """Who owns jobs, uploads and keys; an account never sees another's."""

    __tablename__ = "accounts"
    __table_args__ = {"comment": "Who owns jobs, uploads and keys."}  # noqa: RUF012 - SQLAlchemy's form

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Also the first part of every object's key.")
    name: Mapped[str] = mapped_column(unique=True, comment="What operators call it.")
    webhook_secret: Mapped[str | None] = mapped_column(
        comment="Signs what its webhooks are told; null until drawn, where an older version made the account."
    )
    is_prepaid: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Spends no more than it has; others are unlimited."
    )
    submits_per_minute: Mapped[int | None] = mapped_column(Integer, comment="Orders taken a minute; null is no limit.")
    weight: Mapped[int] = mapped_column(
        Integer, server_default=text("1"), comment="Its share of every queue, against the others' weights."
    )
    paused_at: Mapped[datetime | None] = mapped_column(comment="Since when an operator lets no job of it begin.")
    paused_because: Mapped[str] = mapped_column(server_default=text("''"), comment="Why, in the operator's words.")
    running_max: Mapped[int | None] = mapped_column(Integer, comment="Jobs at once, more wait; null is no limit.")
    waiting_max: Mapped[int | None] = mapped_column(Integer, comment="Jobs that may wait; null is no limit.")
    models: Mapped[list[str] | None] = mapped_column(comment="The models it may order; null is all.")
    engines: Mapped[list[str] | None] = mapped_column(comment="The engines that may render for it; null is all.")
    budget_soft_usd: Mapped[Decimal | None] = mapped_column(
        comment="Spent in a month, somebody is told; null is never."
    )
    budget_hard_usd: Mapped[Decimal | None] = mapped_column(
        comment="Orders past it are refused until the month is over; null is no limit."
    )
    resends_unproven: Mapped[bool] = mapped_column(
        server_default=text("false"),
        comment="Whether a job that the upstream may have charged already is sent once more.",
    )
    pays_cancelled: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Whether a job cancelled while at the upstream costs its price."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was made.")


class ApiKey(Base):
    """A bearer key; only its SHA-256 is kept."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_of_account", "account_id", "created_at"),
        {"comment": "Bearer keys; shown once, kept as SHA-256."},
    )

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, comment="Names the key where the key itself must not stand."
    )
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose key it is.")
    name: Mapped[str] = mapped_column(comment="What its owner calls it.")
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True, comment="SHA-256 of the key.")
    scopes: Mapped[list[str]] = mapped_column(
        server_default=text("'{submit,read,manage}'"), comment="What it may do: submit, read, manage."
    )
    hint: Mapped[str] = mapped_column(comment="The key's last four letters, to tell keys apart in lists.")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was made.")
    revoked_at: Mapped[datetime | None] = mapped_column(comment="From when it is refused; null while it works.")
