"""Tokens by which a person agrees to an operation on several tasks: signed, short-lived, for just these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from auth import Tokens
from engine.tasks.errands import NOTHING_AGREED, Agreed
from errors import InvalidInput, Issue

LIFE = timedelta(minutes=10)

_AUDIENCE = "confirmation"
_REQUIRED = ("exp", "sub", "aud", "message", "tasks")


def ask(tokens: Tokens, user_id: UUID, message: str, tasks: Iterable[UUID], now: datetime) -> str:
    """A token with which this user may repeat this message for these tasks, within ten minutes."""
    claims = {
        "aud": _AUDIENCE,
        "sub": str(user_id),
        "exp": int((now + LIFE).timestamp()),
        "message": _digest(message),
        "tasks": [str(task) for task in tasks],
    }
    return jwt.encode(claims, tokens.key_for(_AUDIENCE), algorithm="HS256")


def agreed(tokens: Tokens, user_id: UUID, message: str, token: str | None) -> Agreed:
    """The tasks that a token speaks of. Raises InvalidInput unless it is this user's, for this message."""
    if token is None:
        return NOTHING_AGREED
    try:
        claims = jwt.decode(
            token,
            tokens.key_for(_AUDIENCE),
            algorithms=["HS256"],
            audience=_AUDIENCE,
            subject=str(user_id),
            options={"require": list(_REQUIRED)},
        )
    except jwt.PyJWTError:
        raise _refused() from None
    if claims["message"] != _digest(message):
        raise _refused()
    return frozenset(UUID(task) for task in claims["tasks"])


def _digest(message: str) -> str:
    return hashlib.sha256(message.strip().encode()).hexdigest()


def _refused() -> InvalidInput:
    text = "This token has expired, or belongs to another message. Send the message without it."
    return InvalidInput([Issue(("input", "confirmToken"), text)])
