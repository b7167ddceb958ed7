"""What a selection takes from plain objects, worked out once: the same JSON as graphql-core makes of them.

A field is plain when Strawberry reads an attribute for it and nothing else. Of such fields alone the result
depends on nothing but the object, so that whoever may be told the object may be told the result. Wherever
there is anything else (a resolver, a value that breaks its type) graphql-core executes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLField,
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

from edge.core import Selections
from edge.plans.leaves import Bail, Write, writer
from edge.plans.projecting import Projection, declared

Output: TypeAlias = Any
"A type of graphql-core: its lists do not say of what."


class NotPlain(Exception):
    """graphql-core must look at this: it is no plain attribute."""


def object_types(schema: GraphQLSchema) -> dict[type[Any], GraphQLObjectType]:
    """The type of each Python class that stands for one."""
    found: dict[type[Any], GraphQLObjectType] = {}
    for type_ in schema.type_map.values():
        definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if not isinstance(type_, GraphQLObjectType) or not isinstance(definition, StrawberryObjectDefinition):
            continue
        if definition.concrete_of is None:
            found[definition.origin] = type_
    return found


class Projector:
    """Writers for what one operation selects. What they raise says that graphql-core must execute."""

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
        nullable = not isinstance(type_, GraphQLNonNull)
        inner: Output = type_ if nullable else _inner(type_)
        if is_leaf_type(inner):
            return writer(inner, nullable)
        if isinstance(inner, GraphQLList):
            return _unless_null(_list(self._value(_inner(inner), details)), nullable)
        return _unless_null(self._object(inner, details), nullable)

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
        projection = Projection()
        try:
            for key, below in self._selections.below(type_, details).items():
                self._put(projection, type_, key, below)
        except NotPlain:
            return _refuse
        return projection.of_one()

    def _fits(self, type_: GraphQLObjectType, within: Output) -> bool:
        return self._schema.is_sub_type(within, type_) if is_abstract_type(within) else within is type_

    def _put(
        self, projection: Projection, type_: GraphQLObjectType, key: str, details: FieldDetailsList
    ) -> None:
        if details[0].node.name.value == "__typename":
            projection.constant(key, type_.name)
            return
        definition = _field(type_, details)
        field = declared(definition)
        if field is None or not field.is_basic_field:
            raise NotPlain(f"{type_.name}.{details[0].node.name.value}")
        kind = _type(definition)
        nullable = not isinstance(kind, GraphQLNonNull)
        leaf: Output = kind if nullable else _inner(kind)
        if is_leaf_type(leaf):
            projection.leaf(key, field, leaf, nullable)
        else:
            projection.written(key, field, self._value(kind, details))


def _field(type_: GraphQLObjectType, details: FieldDetailsList) -> GraphQLField:
    field = type_.fields.get(details[0].node.name.value)
    if field is None:
        raise NotPlain(type_.name)
    return field


def _type(field: Any) -> Output:
    return field.type


def _inner(type_: Any) -> Output:
    return type_.of_type


def _unless_null(write: Write, nullable: bool) -> Write:
    def checked(value: Any) -> Any:
        if value is not None:
            return write(value)
        if nullable:
            return None
        raise Bail

    return checked


def _list(write: Callable[[Any], Any]) -> Write:
    def each(values: Any) -> list[Any]:
        if type(values) is not list:
            raise Bail
        return [write(value) for value in cast("list[Any]", values)]

    return each


def _refuse(value: Any) -> Any:
    raise NotPlain(type(value).__name__)
