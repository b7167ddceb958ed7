"""How long a caller's token still holds."""

from __future__ import annotations

from datetime import UTC, datetime

from auth import Principal

GRACE_SECONDS = 1.0
"What streams have left to say goodbye, once the token has run out."


def seconds_left(principal: Principal) -> float:
    """Below zero once it has expired."""
    return (principal.expires_at - datetime.now(UTC)).total_seconds()
