"""Who works, and what is done again and again."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer
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


class Chore(Base):
    """When each recurring chore is due next, and how it went; whoever moves `due_at` on runs it."""

    __tablename__ = "chores"
    __table_args__ = {"comment": "The timetable of recurring chores."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="One of workers/chores.")
    due_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="Not run before; moved on by whoever runs it.")
    ran_at: Mapped[datetime | None] = mapped_column(comment="When it last came to its end.")
    took_ms: Mapped[int | None] = mapped_column(Integer, comment="How long that took, milliseconds.")
    done: Mapped[int | None] = mapped_column(Integer, comment="How many things it did then.")
