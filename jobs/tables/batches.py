"""Many orders as one; the jobs of a batch name it, and everything about them is read off their own rows."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.batches import FINAL, Status
from jobs.tables.mapping import NOTHING, NOW, Base, Json


class Batch(Base):
    """Many orders as one, from the file they come in to the files of their results."""

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{status}'" for status in Status)), name="status_is_known"),
        CheckConstraint(
            "(status IN ({})) = (finished_at IS NOT NULL)".format(", ".join(f"'{one}'" for one in sorted(FINAL))),
            name="exactly_the_final_are_finished",
        ),
        CheckConstraint("(input_key IS NULL) = (retry_of IS NOT NULL)", name="a_file_or_another_batch"),
        # Few rows: what somebody still has to do something for.
        Index("ix_batches_open", "id", postgresql_where=text("finished_at IS NULL")),
        Index("ix_batches_of_account", "account_id", text("id DESC")),
        Index("ix_batches_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index(
            "uq_batches_name",
            "account_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        {"comment": "Many orders as one; jobs name their batch."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; its 32 hex digits are the public id.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose it is.")
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_keys.id"), comment="The key that sent it.")
    input_key: Mapped[str | None] = mapped_column(comment="Where in the bucket its lines are.")
    retry_of: Mapped[uuid.UUID | None] = mapped_column(comment="The batch whose failed jobs it orders once more.")
    idempotency_key: Mapped[str | None] = mapped_column(comment="The caller's name for it; null once that is free.")
    body_digest: Mapped[bytes | None] = mapped_column(LargeBinary, comment="SHA-256 of what was asked by that name.")

    on_bad_lines: Mapped[str] = mapped_column(comment="What bad lines do: reject_all or take_good.")
    is_validate_only: Mapped[bool] = mapped_column(server_default=text("false"), comment="Read and judged, not run.")
    is_probing: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Voices of undeclared length are fetched and measured before it opens."
    )
    options: Mapped[Json] = mapped_column(
        server_default=text("'{}'"), comment="For every line that does not say otherwise."
    )
    budget_usd: Mapped[Decimal | None] = mapped_column(comment="The most its jobs may cost; null is no limit.")
    webhook_url: Mapped[str | None] = mapped_column(comment="Told once, when it is final.")
    metadata_: Mapped[Json] = mapped_column(
        "metadata", server_default=text("'{}'"), comment="The caller's own JSON, given back unread."
    )

    status: Mapped[str] = mapped_column(comment="One of rules/batches.py.")
    error: Mapped[str] = mapped_column(server_default=text("''"), comment="Why it failed, for the caller.")
    lines: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="Read so far, bad ones included.")
    bad: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="Those that cannot be taken.")
    problems: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), comment="The first bad lines: line, custom_id, code, field, message."
    )
    estimate: Mapped[Json | None] = mapped_column(comment="What it should cost and take, from the least to the most.")
    jobs: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="How many jobs were made of it.")
    states: Mapped[Json | None] = mapped_column(comment="How many of them ended how, once it is final.")
    files: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), comment="Its files that are in the bucket.")

    fence: Mapped[int] = mapped_column(
        BigInteger, server_default=NOTHING, comment="Grows as it is taken up; what an older one writes is refused."
    )
    lease_until: Mapped[datetime | None] = mapped_column(comment="Until when whoever took it up is believed alive.")

    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was accepted.")
    expires_at: Mapped[datetime | None] = mapped_column(comment="Its jobs are final by then, or fail; null is no end.")
    in_progress_at: Mapped[datetime | None] = mapped_column(comment="When its jobs were there to be claimed.")
    paused_at: Mapped[datetime | None] = mapped_column(comment="Its owner holds waiting jobs back since then.")
    cancelling_at: Mapped[datetime | None] = mapped_column(comment="When its owner asked to stop it.")
    finalizing_at: Mapped[datetime | None] = mapped_column(comment="When its last job had become final.")
    finished_at: Mapped[datetime | None] = mapped_column(comment="When it became final.")
