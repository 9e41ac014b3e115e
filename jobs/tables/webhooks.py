"""Who is told what happens, what is owed to them, and how each try to tell them ended."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.deliveries import Status
from jobs.tables.mapping import NOTHING, NOW, Base, Json


class Endpoint(Base):
    """A receiver that an account registered, and what it wants to hear of."""

    __tablename__ = "endpoints"
    __table_args__ = (
        Index("ix_endpoints_of_account", "account_id", "id", postgresql_where=text("deleted_at IS NULL")),
        {"comment": "Receivers of webhooks that accounts registered."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Its public name, and the lane of its deliveries.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose it is.")
    url: Mapped[str | None] = mapped_column(comment="Where to post; null is pulled over the event stream instead.")
    kinds: Mapped[list[str]] = mapped_column(comment="The events it wants to hear of.")
    description: Mapped[str] = mapped_column(server_default=text("''"), comment="What its owner calls it.")
    concurrency: Mapped[int | None] = mapped_column(Integer, comment="Most posts to it at once; null is the setting's.")
    secret: Mapped[str] = mapped_column(comment="Signs what it is told.")
    former_secret: Mapped[str | None] = mapped_column(comment="Signs too, while a rotation overlaps.")
    former_until: Mapped[datetime | None] = mapped_column(comment="Until when the former secret signs.")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was registered.")
    paused_at: Mapped[datetime | None] = mapped_column(comment="Its owner holds deliveries back since then.")
    disabled_at: Mapped[datetime | None] = mapped_column(comment="We gave it up then; nothing is posted any more.")
    disabled_reason: Mapped[str] = mapped_column(server_default=text("''"), comment="Why, in a sentence.")
    pulled_at: Mapped[datetime | None] = mapped_column(comment="When somebody last listened to its stream.")
    listener: Mapped[uuid.UUID | None] = mapped_column(comment="Who pulls, drawn anew by each who comes; others end.")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="When its owner deleted it; nobody sees it any more.")


class Receiver(Base):
    """How a lane has answered since it last took something; no row is a good standing."""

    __tablename__ = "receivers"
    __table_args__ = {"comment": "Receivers that fail at the moment; one without a row is well."}  # noqa: RUF012 - SQLAlchemy's form

    lane: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="An endpoint, or an account and a host.")
    failures: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="In a row, that it is to blame for.")
    failing_since: Mapped[datetime | None] = mapped_column(
        comment="Since when it fails, without a success or a long quiet."
    )
    failed_at: Mapped[datetime | None] = mapped_column(comment="Its last failure, whoever is to blame.")
    shut_until: Mapped[datetime | None] = mapped_column(comment="Nothing is posted to it before.")


class Delivery(Base):
    """One thing that somebody is to be told: the outbox."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{status}'" for status in Status)), name="status_is_known"),
        CheckConstraint("(status = 'owed') = (settled_at IS NULL)", name="exactly_the_owed_are_unsettled"),
        # Couriers walk from lane to lane on this one, and in each from what has been due longest; only the owed are in.
        Index("ix_deliveries_due", "lane", "due_at", "id", postgresql_where=text("status = 'owed'")),
        Index("ix_deliveries_of_job", "job_id", "id", postgresql_where=text("job_id IS NOT NULL")),
        Index(
            "ix_deliveries_of_endpoint",
            "endpoint_id",
            text("id DESC"),
            postgresql_where=text("endpoint_id IS NOT NULL"),
        ),
        Index("ix_deliveries_settled", "settled_at", postgresql_where=text("settled_at IS NOT NULL")),
        {
            "comment": "What is owed to receivers of webhooks, and what became of it.",
            # Every delivery is rewritten as it is taken up and as it is settled: room on the page, and vacuum soon.
            "postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; its 32 hex digits name it to callers.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose it is.")
    lane: Mapped[uuid.UUID] = mapped_column(comment="Who waits for whom: the endpoint, or the account and the host.")
    endpoint_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("endpoints.id"), comment="To whom; null for the URL of one request."
    )
    url: Mapped[str | None] = mapped_column(comment="The URL of one request; an endpoint's own is read at each try.")
    job_id: Mapped[uuid.UUID | None] = mapped_column(comment="Of which job; no foreign key, null for accounts' events.")
    kind: Mapped[str] = mapped_column(comment="What happened.")
    detail: Mapped[Json] = mapped_column(
        server_default=text("'{}'"), comment="What to tell where it is not read off the job."
    )
    status: Mapped[str] = mapped_column(server_default=text("'owed'"), comment="owed, delivered or given_up.")
    created_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()"), comment="When it happened, by Postgres' clock."
    )
    owed_since: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()"), comment="As created_at, or when it was last asked for again."
    )
    due_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()"), comment="Not tried before; a retry moves it on."
    )
    # Outside every index, so that taking it up stays a heap-only update.
    taken_until: Mapped[datetime | None] = mapped_column(
        comment="Some courier has it until then; free again if it falls silent."
    )
    turn: Mapped[int] = mapped_column(
        BigInteger, server_default=NOTHING, comment="Grows as it is taken up; what an older one tells is refused."
    )
    tries: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="Tries since owed_since.")
    settled_at: Mapped[datetime | None] = mapped_column(comment="When it was delivered or given up; null while owed.")
    reason: Mapped[str] = mapped_column(server_default=text("''"), comment="Why it is not delivered, in a sentence.")


class Try(Base):
    """How one try to deliver ended."""

    __tablename__ = "delivery_tries"
    __table_args__ = (
        Index("ix_delivery_tries_of_delivery", "delivery_id", "id"),
        {"comment": "Every post of a delivery, append-only."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Grows in time.")
    delivery_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), comment="Of which delivery."
    )
    at: Mapped[datetime] = mapped_column(comment="When the post began; its second is the one that was signed.")
    took_ms: Mapped[int] = mapped_column(Integer, comment="How long it took, milliseconds.")
    status: Mapped[int | None] = mapped_column(Integer, comment="HTTP status; null where nobody answered.")
    error: Mapped[str] = mapped_column(server_default=text("''"), comment="Why nobody answered, in a sentence.")
    answer: Mapped[str] = mapped_column(server_default=text("''"), comment="The first bytes of the answer, as text.")
