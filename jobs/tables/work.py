"""Who works, whose turn it is, and what is done again and again."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Double, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOW, Base


class Worker(Base):
    """A worker process that is, or was lately, alive; narrow, because it is rewritten all the time."""

    __tablename__ = "workers"
    __table_args__ = {"comment": "Heartbeats of worker processes."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="Host and process id.")
    engines: Mapped[list[str]] = mapped_column(comment="What it can render with.")
    slots: Mapped[int] = mapped_column(Integer, comment="How many jobs it runs at once.")
    version: Mapped[str] = mapped_column(comment="The code it runs.")
    started_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it came up.")
    seen_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="Its last heartbeat.")
    gpu_used_bytes: Mapped[int | None] = mapped_column(
        BigInteger, comment="Memory in use on its GPU at its last heartbeat; null where there is none."
    )


class Turn(Base):
    """An account in a queue, and the turn its last job there had; jobs/rules/turns.py says what turns are."""

    __tablename__ = "turns"
    __table_args__ = (
        {
            "comment": "Accounts that may have jobs in line, queue by queue; one that has no unfinished job leaves.",
            # Rewritten with every claim: room for the new version on the same page, and vacuum soon.
            "postgresql_with": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0.0"},
        },
    )

    queue: Mapped[str] = mapped_column(primary_key=True, comment="gpu, cloud, preview, or upstream for prepared ones.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), primary_key=True, comment="Whose turn.")
    turn: Mapped[float | None] = mapped_column(Double, comment="Its last one, on the queue's clock; null before that.")
    present: Mapped[float | None] = mapped_column(Double, comment="What the queue's clock showed when it was given.")


class Chore(Base):
    """When each recurring chore is due next, and how it went; whoever moves `due_at` on runs it."""

    __tablename__ = "chores"
    __table_args__ = {"comment": "The timetable of recurring chores."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="One of workers/chores.")
    due_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="Not run before; moved on by whoever runs it.")
    ran_at: Mapped[datetime | None] = mapped_column(comment="When it last came to its end.")
    took_ms: Mapped[int | None] = mapped_column(Integer, comment="How long that took, milliseconds.")
    done: Mapped[int | None] = mapped_column(Integer, comment="How many things it did then.")
