"""How each engine stands: what its circuit breaker remembers, whether it is paused, what it cost this month."""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Integer, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOTHING, Base


class Engine(Base):
    """One engine; its row is made with the first thing there is to say of it, and none is as good as new."""

    __tablename__ = "engines"
    __table_args__ = {"comment": "How each engine stands; no row is as good as new."}  # noqa: RUF012 - SQLAlchemy's form

    name: Mapped[str] = mapped_column(primary_key=True, comment="gpu, cloud or preview.")
    failing_jobs: Mapped[list[uuid.UUID]] = mapped_column(
        ARRAY(Uuid()), server_default=text("'{}'"), comment="Whose attempts it failed since it last did one well."
    )
    trips: Mapped[int] = mapped_column(
        Integer, server_default=text("0"), comment="How often it was shut since it last did one well."
    )
    open_until: Mapped[datetime | None] = mapped_column(
        comment="Shut until then, then it may try one job at a time; null while it is well."
    )
    because: Mapped[str] = mapped_column(server_default=text("''"), comment="What it was shut for, in a sentence.")
    probe_job_id: Mapped[uuid.UUID | None] = mapped_column(comment="The job it was last tried with, if it was shut.")
    paused_at: Mapped[datetime | None] = mapped_column(comment="Since when an operator lets nothing new begin on it.")
    paused_because: Mapped[str] = mapped_column(server_default=text("''"), comment="Why, in the operator's words.")
    running_max: Mapped[int | None] = mapped_column(Integer, comment="Jobs at once, more wait; null is no limit.")
    month: Mapped[date | None] = mapped_column(comment="First day of the month counted.")
    month_usd: Mapped[Decimal] = mapped_column(server_default=NOTHING, comment="What it has cost us in that month.")
