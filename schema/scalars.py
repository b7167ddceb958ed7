"""Scalars as the contract has them: instants with an offset, and JSON that Postgres can hold."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Any, NewType, cast

import strawberry
from graphql import GraphQLError

from projection import write_instant

JSON = NewType("JSON", object)
"Any JSON value."

_DEEPEST_JSON = 32


def read_instant(value: object) -> datetime:
    """An instant from RFC 3339 text with an offset, in UTC. Raises GraphQLError."""
    try:
        if isinstance(value, str) and "T" in value.upper():
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise GraphQLError(
        f"DateTime must be RFC 3339 with an offset, such as 2026-03-04T10:00:00Z: {value!r:.60}"
    )


def json_or_null(value: object) -> JSON | None:
    """A stored JSON value as a field has it."""
    return None if value is None else JSON(value)


def read_json(value: object) -> object:
    """A JSON value that can be stored and written out again as it was.

    Raises GraphQLError for NUL characters, for depth beyond 32 and for numbers beyond 64 bits.
    """
    _check_json(value, _DEEPEST_JSON)
    return value


def _check_json(value: object, depth: int) -> None:
    if depth == 0:
        raise GraphQLError(f"JSON may be nested {_DEEPEST_JSON} levels deep at most.")
    if isinstance(value, str) and "\x00" in value:
        raise GraphQLError("JSON strings must not hold NUL characters.")
    if isinstance(value, int | float) and not _is_json_number(value):
        raise GraphQLError("JSON numbers must fit into 64 bits.")
    if isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            _check_json(key, depth)
            _check_json(item, depth - 1)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _check_json(item, depth - 1)


def _is_json_number(value: float) -> bool:
    """A document, unlike a body, can spell numbers of any size; our writer and most readers end here."""
    return -(1 << 63) <= value < 1 << 64 if isinstance(value, int) else isfinite(value)


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant: RFC 3339 with an offset, answered in UTC.",
        serialize=write_instant,
        parse_value=read_instant,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=read_json,
    ),
}
