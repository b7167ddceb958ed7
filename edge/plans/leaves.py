"""Scalars and enums as JSON: the usual values as they are, all others by the type's own rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from graphql import GraphQLEnumType, GraphQLLeafType, GraphQLScalarType, Undefined

from projection import write_instant

Write: TypeAlias = Callable[[Any], Any]

# Of a variable `{v}`, whether it is other than JSON has it.
_IS_OTHER = {
    "String": "{v}.__class__ is not str",
    "ID": "{v}.__class__ is not str",
    "Int": "{v}.__class__ is not int or not -2147483648 <= {v} <= 2147483647",
    "Boolean": "{v} is not True and {v} is not False",
}
_IS_OTHER_INSTANT = "{v}.__class__ is not datetime or {v}.tzinfo is not UTC"

NAMES: dict[str, Any] = {"datetime": datetime, "UTC": UTC}
"What the conditions refer to."


class Bail(Exception):
    """Something out of the ordinary, for graphql-core to tell of."""


def writer(kind: GraphQLLeafType, nullable: bool) -> Write:
    """The JSON of a value. Raises Bail, or what the type raises, for one that the type does not take."""
    coerce: Any = kind.coerce_output_value

    def write(value: Any) -> Any:
        if value is None:
            if nullable:
                return None
            raise Bail
        written = coerce(value)
        if written is None or written is Undefined:
            raise Bail
        return written

    return write


def is_other(kind: GraphQLLeafType) -> str | None:
    """The condition, of `{v}`, under which a value must go through `writer`; None where all must."""
    if not isinstance(kind, GraphQLScalarType):
        return None
    # The writer of JSON spells instants in UTC as `write_instant` does.
    native = kind.coerce_output_value is write_instant
    return _IS_OTHER_INSTANT if native else _IS_OTHER.get(kind.name)


def enum_names(kind: GraphQLEnumType) -> dict[Any, str]:
    """The name of each member, by the member and by its value. Raises TypeError where one is not hashable."""
    names: dict[Any, str] = {}
    for name, value in kind.values.items():
        names[value.value] = name
    members: Any = getattr(kind, "wrapped_cls", ())
    return names | {member: names[member.value] for member in members}
