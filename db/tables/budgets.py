"""What callers may spend."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from db.tables.base import Base


class Budget(Base):
    """What one caller may still spend: not logged, since a crash may fill it again."""

    __tablename__ = "budgets"
    __table_args__ = (Index("budgets_at_idx", "at"), {"prefixes": ["UNLOGGED"]})

    account: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[float]
    granted: Mapped[int]
    "What was taken last: how a taker is told."
    at: Mapped[datetime]
