"""What failed jobs have in common."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOW, Base


class ErrorGroup(Base):
    """One kind of failure, by rules/groups.py; how many there are is counted from the jobs that name it."""

    __tablename__ = "error_groups"
    __table_args__ = {"comment": "Kinds of failures, with what operators think of them."}  # noqa: RUF012 - SQLAlchemy's form

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Drawn from class and sentence.")
    error_class: Mapped[str] = mapped_column(comment="The word failures are grouped by.")
    sentence: Mapped[str] = mapped_column(comment="What its errors say, without names, numbers and addresses.")
    first_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When it was first met.")
    resolved_at: Mapped[datetime | None] = mapped_column(comment="Said to be mended then; open again if met later.")
    ignored_at: Mapped[datetime | None] = mapped_column(comment="Not worth looking at since then, however often met.")
