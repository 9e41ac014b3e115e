"""What is left of jobs that are kept no longer: a thin row and its events, in partitions of one month each.

An id begins with the moment it was drawn, so that a month is a range of ids: a job is found in one partition, and its
events lie in the same month's. Partitions are the tables of the schema `archive`; what fits none of them falls into
the last one, which the next turn of `months` empties.
"""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.rules.states import FINAL
from jobs.tables.mapping import NOTHING, NOW, Base, Json


class ArchivedJob(Base):
    """A finished job without anything its caller wrote and without anything that leads to its media."""

    __tablename__ = "archived_jobs"
    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{state}'" for state in sorted(FINAL))), name="is_final"),
        Index("ix_archived_jobs_of_account", "account_id", text("id DESC")),
        # For whoever counts an hour that is long past.
        Index("ix_archived_jobs_finished", "finished_at"),
        {
            "comment": "What is left of jobs that are kept no longer; no prompt, no input, no link.",
            "postgresql_partition_by": "RANGE (id)",
        },
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="As it was; never in jobs and here at once.")
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose job it was.")
    key_id: Mapped[uuid.UUID] = mapped_column(comment="The key that submitted it.")
    rerun_of: Mapped[uuid.UUID | None] = mapped_column(comment="The finished job it repeated.")
    batch_id: Mapped[uuid.UUID | None] = mapped_column(comment="The batch it came in.")
    model: Mapped[str] = mapped_column(comment="Model id of the catalog.")
    engine: Mapped[str] = mapped_column(comment="Who rendered it, or was to: gpu, cloud or preview.")
    status: Mapped[str] = mapped_column(comment="How it ended: completed, failed or cancelled.")
    error_code: Mapped[int] = mapped_column(Integer, comment="Task code of the contract; 0 is fine.")
    error_class: Mapped[str | None] = mapped_column(comment="The word failures are grouped by.")
    price_usd: Mapped[Decimal] = mapped_column(comment="What it cost its caller.")
    cost_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="What it cost us.")
    attempt: Mapped[int] = mapped_column(Integer, comment="Claims that counted against the limit.")
    fence: Mapped[int] = mapped_column(BigInteger, comment="Claims in all.")
    workers_lost: Mapped[int] = mapped_column(Integer, comment="Holders that fell silent.")
    inference_ms: Mapped[int] = mapped_column(Integer, comment="Rendering time, milliseconds.")
    video_seconds: Mapped[float | None] = mapped_column(comment="Length of the video; null where there was none.")
    created_at: Mapped[datetime] = mapped_column(comment="When it was accepted.")
    started_at: Mapped[datetime | None] = mapped_column(comment="When its last attempt began.")
    finished_at: Mapped[datetime] = mapped_column(comment="When it became final.")
    deleted_at: Mapped[datetime | None] = mapped_column(comment="When its owner deleted it; null where time did.")
    archived_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it came here.")


class ArchivedEvent(Base):
    """What happened to an archived job, without the words of errors; never changed."""

    __tablename__ = "archived_events"
    __table_args__ = {  # noqa: RUF012 - SQLAlchemy's form
        "comment": "What happened to archived jobs, in order; no free text.",
        "postgresql_partition_by": "RANGE (job_id)",
    }

    job_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="The archived job; picks the month.")
    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="As it was; grows in time."
    )
    account_id: Mapped[uuid.UUID] = mapped_column(comment="Whose job it was.")
    kind: Mapped[str] = mapped_column(comment="What happened, for example job.completed.")
    at: Mapped[datetime] = mapped_column(comment="When, by Postgres' clock.")
    status: Mapped[str] = mapped_column(comment="The job's state after it.")
    attempt: Mapped[int] = mapped_column(Integer, comment="The attempt it belongs to.")
    fence: Mapped[int] = mapped_column(BigInteger, comment="The claim it belongs to.")
    detail: Mapped[Json] = mapped_column(comment="Numbers, and of words only names of workers and error classes.")
