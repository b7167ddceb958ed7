"""What a message must be before anybody reads it."""

from __future__ import annotations

from typing import ClassVar

MAX_LENGTH = 1_000
"Characters (code points) after trimming."


class MessageError(ValueError):
    """The message can't be read; `str(error)` is for the person who wrote it."""

    text: ClassVar[str] = "Message is not valid"

    def __init__(self) -> None:
        super().__init__(self.text)


class EmptyMessage(MessageError):
    text = "Message cannot be empty"


class MessageTooLong(MessageError):
    text = "Message must be under 1000 characters"


def validated(text: str) -> str:
    """The trimmed message. Raises EmptyMessage or MessageTooLong."""
    trimmed = text.strip()
    if not trimmed:
        raise EmptyMessage
    if len(trimmed) > MAX_LENGTH:
        raise MessageTooLong
    return trimmed
