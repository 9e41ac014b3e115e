"""Who may use the operators' console, where they are signed in, and everything that operators have changed."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.roles import ALL
from jobs.tables.mapping import NOW, Base, Json


class Operator(Base):
    """Somebody who runs the house: with a password of ours, or known by an identity provider."""

    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint("role IN ({})".format(", ".join(f"'{role}'" for role in ALL)), name="role_is_known"),
        CheckConstraint("(password_hash IS NULL) <> (subject IS NULL)", name="a_password_or_a_provider"),
        {"comment": "Who may use the operators' console."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7.")
    name: Mapped[str] = mapped_column(unique=True, comment="What they sign in with, lower-case; in the audit log.")
    role: Mapped[str] = mapped_column(comment="reader looks, operator changes.")
    password_hash: Mapped[str | None] = mapped_column(comment="Argon2id of the password; null with a provider.")
    subject: Mapped[str | None] = mapped_column(
        unique=True, comment="Issuer and subject at the identity provider; null with a password."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When they were made.")
    signed_in_at: Mapped[datetime | None] = mapped_column(comment="When they last signed in.")


class OperatorSession(Base):
    """One browser in which an operator is signed in; the token is in its cookie, and only the hash is here."""

    __tablename__ = "operator_sessions"
    __table_args__ = (
        Index("ix_operator_sessions_of_operator", "operator_id"),
        {"comment": "Where operators are signed in."},
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, comment="SHA-256 of the cookie's token.")
    operator_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), comment="Who it is.")
    address: Mapped[str] = mapped_column(comment="Where they signed in from.")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When they signed in.")
    seen_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was last used, to the minute.")
    expires_at: Mapped[datetime] = mapped_column(comment="Refused from then on, however busy.")


class SignInTally(Base):
    """Failed sign-ins of late, for one name or one address."""

    __tablename__ = "sign_in_tallies"
    __table_args__ = {"comment": "Failed sign-ins of late, by name and by address; they go with time."}  # noqa: RUF012 - SQLAlchemy's form

    of: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, comment="SHA-256 of the name or the address.")
    failures: Mapped[int] = mapped_column(Integer, comment="How many since `began_at`.")
    began_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When the first of them was.")


class AuditEntry(Base):
    """One change that an operator made or tried to make; written before it is made, so that none is without."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_of_operator", "operator", text("id DESC")),
        Index("ix_audit_entries_on_subject", "subject", text("id DESC")),
        {"comment": "Every change that operators made, append-only but for its outcome."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Grows in time.")
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"), comment="When, by Postgres' clock.")
    operator: Mapped[str] = mapped_column(comment="Who: an operator's name, or who sat at the desk.")
    origin: Mapped[str] = mapped_column(comment="From where: an IP address, or desk@host.")
    action: Mapped[str] = mapped_column(comment="What, for example account.topup.")
    subject: Mapped[str] = mapped_column(comment="To what: an id or a name.")
    detail: Mapped[Json] = mapped_column(
        server_default=text("'{}'"), comment="Facts of the action; no secret, no signed link."
    )
    outcome: Mapped[str | None] = mapped_column(
        comment="done, or the sentence it was refused with; null where nobody came to say so."
    )
