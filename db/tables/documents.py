"""Documents that clients registered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base, Now


class Document(Base):
    """One that may be asked for by its hash. Nobody's: it holds no values."""

    __tablename__ = "documents"
    __table_args__ = (Index("documents_used_idx", "used_at"),)

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    text: Mapped[str]
    used_at: Mapped[datetime] = mapped_column(server_default=Now)
