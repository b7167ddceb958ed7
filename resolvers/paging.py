"""Cursors and page sizes as callers give them, checked, and turned into keyset pages."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from db.paging import Key, Page
from errors import BadUserInput, InvalidCursor

DEFAULT_SIZE = 50
LARGEST_SIZE = 100
_LONGEST_CURSOR = 4_096
_SECONDS = {"CREATED_AT", "UPDATED_AT", "DUE_AT"}
_WHOLE = {"PRIORITY", "NUMBER"}


class Window(NamedTuple):
    """The arguments of a Relay connection, as given."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def page(self, order: str, *, descending: bool = False) -> Page:
        """The page that is meant. Raises BadUserInput and InvalidCursor."""
        if self.first is not None and self.last is not None:
            raise BadUserInput("Give `first` or `last`, not both.")
        backwards = self.last is not None
        return Page(
            size=_size(self.last if backwards else self.first),
            order=order,
            descending=descending,
            backwards=backwards,
            after=None if self.after is None else read_cursor(order, self.after),
            before=None if self.before is None else read_cursor(order, self.before),
        )


def _size(asked: int | None) -> int:
    size = DEFAULT_SIZE if asked is None else asked
    if not 1 <= size <= LARGEST_SIZE:
        raise BadUserInput(f"A page has 1 to {LARGEST_SIZE} objects.")
    return size


def write_cursor(order: str, key: Key) -> str:
    """The outside form of a place in an order: opaque, and good for that order only."""
    return urlsafe_b64encode(orjson.dumps([order, key.value, str(key.id)])).rstrip(b"=").decode()


def read_cursor(order: str, text: str) -> Key:
    """The place that a cursor names. Raises InvalidCursor, also for one of another order."""
    try:
        found, value, identity = _unpack(text)
        if found != order:
            raise ValueError(order)
        return Key(None if value is None else _value_reader(order)(value), UUID(identity))
    except (ValueError, TypeError, OverflowError, AttributeError, Base64Error):
        raise InvalidCursor("This cursor does not belong to this list in this order.") from None


def _unpack(text: str) -> tuple[str, object, str]:
    if len(text) > _LONGEST_CURSOR:
        raise ValueError(len(text))
    raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    found, value, identity = orjson.loads(raw)
    return found, value, identity


def _value_reader(order: str) -> Callable[[object], object]:
    return _instant if order in _SECONDS else _number if order in _WHOLE else _text


def _instant(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError(value)
    return datetime.fromisoformat(value).astimezone(UTC)


def _number(value: object) -> int:
    if not isinstance(value, int) or abs(value) >= 1 << 31:
        raise TypeError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError(value)
    return value
