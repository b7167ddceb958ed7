"""What was worked out from the variables of a query, kept for when the same small values come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Generic, TypeAlias, TypeVar

from graphql import Undefined
from graphql.pyutils import UndefinedType

T = TypeVar("T")
Key: TypeAlias = tuple[tuple[type, object], ...]

_SMALL = {str, int, bool, NoneType, UndefinedType}
_LONGEST_TEXT = 200
_MOST = 32


def key_of(names: Sequence[str], values: Mapping[str, object]) -> Key | None:
    """The values of these names, with their types: 1 is not true. None where one of them is not small."""
    found: list[tuple[type, object]] = []
    for name in names:
        value = values.get(name, Undefined)
        kind: type[object] = value.__class__
        if kind not in _SMALL or (isinstance(value, str) and len(value) > _LONGEST_TEXT):
            return None
        found.append((kind, value))
    return tuple(found)


class Known(Generic[T]):
    """A bounded number of results by their keys; without a key nothing is kept."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[Key, T] = {}

    def get(self, key: Key | None) -> T | None:
        """What was kept."""
        return None if key is None else self._kept.get(key)

    def keep(self, key: Key | None, result: T) -> None:
        """Keep it for the next time."""
        if key is None:
            return
        if len(self._kept) == _MOST:
            self._kept.clear()
        self._kept[key] = result
