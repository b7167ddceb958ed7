"""Who asks: access tokens, issued and checked. Rules: RFC 8725."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token was checked."""

    user_id: UUID
    expires_at: datetime
