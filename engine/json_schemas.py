"""JSON Schemas that come from models, tools and people: whether they are sound, and what fits them.

Patterns run in time linear in the text, and references lead nowhere outside the schema: both are
written by strangers.
"""

from __future__ import annotations

from typing import Any, NoReturn

from jsonschema_rs import RegexOptions, ValidationError, validator_for

from errors import Issue

_MOST_ISSUES = 20
_LONGEST_MESSAGE = 300


def schema_problem(schema: object) -> str | None:
    """Why this cannot be used as a JSON Schema (2020-12, or the draft that it names); None: it can."""
    if not isinstance(schema, dict | bool):
        return "A JSON Schema is an object."
    try:
        _validator(schema)
    except (ValidationError, ValueError) as error:
        return _first_line(error)
    return None


def issues_of(schema: object, value: object, path: tuple[str, ...] = ()) -> list[Issue]:
    """Where a value does not fit a sound schema, twenty issues at most; their paths begin with `path`."""
    found: list[Issue] = []
    for error in _validator(schema).iter_errors(value):
        found.append(Issue((*path, *map(str, error.instance_path)), error.message[:_LONGEST_MESSAGE]))
        if len(found) == _MOST_ISSUES:
            break
    return found


def _validator(schema: Any) -> Any:
    return validator_for(schema, retriever=_nothing_outside, pattern_options=RegexOptions())


def _nothing_outside(uri: str) -> NoReturn:
    raise ValueError(f"nothing outside the schema is looked up: {uri[:100]}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:_LONGEST_MESSAGE]
