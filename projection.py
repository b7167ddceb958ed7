"""How fields of a schema type are found: declared once, on the type, for whoever asks.

Most are read off a row: `schema.columns` writes how into a field's metadata, and a plan (`edge.plans`) finds
it there and needs no object. Lists within lists are found for all objects together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

Make = TypeVar("Make", bound=Callable[..., Any])

ROW = "row"
"The attribute under which an object keeps the row that it stands for."

_KEY = "baton.column"
_FOR_ALL = "baton.for_all"
_HOLDS_ROW = "baton.holds_row"

ForAll: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]
"""Gets the objects, and the field's `info` and arguments by their names; answers in the objects' order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One field, read off a row."""

    column: str | None
    "The row's attribute; None where the whole row is needed."
    convert: Callable[[Any], Any] | None = None
    "Makes the value of the attribute, or of the row; None where it is the attribute as it stands."
    convert_all: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    "The same for many at once, where there is a quicker way than one by one."

    def read(self, row: object) -> Any:
        """The value, from the row."""
        value: Any = row if self.column is None else getattr(row, self.column)
        return value if self.convert is None else self.convert(value)


How: TypeAlias = str | Callable[[Any], Any] | Reading | None
"""By the name of the row's attribute, by a function of the row, by both in turn (a Reading), or (None) by the
field's own name."""


def declare(how: How) -> Mapping[str, Any]:
    """The metadata of a field that is read so."""
    return {_KEY: how}


def reading_of(metadata: Mapping[Any, Any], name: str) -> Reading | None:
    """What was declared for the field of that (Python) name; None where nothing was."""
    if _KEY not in metadata:
        return None
    how: How = metadata[_KEY]
    if isinstance(how, Reading):
        return how
    return Reading(None, how) if callable(how) else Reading(how or name)


def declare_for_all(find: ForAll) -> Mapping[str, Any]:
    """The metadata of a field that is found for all objects of a list at once."""
    return {_FOR_ALL: find}


def for_all_of(metadata: Mapping[Any, Any]) -> ForAll | None:
    """What was declared to find the field for many objects; None where nothing was."""
    return metadata.get(_FOR_ALL)


class Each(Sequence[Any]):
    """The objects of some rows, made where they are looked at: who reads off the rows alone needs none."""

    def __init__(self, make: Callable[[Any], Any], rows: Sequence[Any]) -> None:
        self._make = make
        self.rows = rows

    @property
    def hold_rows(self) -> bool:
        """Whether each object has its row as its `row`; else it may have another."""
        return _HOLDS_ROW in vars(getattr(self._make, "__func__", self._make))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        found = self.rows[place]
        return [*map(self._make, found)] if isinstance(place, slice) else self._make(found)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, self.rows)


def holds_row(make: Make) -> Make:
    """For what makes an object of a row, and gives it that row as its `row`."""
    vars(make)[_HOLDS_ROW] = True
    return make


def write_instant(value: datetime) -> str:
    """An instant as clients see it: RFC 3339 in UTC. The JSON writer's own spelling is the same."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
