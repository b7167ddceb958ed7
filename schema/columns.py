"""Types whose objects are rows as clients see them: nothing is copied, a field is read when asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import strawberry

import ids
from ids import Kind
from projection import How, Reading, declare, reading_of

T = TypeVar("T")


def column(how: How = None, *, description: str | None = None) -> Any:
    """A field that is read off the row: its attribute of the same name, of another, or a function of the row.

    The value of an enum's member passes for the member.
    """
    field = strawberry.field(description=description, metadata=declare(how))
    field.init = field.repr = field.compare = False
    return field


def id_column(kind: Kind, name: str = "id", *, description: str | None = None) -> Any:
    """The outside form of an id in the row's attribute `name`."""
    reading = Reading(name, partial(ids.encode, kind), partial(ids.encode_all, kind))
    return column(reading, description=description)


def off_rows(kind: type[T]) -> type[T]:
    """Finishes a Strawberry type with columns; its objects keep their row as `row`."""
    declared: Any = kind
    for field in dataclasses.fields(declared):
        reading = reading_of(field.metadata, field.name)
        if reading is not None:
            setattr(kind, field.name, property(_off_object(reading)))
    return kind


def _off_object(reading: Reading) -> Callable[[Any], Any]:
    read, convert = reading.read, reading.convert
    if reading.column is None and convert is not None:
        return lambda self: convert(self.row)
    return lambda self: read(self.row)
