"""A place in a stream, as text that a client keeps and brings back."""

from __future__ import annotations

import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from errors import InvalidCursor

LAST_SEQ = 2**31 - 1
"The highest seq of a stream: it must fit GraphQL's Int."

_VERSION = 1
_FORM = struct.Struct(">B16sII")
_LENGTH = -(-_FORM.size * 4 // 3)
_PADDING = "=" * (-_LENGTH % 4)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place just behind the event `seq`; 0 is the start.

    It is a position and no permission: whoever is handed one checks what its bearer may see. An epoch is
    a life of the log: another one means that the log may have lost its tail since.
    """

    stream: UUID
    seq: int
    epoch: int = 0

    def is_of_another_life(self, epoch: int) -> bool:
        """Whether the log may have lost since what this cursor stands behind. 0 is an epoch that nobody
        asked for, and the start of a log is in all its lives the same."""
        return self.epoch not in {0, epoch} and self.seq > 0

    def encode(self) -> str:
        """The one text of this cursor."""
        return _text(_FORM.pack(_VERSION, self.stream.bytes, self.epoch, self.seq))

    @classmethod
    def parse(cls, text: str, stream: UUID) -> Self:
        """The cursor that was encoded to this text. Raises InvalidCursor, also for another stream's."""
        version, of, epoch, seq = _fields(text)
        if version != _VERSION or seq > LAST_SEQ:
            raise InvalidCursor("This is not a cursor.")
        if of != stream.bytes:
            raise InvalidCursor("The cursor belongs to another stream.")
        return cls(stream, seq, epoch)


def _fields(text: str) -> tuple[int, bytes, int, int]:
    if len(text) != _LENGTH:
        raise InvalidCursor("This is not a cursor.")
    try:
        data = urlsafe_b64decode(text + _PADDING)
    except ValueError:
        raise InvalidCursor("This is not a cursor.") from None
    if len(data) != _FORM.size or _text(data) != text:  # base64 reads other texts as these bytes too
        raise InvalidCursor("This is not a cursor.")
    return _FORM.unpack(data)


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
