"""What has been counted of all that ever happened: true whoever restarts, and whatever leaves for the archive."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOTHING, Base


class Count(Base):
    """One number that only grows."""

    __tablename__ = "counts"
    __table_args__ = {  # noqa: RUF012 - SQLAlchemy's form
        "comment": "Numbers that only grow, added to every few seconds from what happened since.",
        "postgresql_with": {"fillfactor": "50"},
    }

    name: Mapped[str] = mapped_column(primary_key=True, comment="What is counted; jobs/telemetry names it for others.")
    labels: Mapped[list[str]] = mapped_column(
        primary_key=True, comment="Of what kind, in the order that jobs/telemetry says; of a spread the bucket last."
    )
    value: Mapped[float] = mapped_column(server_default=NOTHING, comment="How many, or how much, so far.")


class Watermark(Base):
    """How far a table has been counted. Ids are drawn before they are committed: the latest are waited for."""

    __tablename__ = "watermarks"
    __table_args__ = {"comment": "How far each table that only grows has been counted."}  # noqa: RUF012 - SQLAlchemy's form

    source: Mapped[str] = mapped_column(primary_key=True, comment="The table.")
    counted_id: Mapped[int] = mapped_column(BigInteger, server_default=NOTHING, comment="All up to it are counted.")
    next_id: Mapped[int] = mapped_column(BigInteger, server_default=NOTHING, comment="Up to where is counted next.")
    next_xid: Mapped[int] = mapped_column(
        BigInteger,
        server_default=NOTHING,
        comment="Once no transaction below it is under way, all rows up to next_id can be seen.",
    )
