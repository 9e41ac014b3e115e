"""What operators have done to very many jobs at once."""

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOTHING, NOW, Base, Json

VERBS = ("cancel", "rerun", "resend")


class Errand(Base):
    """One word of an operator over all jobs that matched when it was given."""

    __tablename__ = "errands"
    __table_args__ = (
        CheckConstraint("verb IN ({})".format(", ".join(f"'{verb}'" for verb in VERBS)), name="verb_is_known"),
        # Few rows: what is still to be done.
        Index("ix_errands_open", "id", postgresql_where=text("finished_at IS NULL")),
        {"comment": "What operators have done to all jobs that match, step by step."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="UUIDv7; part of the names of jobs it orders.")
    verb: Mapped[str] = mapped_column(comment="cancel, rerun or resend.")
    pick: Mapped[Json] = mapped_column(comment="Which jobs are meant: the filters of the list, as they were set.")
    operator: Mapped[str] = mapped_column(comment="Who said so.")
    counted: Mapped[int] = mapped_column(Integer, comment="How many matched then; no more are touched.")
    before: Mapped[uuid.UUID] = mapped_column(comment="Older jobs are still to be looked at; at first, of that moment.")
    done: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="How many it was done to.")
    refused: Mapped[int] = mapped_column(Integer, server_default=NOTHING, comment="How many would not have it.")
    refusal: Mapped[str] = mapped_column(server_default=text("''"), comment="Why, of the last of those.")
    lease_until: Mapped[datetime | None] = mapped_column(comment="Until when whoever does it is believed alive.")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was said.")
    finished_at: Mapped[datetime | None] = mapped_column(comment="When it was done with, or stopped.")
