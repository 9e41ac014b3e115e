"""A job's row, and what hangs on it."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.batches import PAUSED_UNTIL
from jobs.rules.states import State
from jobs.tables.mapping import NOTHING, NOW, Base, Json

IN_LINE: Final = f"status = 'waiting' AND due_at < '{PAUSED_UNTIL}'"
"""What is true of a job that stands in a queue, as SQL; one whose batch is paused stands in none."""

PREPARED: Final = "engine = 'cloud' AND media IS NOT NULL"
"""What is true of a job in line for the upstream, as SQL."""

UNPREPARED: Final = "(engine <> 'cloud' OR media IS NULL)"
"""What is true of a job in line for a worker, as SQL."""


class Job(Base):
    """One order from acceptance to its end."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{state}'" for state in State)), name="status_is_known"),
        CheckConstraint("(status = 'running') = (lease_until IS NOT NULL)", name="exactly_the_running_have_a_lease"),
        CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name="exactly_the_final_are_finished",
        ),
        # Claims begin at an account's first entry; nothing that is finished or paused is in it.
        Index(
            "ix_jobs_in_line",
            "engine",
            "account_id",
            "in_line_since",
            "id",
            postgresql_where=text(f"{IN_LINE} AND {UNPREPARED}"),
        ),
        # The same for what goes up next.
        Index(
            "ix_jobs_prepared",
            "account_id",
            "in_line_since",
            "id",
            postgresql_where=text(f"{IN_LINE} AND {PREPARED}"),
        ),
        # Few rows; without the lease in it, so that a renewal stays a heap-only update.
        Index("ix_jobs_running", "id", postgresql_where=text("status = 'running'")),
        # How many of an account run, and how many wait, for its limits.
        Index("ix_jobs_held_of_account", "account_id", postgresql_where=text("status IN ('running', 'forwarded')")),
        # Few rows: at the upstream; their deadlines.
        Index("ix_jobs_forwarded", "id", postgresql_where=text("status = 'forwarded'")),
        # With the id, so that whoever lists what waits reads this alone.
        Index("ix_jobs_waiting", "account_id", "id", postgresql_where=text("status = 'waiting'")),
        Index("ix_jobs_waited_too_long", "wait_until", postgresql_where=text("status = 'waiting'")),
        # What waits for each engine, and since when: what is looked at all the time by whoever watches over us.
        Index("ix_jobs_due", "engine", "due_at", postgresql_where=text("status = 'waiting'")),
        Index("ix_jobs_overdue", "finish_until", postgresql_where=text("status = 'waiting'")),
        Index("ix_jobs_of_account", "account_id", text("id DESC")),
        # Only jobs of batches: by their lines, and how many stand how.
        Index(
            "uq_jobs_line_of_batch",
            "batch_id",
            "batch_line",
            unique=True,
            postgresql_where=text("batch_id IS NOT NULL"),
        ),
        Index("ix_jobs_of_batch", "batch_id", "status", postgresql_where=text("batch_id IS NOT NULL")),
        # Operators look for these first, among very many that went well.
        Index(
            "ix_jobs_unsuccessful",
            "status",
            text("id DESC"),
            postgresql_where=text("status IN ('failed', 'cancelled')"),
        ),
        Index(
            "ix_jobs_unsuccessful_of_account",
            "account_id",
            "status",
            text("id DESC"),
            postgresql_where=text("status IN ('failed', 'cancelled')"),
        ),
        Index("ix_jobs_measured", "engine", text("finished_at DESC"), postgresql_where=text("status = 'completed'")),
        Index("ix_jobs_tags", "tags", postgresql_using="gin", postgresql_where=text("tags <> '{}'")),
        Index(
            "ix_jobs_videos_expired",
            "finished_at",
            postgresql_where=text("objects_removed_at IS NULL AND finished_at IS NOT NULL"),
        ),
        # Few rows: final, and money still held, by a version of ours that knew no money.
        Index("ix_jobs_unsettled", "finished_at", postgresql_where=text("held_usd > 0 AND finished_at IS NOT NULL")),
        # Few rows: what callers deleted since the objects of deleted jobs were last removed.
        Index(
            "ix_jobs_deleted",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND objects_removed_at IS NULL"),
        ),
        # Few rows: on their way into the archive.
        Index("ix_jobs_leaving", "id", postgresql_where=text("objects_removed_at IS NOT NULL")),
        # Failed jobs by what they have in common: how many, and since when not.
        Index(
            "ix_jobs_of_error_group",
            "error_group",
            text("finished_at DESC"),
            postgresql_where=text("error_group IS NOT NULL"),
        ),
        # Few rows: what repeats a job, for whoever looks at that one.
        Index("ix_jobs_reruns", "rerun_of", postgresql_where=text("rerun_of IS NOT NULL")),
        # Few rows: re-runs that may yet begin with the files of the job they repeat.
        Index(
            "ix_jobs_borrowing",
            "id",
            postgresql_where=text("rerun_of IS NOT NULL AND media IS NOT NULL AND finished_at IS NULL"),
        ),
        {
            "comment": "One order from acceptance to its end; the row is the truth, a queue message only a doorbell.",
            # Renewals rewrite the row every few seconds: room for them on the same page, and vacuum soon.
            "postgresql_with": {"fillfactor": "85", "autovacuum_vacuum_scale_factor": "0.02"},
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; its 32 hex digits are the public id.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose job it is; no foreign key, no account is removed.")
    key_id: Mapped[uuid.UUID] = mapped_column(comment="The key that submitted it; no foreign key, no key is removed.")
    rerun_of: Mapped[uuid.UUID | None] = mapped_column(comment="The finished job this one repeats.")
    batch_id: Mapped[uuid.UUID | None] = mapped_column(comment="The batch it came in; no foreign key.")
    batch_line: Mapped[int | None] = mapped_column(Integer, comment="Its line in the batch, from 1 on.")
    custom_id: Mapped[str | None] = mapped_column(comment="What its line calls it.")

    model: Mapped[str] = mapped_column(comment="Model id of the catalog.")
    inputs: Mapped[Json] = mapped_column(
        comment="The clean form: media links, prompt, order, resolution, seed as asked."
    )
    seed: Mapped[int] = mapped_column(BigInteger, comment="The seed rendered with; drawn when -1 was asked for.")
    options: Mapped[Json] = mapped_column(
        server_default=text("'{}'"), comment="What our own face takes beyond the form."
    )
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), comment="The caller's labels, for filters.")
    metadata_: Mapped[Json] = mapped_column(
        "metadata", server_default=text("'{}'"), comment="The caller's own JSON, given back unread."
    )
    webhook_url: Mapped[str | None] = mapped_column(comment="Told when the job is final.")
    traceparent: Mapped[str | None] = mapped_column(
        comment="W3C trace context that all that happens to it belongs to; null where there is none."
    )
    wants_base64: Mapped[bool] = mapped_column(server_default=text("false"), comment="Outputs as base64, not links.")

    status: Mapped[str] = mapped_column(comment="One of rules/states.py.")
    engine_wanted: Mapped[str] = mapped_column(comment="What the caller asked for: auto, gpu, cloud or preview.")
    engine: Mapped[str] = mapped_column(comment="Who is to render it: gpu, cloud or preview.")
    engine_reason: Mapped[str] = mapped_column(comment="Why this engine, in a sentence.")
    priority: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Higher goes first among its account's, -100 to 100."
    )
    in_line_since: Mapped[datetime] = mapped_column(
        server_default=NOW, comment="When it was accepted, moved by an hour for each step of its priority."
    )
    due_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="Not claimed before; a retry moves it on.")

    price_usd: Mapped[Decimal] = mapped_column(
        server_default=NOTHING, comment="What it costs its caller: a quote until it is final, nothing if it failed."
    )
    held_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="Money held for it now.")
    cost_usd: Mapped[Decimal] = mapped_column(
        server_default=NOTHING, comment="What it has cost us: GPU time, and what the upstream charges for its tries."
    )

    attempt: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Claims that count against the limit."
    )
    fence: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), comment="Grows with every claim; an effect with an older one is refused."
    )
    lease_until: Mapped[datetime | None] = mapped_column(comment="Until when the holder is believed alive.")
    worker: Mapped[str | None] = mapped_column(comment="Who holds it now, or held it last.")
    profile: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Memory profile: 0 is full, each step up takes less memory."
    )
    workers_lost: Mapped[int] = mapped_column(Integer, server_default=text("0"), comment="Holders that fell silent.")
    cancel_requested_at: Mapped[datetime | None] = mapped_column(comment="When somebody asked to stop it.")
    stage: Mapped[str] = mapped_column(server_default=text("''"), comment="What the holder is doing, in one word.")
    progress: Mapped[float] = mapped_column(
        server_default=text("0"), comment="Finished fraction of the attempt, 0 to 1."
    )

    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was accepted.")
    started_at: Mapped[datetime | None] = mapped_column(comment="When the current or last attempt began.")
    finished_at: Mapped[datetime | None] = mapped_column(comment="When it became final.")
    wait_until: Mapped[datetime] = mapped_column(comment="Fails when its first attempt has not begun by then.")
    run_seconds: Mapped[int] = mapped_column(Integer, comment="How long one attempt may run.")
    finish_until: Mapped[datetime] = mapped_column(comment="Fails when it is not final by then.")

    media: Mapped[Json | None] = mapped_column(comment="The regular files made of the inputs, once intake is through.")
    output: Mapped[Json | None] = mapped_column(
        comment="The video: key, bytes, sha256, width, height, frames, seconds."
    )
    warnings: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), comment="What the engine noticed.")
    inference_ms: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Rendering time, milliseconds."
    )
    error: Mapped[str] = mapped_column(server_default=text("''"), comment="Why it failed, for the caller.")
    error_code: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="Task code of the contract; 0 is fine."
    )
    error_class: Mapped[str | None] = mapped_column(comment="The word failures are grouped by.")
    error_group: Mapped[uuid.UUID | None] = mapped_column(comment="The kind of failure; no foreign key.")
    objects_removed_at: Mapped[datetime | None] = mapped_column(
        comment="From when its objects leave the bucket; the row follows them into the archive."
    )
    deleted_at: Mapped[datetime | None] = mapped_column(
        comment="When its owner deleted it; no caller sees it from then on."
    )

    @classmethod
    def is_tagged(cls, tag: str) -> ColumnElement[bool]:
        """Whether a job has this tag, in the words by which Postgres sees that the index of tags will do."""
        return cls.tags.contains([tag]) & (cls.tags != text("'{}'"))


class Attachment(Base):
    """Media that came inside the request; gone as soon as intake has made it a regular file."""

    __tablename__ = "attachments"
    __table_args__ = {"comment": "Media sent inside a request, until intake is through."}  # noqa: RUF012 - SQLAlchemy's form

    job_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True, comment="The job it came with."
    )
    field: Mapped[str] = mapped_column(primary_key=True, comment="The input it stands for.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose it is.")
    content: Mapped[str] = mapped_column(comment="As sent: a data: URI or bare base64.")


class IdempotencyKey(Base):
    """A caller's own name for one submission: the same name means the same job."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("ix_idempotency_keys_expired", "expires_at"),
        {"comment": "Callers' own names for submissions; one name, one effect."},
    )

    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Whose name it is; others may use it too.")
    key: Mapped[str] = mapped_column(primary_key=True, comment="As sent in Idempotency-Key.")
    body_digest: Mapped[bytes] = mapped_column(
        LargeBinary, comment="SHA-256 of what was asked; another body is refused."
    )
    job_id: Mapped[uuid.UUID] = mapped_column(comment="What was made of it.")
    expires_at: Mapped[datetime] = mapped_column(comment="When the name is free again.")


class Event(Base):
    """What happened to a job, one row a move; never changed."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_of_job", "job_id", "id"),
        {"comment": "What happened, in order, append-only."},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, comment="Grows in time.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose job it was.")
    job_id: Mapped[uuid.UUID] = mapped_column(comment="No foreign key: events outlive the job's row.")
    kind: Mapped[str] = mapped_column(comment="What happened, for example job.completed.")
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"), comment="When, by Postgres' clock.")
    status: Mapped[str] = mapped_column(comment="The job's state after it.")
    attempt: Mapped[int] = mapped_column(Integer, comment="The attempt it belongs to.")
    fence: Mapped[int] = mapped_column(BigInteger, comment="The claim it belongs to.")
    detail: Mapped[Json] = mapped_column(
        server_default=text("'{}'"), comment="Facts of its kind; no secret, no signed link."
    )
