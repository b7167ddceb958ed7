"""A GraphQL request as it was asked, whatever road it came by: JSON read, every part of the right kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard

import orjson

from errors import BadRequest

# Deeper values could be stored and then not be written out again: orjson stops at 254.
_MAX_DEPTH = 64


class Unfit(BadRequest):
    """The request is of the right form, and more or other than we take."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation, not looked into yet."""

    query: str
    operation_name: str | None = None
    variables: dict[str, object] = field(default_factory=dict[str, object])

    @classmethod
    def of(cls, body: object) -> GraphQLRequest:
        """Check what was decoded from JSON. Raises BadRequest that names the part."""
        if isinstance(body, list):
            raise BadRequest("Batching is not supported: send one request at a time.")
        if not is_object(body):
            raise BadRequest("The request must be a JSON object.")
        _object_or_absent(body, "extensions")
        variables = _object_or_absent(body, "variables")
        check_values(variables)
        return cls(_query(body), _operation_name(body), variables)


def read_json(raw: bytes | str) -> object:
    """Decode UTF-8 JSON. Raises BadRequest."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadRequest("This is not valid JSON in UTF-8.") from None


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """JSON knows no other keys than strings."""
    return isinstance(value, dict)


def check_values(values: dict[str, object]) -> None:
    """Raises Unfit for what Postgres cannot store (NUL) and what could not be written out again (depth)."""
    level: list[object] = [values]
    for _ in range(_MAX_DEPTH):
        if any(isinstance(value, str) and "\0" in value for value in level):
            raise Unfit("Text must not contain NUL characters.")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise Unfit(f"The values are nested deeper than {_MAX_DEPTH} levels.")


def _query(body: dict[str, object]) -> str:
    query = body.get("query")
    if not isinstance(query, str):
        raise BadRequest("`query` must be a string.")
    return query


def _operation_name(body: dict[str, object]) -> str | None:
    name = body.get("operationName")
    if not isinstance(name, str | None):
        raise BadRequest("`operationName` must be a string or null.")
    return name or None


def _object_or_absent(body: dict[str, object], part: str) -> dict[str, object]:
    value = body.get(part)
    if value is None:
        return {}
    if not is_object(value):
        raise BadRequest(f"`{part}` must be an object or null.")
    return value


def _inside(value: object) -> Iterator[object]:
    if is_object(value):
        yield from value
        yield from value.values()
    elif _is_list(value):
        yield from value


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
