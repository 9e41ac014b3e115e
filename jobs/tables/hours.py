"""What happened in each hour, counted ahead: views and the operators' pages read this, however many jobs there are."""

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOTHING, Base


class CountedHour(Base):
    """An hour that was counted, and when: what is late, a bill of the upstream's say, has it counted again."""

    __tablename__ = "counted_hours"
    __table_args__ = {"comment": "Which hours were counted, and when."}  # noqa: RUF012 - SQLAlchemy's form

    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="When it began.")
    counted_at: Mapped[datetime] = mapped_column(comment="When it was last counted.")


class FinishedHour(Base):
    """The jobs that became final in one hour, by whose they were, what and how they ended."""

    __tablename__ = "finished_hours"
    __table_args__ = {"comment": "How the jobs of each hour ended; no words of any caller."}  # noqa: RUF012 - SQLAlchemy's form

    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="When the hour began in which they became final.")
    account_id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Whose jobs they were.")
    model: Mapped[str] = mapped_column(primary_key=True, comment="Model id of the catalog.")
    engine: Mapped[str] = mapped_column(primary_key=True, comment="Who rendered them, or was to.")
    status: Mapped[str] = mapped_column(primary_key=True, comment="How they ended.")
    error_class: Mapped[str] = mapped_column(
        primary_key=True, comment="The word failures are grouped by; empty where none failed."
    )
    jobs: Mapped[int] = mapped_column(Integer, comment="How many.")
    price_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="What they cost their callers.")
    cost_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="What they cost us.")
    video_seconds: Mapped[float] = mapped_column(server_default=NOTHING, comment="Length of their videos.")
    run_seconds: Mapped[float] = mapped_column(server_default=NOTHING, comment="How long their last attempts took.")


class EngineHour(Base):
    """What one engine was given in one hour, and how quick it was."""

    __tablename__ = "engine_hours"
    __table_args__ = {"comment": "What each engine was given in each hour, and how quick it was."}  # noqa: RUF012 - SQLAlchemy's form

    hour: Mapped[datetime] = mapped_column(primary_key=True, comment="When it began.")
    engine: Mapped[str] = mapped_column(primary_key=True, comment="gpu, cloud or preview.")
    accepted: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="Jobs accepted in it.")
    wait_p50_seconds: Mapped[float | None] = mapped_column(
        comment="Half of the jobs completed in it waited no longer before their last attempt."
    )
    wait_p95_seconds: Mapped[float | None] = mapped_column(comment="Nineteen of twenty waited no longer.")
    run_p50_seconds: Mapped[float | None] = mapped_column(comment="Half of their last attempts took no longer.")
    run_p95_seconds: Mapped[float | None] = mapped_column(comment="Nineteen of twenty took no longer.")
