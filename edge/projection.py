"""What a selection takes from plain objects, worked out once: the same JSON as graphql-core makes of them.

A field is plain when Strawberry reads an attribute for it and nothing else. Of such fields alone the result
depends on nothing but the object, so that whoever may be told the object may be told the result. Wherever
there is anything else (a resolver, a value that breaks its type) graphql-core executes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from operator import attrgetter
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from edge.core import Selections

Write: TypeAlias = Callable[[Any], Any]
"From a value to what orjson is to write. Raises NotPlain."

Output: TypeAlias = Any
"A type of graphql-core: its lists do not say of what."

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
_LARGEST_INT = 2**31 - 1


class NotPlain(Exception):
    """graphql-core must look at this: it is no plain attribute, or a value that is not of its type."""


def object_types(schema: GraphQLSchema) -> dict[type[Any], GraphQLObjectType]:
    """The type of each Python class that stands for one."""
    found: dict[type[Any], GraphQLObjectType] = {}
    for type_ in schema.type_map.values():
        definition = type_.extensions.get(_DEFINITION)
        if not isinstance(type_, GraphQLObjectType) or not isinstance(definition, StrawberryObjectDefinition):
            continue
        if definition.concrete_of is None:
            found[definition.origin] = type_
    return found


class Projector:
    """Writers for what one operation selects."""

    def __init__(self, types: dict[type[Any], GraphQLObjectType], selections: Selections) -> None:
        self._types, self._selections = types, selections
        self._schema = selections.schema

    def root(self, type_: GraphQLObjectType) -> Write:
        """Writes the data of an operation with one field, from that field's value. Raises NotPlain."""
        fields = self._selections.root(type_)
        if len(fields) != 1:
            raise NotPlain(type_.name)
        ((key, details),) = fields.items()
        write = self._value(_type(_field(type_, details)), details)
        return lambda value: {key: write(value)}

    def _value(self, type_: Output, details: FieldDetailsList) -> Write:
        if isinstance(type_, GraphQLNonNull):
            return _not_null(self._nullable(_inner(type_), details))
        write = self._nullable(type_, details)
        return lambda value: None if value is None else write(value)

    def _nullable(self, type_: Output, details: FieldDetailsList) -> Write:
        if isinstance(type_, GraphQLList):
            return _list(self._value(_inner(type_), details))
        if is_leaf_type(type_):
            return _leaf(type_)
        return self._object(type_, details)

    def _object(self, type_: Output, details: FieldDetailsList) -> Write:
        """Each class that comes along is looked at once."""
        known: dict[type[Any], Write] = {}

        def write(value: Any) -> Any:
            cls: type[Any] = value.__class__
            of = known.get(cls)
            if of is None:
                of = known[cls] = self._class(cls, type_, details)
            return of(value)

        return write

    def _class(self, cls: type[Any], within: Output, details: FieldDetailsList) -> Write:
        type_ = self._types.get(cls)
        if type_ is None or not self._fits(type_, within):
            return _refuse
        try:
            return _fields(
                [
                    (key, *self._field(type_, below))
                    for key, below in self._selections.below(type_, details).items()
                ]
            )
        except NotPlain:
            return _refuse

    def _fits(self, type_: GraphQLObjectType, within: Output) -> bool:
        return self._schema.is_sub_type(within, type_) if is_abstract_type(within) else within is type_

    def _field(self, type_: GraphQLObjectType, details: FieldDetailsList) -> tuple[Write, Write]:
        if details[0].node.name.value == "__typename":
            return _nothing, lambda _: type_.name
        field = _field(type_, details)
        definition = field.extensions.get(_DEFINITION)
        if not (isinstance(definition, StrawberryField) and _is_plain(definition, field)):
            raise NotPlain(f"{type_.name}.{details[0].node.name.value}")
        return attrgetter(definition.python_name), self._value(_type(field), details)


def _field(type_: GraphQLObjectType, details: FieldDetailsList) -> GraphQLField:
    field = type_.fields.get(details[0].node.name.value)
    if field is None:
        raise NotPlain(type_.name)
    return field


def _type(field: Any) -> Output:
    return field.type


def _inner(type_: Any) -> Output:
    return type_.of_type


def _is_plain(definition: StrawberryField, field: GraphQLField) -> bool:
    reads_an_attribute = getattr(field.resolve, "_is_default", False)
    return definition.is_basic_field and definition.default_resolver is getattr and reads_an_attribute


def _fields(parts: list[tuple[str, Write, Write]]) -> Write:
    return lambda value: {key: write(get(value)) for key, get, write in parts}


def _not_null(write: Write) -> Write:
    def checked(value: Any) -> Any:
        if value is None:
            raise NotPlain("null")
        return write(value)

    return checked


def _list(write: Write) -> Write:
    def each(values: Any) -> list[Any]:
        if type(values) is not list:
            raise NotPlain("not a list")
        return [write(value) for value in cast("list[Any]", values)]

    return each


def _leaf(type_: GraphQLLeafType) -> Write:
    """What is of the very Python type that goes over the wire stays as it is."""
    coerce = type_.coerce_output_value
    known = dict(_names(type_)) if isinstance(type_, GraphQLEnumType) else None
    is_itself = _PASSED_ON.get(type_.name, _is_never)

    def write(value: Any) -> Any:
        if known is not None and value in known:
            return known[value]
        if is_itself(value):
            return value
        try:
            written = coerce(value)
        except Exception:
            raise NotPlain(type_.name) from None
        if written is None:
            raise NotPlain(type_.name)
        return written

    return write


def _names(type_: GraphQLEnumType) -> Iterator[tuple[Any, str]]:
    members: Any = getattr(type_, "wrapped_cls", ())
    for member in members:
        yield member, type_.coerce_output_value(member)


def _is_never(_: object) -> bool:
    return False


_PASSED_ON: dict[str, Callable[[Any], bool]] = {
    "String": lambda value: type(value) is str,
    "ID": lambda value: type(value) is str,
    "Boolean": lambda value: type(value) is bool,
    "Int": lambda value: type(value) is int and -_LARGEST_INT <= value <= _LARGEST_INT,
    "Float": lambda value: type(value) is float and isfinite(value),
}


def _nothing(_: object) -> None:
    return None


def _refuse(value: Any) -> Any:
    raise NotPlain(type(value).__name__)
