"""A GraphQL request as it was asked, whatever road it came by: JSON read, every part of the right kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeGuard

import orjson

from errors import BadRequest

# Deeper values could be stored and then not be written out again: orjson stops at 254.
_MAX_DEPTH = 64
_LONGEST_ID = 200


class Unfit(BadRequest):
    """The request is of the right form, and more or other than we take."""


@dataclass(slots=True)
class GraphQLRequest:
    """One operation, not looked into yet."""

    query: str | None
    "None where only an id says which document is meant."
    operation_name: str | None = None
    variables: dict[str, object] = field(default_factory=dict[str, object])
    document_id: str | None = None
    "The hash of an automatic persisted query, or the name of a trusted document."

    @classmethod
    def of(cls, body: object) -> GraphQLRequest:
        """Check what was decoded from JSON. Raises BadRequest that names the part."""
        if isinstance(body, list):
            raise BadRequest("Batching is not supported: send one request at a time.")
        if not is_object(body):
            raise BadRequest("The request must be a JSON object.")
        name = _document_id(body, _object_or_absent(body, "extensions"))
        variables = _object_or_absent(body, "variables")
        check_values(variables)
        return cls(_query(body, optional=name is not None), _operation_name(body), variables, name)


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
        level = _below(level)
        if not level:
            return
    raise Unfit(f"The values are nested deeper than {_MAX_DEPTH} levels.")


def _query(body: dict[str, object], *, optional: bool) -> str | None:
    query = body.get("query")
    if not query and optional:
        return None
    if not isinstance(query, str):
        raise BadRequest("`query` must be a string.")
    return query


def _document_id(body: dict[str, object], extensions: dict[str, object]) -> str | None:
    """Apollo's extension, or `documentId` as the draft for GraphQL over HTTP has it. Raises BadRequest."""
    if not extensions and "documentId" not in body:
        return None
    persisted = _object_or_absent(extensions, "persistedQuery")
    if persisted and persisted.get("version") != 1:
        raise BadRequest("Unsupported persisted query version: 1 is the one that is known.")
    name = persisted.get("sha256Hash") if persisted else body.get("documentId")
    if name is None and not persisted:
        return None
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID:
        raise BadRequest(f"The id of a document is a string of up to {_LONGEST_ID} characters.")
    return name.removeprefix("sha256:")


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


def _below(level: list[object]) -> list[object]:
    """What is inside of these values; keys count as values."""
    below: list[object] = []
    for value in level:
        if isinstance(value, str):
            if "\0" in value:
                raise Unfit("Text must not contain NUL characters.")
        elif is_object(value):
            below += value
            below += value.values()
        elif is_list(value):
            below += value
    return below


def is_list(value: object) -> TypeGuard[list[object]]:
    """Of whatever."""
    return isinstance(value, list)
