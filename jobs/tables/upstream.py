"""What is at the upstream for us: every try of a job there, and how fast each of our keys may be used."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import Base

OUTCOMES = ("completed", "failed", "refused", "not_sent", "not_found", "unproven")


class UpstreamPace(Base):
    """One of our keys at the upstream: whoever submits with it locks its row first."""

    __tablename__ = "upstream_keys"
    __table_args__ = {  # noqa: RUF012 - SQLAlchemy's form
        "comment": "How fast each of our keys at the upstream may be used, shared by all workers.",
        # Rewritten with every submit: room for that on the same page.
        "postgresql_with": {"fillfactor": "70"},
    }

    name: Mapped[str] = mapped_column(primary_key=True, comment="Beginning of the key's SHA-256; never the key.")
    paced_until: Mapped[datetime | None] = mapped_column(comment="Until when its pace is used up.")
    closed_until: Mapped[datetime | None] = mapped_column(comment="Nothing is submitted with it before.")
    closed_because: Mapped[str | None] = mapped_column(comment="Why, in a sentence.")
    webhook_secret: Mapped[str | None] = mapped_column(comment="What the upstream signs its webhooks for it with.")
    secret_read_at: Mapped[datetime | None] = mapped_column(comment="When the upstream last said that secret.")


class UpstreamTry(Base):
    """One submit to the upstream, from the intent on: it is written down before anything is sent.

    While `ended_at` is null it may be running there, and its job is not submitted again.
    """

    __tablename__ = "upstream_tries"
    __table_args__ = (
        CheckConstraint("outcome IN ({})".format(", ".join(f"'{word}'" for word in OUTCOMES)), name="outcome_is_known"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="exactly_the_ended_have_an_outcome"),
        # Never twice: the database itself refuses a second try beside an open one.
        Index("ix_upstream_tries_one_open", "job_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("ix_upstream_tries_open_of_key", "upstream_key", "made_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_upstream_tries_of_job", "job_id", "id"),
        Index("ix_upstream_tries_upstream_id", "upstream_id", postgresql_where=text("upstream_id IS NOT NULL")),
        # Few rows each: what somebody is to do next.
        Index(
            "ix_upstream_tries_told",
            "told_at",
            postgresql_where=text("told_at IS NOT NULL AND ended_at IS NULL"),
        ),
        Index(
            "ix_upstream_tries_to_stop",
            "stop_wanted_at",
            postgresql_where=text("stop_wanted_at IS NOT NULL AND stop_heard_at IS NULL AND ended_at IS NULL"),
        ),
        Index(
            "ix_upstream_tries_to_collect",
            "job_id",
            postgresql_where=text("outcome = 'completed' AND collected_at IS NULL"),
        ),
        Index(
            "ix_upstream_tries_arrived",
            "ended_at",
            postgresql_where=text("outcome = 'completed' AND collected_at IS NULL"),
        ),
        Index(
            "ix_upstream_tries_unbilled",
            "upstream_key",
            "made_at",
            postgresql_where=text("upstream_id IS NOT NULL AND reconciled_at IS NULL"),
        ),
        {
            "comment": "Every submit of a job to the upstream, from the intent to the bill.",
            "postgresql_with": {"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; stands in its input links and callback.")
    job_id: Mapped[uuid.UUID] = mapped_column(comment="Of which job; no foreign key, the bill outlives the row.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose job it is.")
    attempt: Mapped[int] = mapped_column(Integer, comment="Which attempt of the job it is.")
    fence: Mapped[int] = mapped_column(BigInteger, comment="The job's fence when it was forwarded.")
    upstream_key: Mapped[str] = mapped_column(comment="The key it is submitted with, by its name.")
    model: Mapped[str] = mapped_column(comment="Model id, the same at the upstream.")
    marker: Mapped[str | None] = mapped_column(
        comment="The input URL that finds it in the upstream's list; null while nothing can have been sent."
    )
    made_at: Mapped[datetime] = mapped_column(
        server_default=text("clock_timestamp()"), comment="When the intent was written."
    )
    held_until: Mapped[datetime | None] = mapped_column(comment="Until when whoever is sending it is believed alive.")
    upstream_id: Mapped[str | None] = mapped_column(comment="What the upstream calls it.")
    accepted_at: Mapped[datetime | None] = mapped_column(comment="When we knew that the upstream has it.")
    doubted_at: Mapped[datetime | None] = mapped_column(comment="Since when nobody knows whether it was taken.")
    looked_at: Mapped[datetime | None] = mapped_column(comment="When the upstream was last asked about it.")
    told_at: Mapped[datetime | None] = mapped_column(comment="When the upstream's webhook said that it ended.")
    stop_wanted_at: Mapped[datetime | None] = mapped_column(comment="Its job needs it no more since then.")
    stop_asked_at: Mapped[datetime | None] = mapped_column(comment="When the upstream was last asked to stop it.")
    stop_heard_at: Mapped[datetime | None] = mapped_column(comment="When the upstream answered that, with yes or no.")
    ended_at: Mapped[datetime | None] = mapped_column(comment="When we knew how it ended; null while it may run there.")
    outcome: Mapped[str | None] = mapped_column(
        comment="completed, failed, refused, not_sent, not_found; or unproven: perhaps charged, perhaps not taken."
    )
    task_code: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="The upstream's code for a failed one; 0 is fine."
    )
    reason: Mapped[str] = mapped_column(server_default=text("''"), comment="Why it came to nothing, in a sentence.")
    output_url: Mapped[str | None] = mapped_column(comment="Where the upstream keeps its video.")
    is_flagged: Mapped[bool | None] = mapped_column(Boolean, comment="What the upstream's moderation says of it.")
    inference_ms: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Rendering time there, milliseconds."
    )
    collected_at: Mapped[datetime | None] = mapped_column(comment="When its video was ours, or was given up.")
    collects: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="How often its video was fetched in vain."
    )
    expected_usd: Mapped[Decimal] = mapped_column(server_default=text("0"), comment="What it should cost us.")
    cost_usd: Mapped[Decimal] = mapped_column(
        server_default=text("0"), comment="What it counts for in its job's cost: as expected until the bill says."
    )
    charged_usd: Mapped[Decimal | None] = mapped_column(
        comment="What the upstream's bill says, less what it gave back; null until it says so."
    )
    reconciled_at: Mapped[datetime | None] = mapped_column(comment="From when the bill is not asked about it again.")
