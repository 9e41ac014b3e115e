"""The upstream: every try of a job there, the pace of our keys, and what jobs cost us.

Why: a job is paid for once only if the intent is written down before anything is sent. The version before this one
forwards nothing; columns are filled by defaults, so that it goes on beside this.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "20261123_06"
down_revision: str | Sequence[str] | None = "20261122_05"


def upgrade() -> None:
    op.create_table(
        "upstream_keys",
        sa.Column("name", sa.Text(), nullable=False, comment="Beginning of the key's SHA-256; never the key."),
        sa.Column("paced_until", sa.DateTime(timezone=True), nullable=True, comment="Until when its pace is used up."),
        sa.Column(
            "closed_until", sa.DateTime(timezone=True), nullable=True, comment="Nothing is submitted with it before."
        ),
        sa.Column("closed_because", sa.Text(), nullable=True, comment="Why, in a sentence."),
        sa.Column(
            "webhook_secret", sa.Text(), nullable=True, comment="What the upstream signs its webhooks for it with."
        ),
        sa.Column(
            "secret_read_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the upstream last said that secret.",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_upstream_keys")),
        comment="How fast each of our keys at the upstream may be used, shared by all workers.",
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "upstream_tries",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7; stands in its input links and callback."),
        sa.Column(
            "job_id", sa.Uuid(), nullable=False, comment="Of which job; no foreign key, the bill outlives the row."
        ),
        sa.Column("account_id", sa.Uuid(), nullable=False, comment="Whose job it is."),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="Which attempt of the job it is."),
        sa.Column("fence", sa.BigInteger(), nullable=False, comment="The job's fence when it was forwarded."),
        sa.Column("upstream_key", sa.Text(), nullable=False, comment="The key it is submitted with, by its name."),
        sa.Column("model", sa.Text(), nullable=False, comment="Model id, the same at the upstream."),
        sa.Column(
            "marker",
            sa.Text(),
            nullable=True,
            comment="The input URL that finds it in the upstream's list; null while nothing can have been sent.",
        ),
        sa.Column(
            "made_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
            comment="When the intent was written.",
        ),
        sa.Column(
            "held_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Until when whoever is sending it is believed alive.",
        ),
        sa.Column("upstream_id", sa.Text(), nullable=True, comment="What the upstream calls it."),
        sa.Column(
            "accepted_at", sa.DateTime(timezone=True), nullable=True, comment="When we knew that the upstream has it."
        ),
        sa.Column(
            "doubted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="Since when nobody knows whether it was taken.",
        ),
        sa.Column(
            "looked_at", sa.DateTime(timezone=True), nullable=True, comment="When the upstream was last asked about it."
        ),
        sa.Column(
            "told_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the upstream's webhook said that it ended.",
        ),
        sa.Column(
            "stop_wanted_at", sa.DateTime(timezone=True), nullable=True, comment="Its job needs it no more since then."
        ),
        sa.Column(
            "stop_asked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When the upstream was asked to stop it, once.",
        ),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When we knew how it ended; null while it may run there.",
        ),
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="completed, failed, refused, not_sent, not_found; or unproven: perhaps charged, perhaps not taken.",
        ),
        sa.Column(
            "task_code",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="The upstream's code for a failed one; 0 is fine.",
        ),
        sa.Column(
            "reason",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="Why it came to nothing, in a sentence.",
        ),
        sa.Column("output_url", sa.Text(), nullable=True, comment="Where the upstream keeps its video."),
        sa.Column("is_flagged", sa.Boolean(), nullable=True, comment="What the upstream's moderation says of it."),
        sa.Column(
            "inference_ms",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Rendering time there, milliseconds.",
        ),
        sa.Column(
            "collected_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its video was ours, or was given up.",
        ),
        sa.Column(
            "collects",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often its video was fetched in vain.",
        ),
        sa.Column(
            "expected_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it should cost us.",
        ),
        sa.Column(
            "cost_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it counts for in its job's cost: as expected until the bill says.",
        ),
        sa.Column(
            "charged_usd",
            sa.Numeric(precision=16, scale=6),
            nullable=True,
            comment="What the upstream's bill says, less what it gave back; null until it says so.",
        ),
        sa.Column(
            "reconciled_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="From when the bill is not asked about it again.",
        ),
        sa.CheckConstraint(
            "outcome IN ('completed', 'failed', 'refused', 'not_sent', 'not_found', 'unproven')",
            name=op.f("ck_upstream_tries_outcome_is_known"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_upstream_tries_exactly_the_ended_have_an_outcome")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream_tries")),
        comment="Every submit of a job to the upstream, from the intent to the bill.",
        postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
    )
    op.create_index("ix_upstream_tries_of_job", "upstream_tries", ["job_id", "id"], unique=False)
    op.create_index(
        "ix_upstream_tries_one_open",
        "upstream_tries",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_open_of_key",
        "upstream_tries",
        ["upstream_key", "made_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_to_collect",
        "upstream_tries",
        ["job_id"],
        unique=False,
        postgresql_where=sa.text("outcome = 'completed' AND collected_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_to_stop",
        "upstream_tries",
        ["stop_wanted_at"],
        unique=False,
        postgresql_where=sa.text("stop_wanted_at IS NOT NULL AND stop_asked_at IS NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_told",
        "upstream_tries",
        ["told_at"],
        unique=False,
        postgresql_where=sa.text("told_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_unbilled",
        "upstream_tries",
        ["upstream_key", "made_at"],
        unique=False,
        postgresql_where=sa.text("upstream_id IS NOT NULL AND reconciled_at IS NULL"),
    )
    op.create_index(
        "ix_upstream_tries_upstream_id",
        "upstream_tries",
        ["upstream_id"],
        unique=False,
        postgresql_where=sa.text("upstream_id IS NOT NULL"),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "resends_unproven",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether a job that the upstream may have charged already is sent once more.",
        ),
    )
    op.add_column(
        "accounts",
        sa.Column(
            "pays_cancelled",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Whether a job cancelled while at the upstream costs its price.",
        ),
    )
    op.add_column(
        "archived_jobs",
        sa.Column(
            "cost_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it cost us.",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "cost_usd",
            sa.Numeric(precision=16, scale=6),
            server_default=sa.text("0"),
            nullable=False,
            comment="What it has cost us: GPU time, and what the upstream charges for its tries.",
        ),
    )
    op.create_index("ix_jobs_forwarded", "jobs", ["id"], unique=False, postgresql_where=sa.text("status = 'forwarded'"))
