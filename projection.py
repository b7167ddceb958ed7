"""How the fields of a schema type are read off a row: declared once, on the type, for whoever asks.

`schema.columns` writes it into a field's metadata; a plan (`edge.plans`) finds it there and needs no object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypeAlias

ROW = "row"
"The attribute under which an object keeps the row that it stands for."

How: TypeAlias = str | Callable[[Any], Any] | None
"By the name of the row's attribute, by a function of the row, or (None) by the field's own name."

_KEY = "baton.column"


@dataclass(frozen=True, slots=True)
class Reading:
    """One field, read off a row."""

    column: str | None
    "The row's attribute, where the value is just that."
    read: Callable[[Any], Any]
    "The value, from the row."


def declare(how: How) -> Mapping[str, Any]:
    """The metadata of a field that is read so."""
    return {_KEY: how}


def reading_of(metadata: Mapping[Any, Any], name: str) -> Reading | None:
    """What was declared for the field of that (Python) name; None where nothing was."""
    if _KEY not in metadata:
        return None
    how: How = metadata[_KEY]
    if callable(how):
        return Reading(None, how)
    column = how or name
    return Reading(column, attrgetter(column))


def write_instant(value: datetime) -> str:
    """An instant as clients see it: RFC 3339 in UTC. The JSON writer's own spelling is the same."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
