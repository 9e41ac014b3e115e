"""The first schema.

Why: jobs, their events, and who may ask for them.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "20261122_01"
down_revision: str | Sequence[str] | None = None


def upgrade() -> None:

    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Also the first part of every object's key."),
        sa.Column("name", sa.Text(), nullable=False, comment="What operators call it."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was made.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
        comment="Who owns jobs, uploads and keys.",
    )
    op.create_table(
        "chores",
        sa.Column("name", sa.Text(), nullable=False, comment="One of workers/chores."),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Not run before; moved on by whoever runs it.",
        ),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True, comment="When it last came to its end."),
        sa.Column("took_ms", sa.Integer(), nullable=True, comment="How long that took, milliseconds."),
        sa.Column("done", sa.Integer(), nullable=True, comment="How many things it did then."),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_chores")),
        comment="The timetable of recurring chores.",
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="Grows in time."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose job it was."),
        sa.Column("job_id", sa.Uuid(), nullable=False, comment="No foreign key: events outlive the job's row."),
        sa.Column("kind", sa.Text(), nullable=False, comment="What happened, for example job.completed."),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When, by Postgres' clock.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="The job's state after it."),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="The attempt it belongs to."),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="The claim it belongs to."),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="Facts of its kind; no secret, no signed link.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        comment="What happened, in order, append-only.",
    )
    op.create_index("ix_events_of_job", "events", ["job_id", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose name it is; others may use it too."),
        sa.Column("key", sa.Text(), nullable=False, comment="As sent in Idempotency-Key."),
        sa.Column(
            "body_digest",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of what was asked; another body is refused.",
        ),
        sa.Column("job_id", sa.Uuid(), nullable=False, comment="What was made of it."),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="When the name is free again."),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
        comment="Callers' own names for submissions; one name, one effect.",
    )
    op.create_index("ix_idempotency_keys_expired", "idempotency_keys", ["expires_at"], unique=False)
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False, comment="Host and process id."),
        sa.Column("engines", postgresql.ARRAY(sa.Text()), nullable=False, comment="What it can render with."),
        sa.Column("slots", sa.Integer(), nullable=False, comment="How many jobs it runs at once."),
        sa.Column("version", sa.Text(), nullable=False, comment="The code it runs."),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it came up.",
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Its last heartbeat.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
        comment="Heartbeats of worker processes.",
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Names the key where the key itself must not stand."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose key it is."),
        sa.Column("name", sa.Text(), nullable=False, comment="What its owner calls it."),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the key."),
        sa.Column(
            "hint", sa.Text(), nullable=False, comment="The key's last four letters, to tell keys apart in lists."
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was made.",
        ),
        sa.Column(
            "revoked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="From when it is refused; null while it works.",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
        comment="Bearer keys; shown once, kept as SHA-256.",
    )
    op.create_index("ix_api_keys_of_account", "api_keys", ["account_id", "created_at"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False, comment="Part of the object's key."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose file it is."),
        sa.Column("filename", sa.Text(), nullable=False, comment="The caller's name for it, made safe for a URL."),
        sa.Column(
            "content_type", sa.Text(), nullable=False, comment="Declared by the caller, or told from the file's name."
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False, comment="Declared or counted length."),
        sa.Column("object_key", sa.Text(), nullable=False, comment="Where it lies in the bucket."),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When the ticket was given.",
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="When the object is removed."),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_uploads_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        comment="Files of callers in the bucket; the object may not be there yet.",
    )
    op.create_index("ix_uploads_expired", "uploads", ["expires_at"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7; its 32 hex digits are the public id."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose job it is."),
        sa.Column("key_id", sa.Uuid(), nullable=False, comment="The key that submitted it."),
        sa.Column("rerun_of", sa.Uuid(), nullable=True, comment="The finished job this one repeats."),
        sa.Column("model", sa.Text(), nullable=False, comment="Model id of the catalog."),
        sa.Column(
            "inputs",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The clean form: media links, prompt, order, resolution, seed as asked.",
        ),
        sa.Column(
            "seed", sa.BigInteger(), nullable=False, comment="The seed rendered with; drawn when -1 was asked for."
        ),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What our own face takes beyond the form.",
        ),
        sa.Column(
            "tags",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="The caller's labels, for filters.",
        ),
        sa.Column(
            "metadata",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="The caller's own JSON, given back unread.",
        ),
        sa.Column("webhook_url", sa.Text(), nullable=True, comment="Told when the job is final."),
        sa.Column(
            "wants_base64",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Outputs as base64, not links.",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="One of rules/states.py."),
        sa.Column(
            "engine_wanted",
            sa.Text(),
            nullable=False,
            comment="What the caller asked for: auto, gpu, cloud or preview.",
        ),
        sa.Column("engine", sa.Text(), nullable=False, comment="Who is to render it: gpu, cloud or preview."),
        sa.Column("engine_reason", sa.Text(), nullable=False, comment="Why this engine, in a sentence."),
        sa.Column(
            "priority",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Higher goes first, -100 to 100.",
        ),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Not claimed before; a retry moves it on.",
        ),
        sa.Column(
            "attempt",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Claims that count against the limit.",
        ),
        sa.Column(
            "fence",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Grows with every claim; an effect with an older one is refused.",
        ),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), nullable=True, comment="Until when the holder is believed alive."
        ),
        sa.Column("worker", sa.Text(), nullable=True, comment="Who holds it now, or held it last."),
        sa.Column(
            "profile",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Memory profile: 0 is full, each step up takes less memory.",
        ),
        sa.Column(
            "workers_lost",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Holders that fell silent.",
        ),
        sa.Column(
            "cancel_requested_at", sa.DateTime(timezone=True), nullable=True, comment="When somebody asked to stop it."
        ),
        sa.Column(
            "stage",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="What the holder is doing, in one word.",
        ),
        sa.Column(
            "progress",
            sa.Double(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Finished fraction of the attempt, 0 to 1.",
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="When it was accepted.",
        ),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), nullable=True, comment="When the current or last attempt began."
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True, comment="When it became final."),
        sa.Column(
            "wait_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Fails when its first attempt has not begun by then.",
        ),
        sa.Column("run_seconds", sa.Integer(), nullable=False, comment="How long one attempt may run."),
        sa.Column(
            "finish_until", sa.DateTime(timezone=True), nullable=False, comment="Fails when it is not final by then."
        ),
        sa.Column(
            "media",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The regular files made of the inputs, once intake is through.",
        ),
        sa.Column(
            "output",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="The video: key, bytes, sha256, width, height, frames, seconds.",
        ),
        sa.Column(
            "warnings",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="What the engine noticed.",
        ),
        sa.Column(
            "inference_ms",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rendering time, milliseconds.",
        ),
        sa.Column(
            "error", sa.Text(), server_default=sa.text("''"), nullable=False, comment="Why it failed, for the caller."
        ),
        sa.Column(
            "error_code",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Task code of the contract; 0 is fine.",
        ),
        sa.Column("error_class", sa.Text(), nullable=True, comment="The word failures are grouped by."),
        sa.Column(
            "objects_removed_at", sa.DateTime(timezone=True), nullable=True, comment="When its objects left the bucket."
        ),
        sa.CheckConstraint(
            "(status = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_jobs_exactly_the_running_have_a_lease")
        ),
        sa.CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name=op.f("ck_jobs_exactly_the_final_are_finished"),
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'running', 'forwarded', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_jobs_status_is_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_jobs_account_id")),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_jobs_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        comment="One order from acceptance to its end; the row is the truth, a queue message only a doorbell.",
        postgresql_with={"fillfactor": "85", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index(
        "ix_jobs_claimable",
        "jobs",
        ["engine", sa.literal_column("priority DESC"), "id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ix_jobs_measured",
        "jobs",
        ["engine", sa.literal_column("finished_at DESC")],
        unique=False,
        postgresql_where=sa.text("status = 'completed'"),
    )
    op.create_index("ix_jobs_of_account", "jobs", ["account_id", sa.literal_column("id DESC")], unique=False)
    op.create_index(
        "ix_jobs_overdue", "jobs", ["finish_until"], unique=False, postgresql_where=sa.text("status = 'waiting'")
    )
    op.create_index("ix_jobs_running", "jobs", ["id"], unique=False, postgresql_where=sa.text("status = 'running'"))
    op.create_index(
        "ix_jobs_tags", "jobs", ["tags"], unique=False, postgresql_using="gin", postgresql_where=sa.text("tags <> '{}'")
    )
    op.create_index(
        "ix_jobs_videos_expired",
        "jobs",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("objects_removed_at IS NULL"),
    )
    op.create_index(
        "ix_jobs_waited_too_long", "jobs", ["wait_until"], unique=False, postgresql_where=sa.text("status = 'waiting'")
    )
    op.create_table(
        "attachments",
        sa.Column("job_id", sa.Uuid(), nullable=False, comment="The job it came with."),
        sa.Column("field", sa.Text(), nullable=False, comment="The input it stands for."),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose it is."),
        sa.Column("content", sa.Text(), nullable=False, comment="As sent: a data: URI or bare base64."),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_attachments_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "field", name=op.f("pk_attachments")),
        comment="Media sent inside a request, until intake is through.",
    )
