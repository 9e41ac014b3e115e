"""Files of callers in the bucket."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from jobs.tables.mapping import NOW, Base


class Upload(Base):
    """A file a caller has put, or may still put, into the bucket."""

    __tablename__ = "uploads"
    __table_args__ = (
        Index("ix_uploads_expired", "expires_at"),
        {"comment": "Files of callers in the bucket; the object may not be there yet."},
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, comment="Part of the object's key.")
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), comment="Whose file it is.")
    filename: Mapped[str] = mapped_column(comment="The caller's name for it, made safe for a URL.")
    content_type: Mapped[str] = mapped_column(comment="Declared by the caller, or told from the file's name.")
    size_bytes: Mapped[int] = mapped_column(BigInteger, comment="Declared or counted length.")
    object_key: Mapped[str] = mapped_column(comment="Where it lies in the bucket.")
    created_at: Mapped[datetime] = mapped_column(server_default=NOW, comment="When the ticket was given.")
    expires_at: Mapped[datetime] = mapped_column(comment="When the object is removed.")
