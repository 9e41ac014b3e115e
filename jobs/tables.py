"""The schema on one page; every column says what it means, and says it in the database too.

The row is the truth. Hot statements read partial indexes, each named for its purpose.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from jobs.rules.states import State

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = dict[str, Any]
_NOW = text("now()")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        uuid.UUID: Uuid(),
        Json: JSONB(),
        list[str]: ARRAY(Text()),
        str: Text(),
    }


class Account(Base):
    """Who owns jobs, uploads and keys; an account never sees another's."""

    __tablename__ = "accounts"
    __table_args__ = {"comment": "Who owns jobs, uploads and keys."}  # noqa: RUF012 - SQLAlchemy's form

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Also the first part of every object's key.")
    name: Mapped[str] = mapped_column(unique=True, comment="What operators call it.")
    webhook_secret: Mapped[str | None] = mapped_column(
        comment="Signs what its webhooks are told; null until drawn, where an older version made the account."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When it was made.")


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
    hint: Mapped[str] = mapped_column(comment="The key's last four letters, to tell keys apart in lists.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When it was made.")
    revoked_at: Mapped[datetime | None] = mapped_column(comment="From when it is refused; null while it works.")


class Upload(Base):
    """A file a caller has put, or may still put, into the bucket."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_expired", "expires_at"),
        {"comment": "Files of callers in the bucket; the object may not be there yet."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Part of the object's key.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose file it is.")
    filename: Mapped[str] = mapped_column(comment="The caller's name for it, made safe for a URL.")
    content_type: Mapped[str] = mapped_column(comment="Declared by the caller, or told from the file's name.")
    size_bytes: Mapped[int] = mapped_column(BigInteger, comment="Declared or counted length.")
    object_key: Mapped[str] = mapped_column(comment="Where it lies in the bucket.")
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When the ticket was given.")
    expires_at: Mapped[datetime] = mapped_column(comment="When the object is removed.")


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
        # Claims read this one from its first entry on; nothing finished is in it.
        Index("ix_jobs_claimable", "engine", text("priority DESC"), "id", postgresql_where=text("status = 'waiting'")),
        # Few rows; without the lease in it, so that a renewal stays a heap-only update.
        Index("ix_jobs_running", "id", postgresql_where=text("status = 'running'")),
        Index("ix_jobs_waited_too_long", "wait_until", postgresql_where=text("status = 'waiting'")),
        Index("ix_jobs_overdue", "finish_until", postgresql_where=text("status = 'waiting'")),
        Index("ix_jobs_of_account", "account_id", text("id DESC")),
        Index("ix_jobs_measured", "engine", text("finished_at DESC"), postgresql_where=text("status = 'completed'")),
        Index("ix_jobs_tags", "tags", postgresql_using="gin", postgresql_where=text("tags <> '{}'")),
        Index("ix_jobs_videos_expired", "finished_at", postgresql_where=text("objects_removed_at IS NULL")),
        # Few rows: what callers deleted since the objects of deleted jobs were last removed.
        Index(
            "ix_jobs_deleted",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND objects_removed_at IS NULL"),
        ),
        {
            "comment": "One order from acceptance to its end; the row is the truth, a queue message only a doorbell.",
            # Renewals rewrite the row every few seconds: room for them on the same page, and vacuum soon.
            "postgresql_with": {"fillfactor": "85", "autovacuum_vacuum_scale_factor": "0.02"},
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; its 32 hex digits are the public id.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose job it is.")
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_keys.id"), comment="The key that submitted it.")
    rerun_of: Mapped[uuid.UUID | None] = mapped_column(comment="The finished job this one repeats.")

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
    wants_base64: Mapped[bool] = mapped_column(server_default=text("false"), comment="Outputs as base64, not links.")

    status: Mapped[str] = mapped_column(comment="One of rules/states.py.")
    engine_wanted: Mapped[str] = mapped_column(comment="What the caller asked for: auto, gpu, cloud or preview.")
    engine: Mapped[str] = mapped_column(comment="Who is to render it: gpu, cloud or preview.")
    engine_reason: Mapped[str] = mapped_column(comment="Why this engine, in a sentence.")
    priority: Mapped[int] = mapped_column(Integer, server_default=text("0"), comment="Higher goes first, -100 to 100.")
    due_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="Not claimed before; a retry moves it on.")

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

    created_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When it was accepted.")
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
    objects_removed_at: Mapped[datetime | None] = mapped_column(comment="When its objects left the bucket.")
    deleted_at: Mapped[datetime | None] = mapped_column(
        comment="When its owner deleted it; no caller sees it from then on."
    )


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


class Worker(Base):
    """A worker process that is, or was lately, alive; narrow, because it is rewritten all the time."""

    __tablename__ = "workers"
    __table_args__ = {"comment": "Heartbeats of worker processes."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="Host and process id.")
    engines: Mapped[list[str]] = mapped_column(comment="What it can render with.")
    slots: Mapped[int] = mapped_column(Integer, comment="How many jobs it runs at once.")
    version: Mapped[str] = mapped_column(comment="The code it runs.")
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="When it came up.")
    seen_at: Mapped[datetime] = mapped_column(server_default=_NOW, comment="Its last heartbeat.")


class Chore(Base):
    """When each recurring chore is due next, and how it went; whoever moves `due_at` on runs it."""

    __tablename__ = "chores"
    __table_args__ = {"comment": "The timetable of recurring chores."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="One of workers/chores.")
    due_at: Mapped[datetime] = mapped_column(
        server_default=_NOW, comment="Not run before; moved on by whoever runs it."
    )
    ran_at: Mapped[datetime | None] = mapped_column(comment="When it last came to its end.")
    took_ms: Mapped[int | None] = mapped_column(Integer, comment="How long that took, milliseconds.")
    done: Mapped[int | None] = mapped_column(Integer, comment="How many things it did then.")
