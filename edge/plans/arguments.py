"""Arguments as Strawberry hands them to resolvers, with what it looks up for each value looked up once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, TypeAlias, cast

import strawberry
from strawberry import UNSET
from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryList, StrawberryMaybe, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition

Convert: TypeAlias = Callable[[Any], Any]
"For a value that is there: neither null nor left out."
Arguments: TypeAlias = Callable[[dict[str, Any], Any], dict[str, Any]]
"From GraphQL's values and the field's info to the keywords of its resolver."


class _Unusual(Exception):
    """A type that Strawberry itself has to look at."""


def arguments_of(schema: strawberry.Schema, declared: list[StrawberryArgument]) -> Arguments:
    """How a field's arguments are handed over."""
    maker = _Maker(schema)
    try:
        known = [maker.named(one) for one in declared]
    except _Unusual:
        return _by_strawberry(schema, declared)

    def convert(values: dict[str, Any], _: Any) -> dict[str, Any]:
        return {key: _there(write, values[name]) for name, key, write in known if name in values}

    return convert


def _by_strawberry(schema: strawberry.Schema, declared: list[StrawberryArgument]) -> Arguments:
    def convert(values: dict[str, Any], info: Any) -> dict[str, Any]:
        registry = schema.schema_converter.scalar_registry
        return convert_arguments(values, declared, scalar_registry=registry, config=schema.config, info=info)

    return convert


class _Maker:
    def __init__(self, schema: strawberry.Schema) -> None:
        self._registry = schema.schema_converter.scalar_registry
        self._names = schema.config.name_converter
        self._above: list[object] = []

    def named(self, argument: StrawberryArgument) -> tuple[str, str, Convert | None]:
        """Its name in GraphQL, its name in Python, and what its values become."""
        name = argument.python_name
        return self._names.from_argument(argument), name, self._type(argument.type)

    def _type(self, kind: Any) -> Convert | None:
        """None where values stay as they are. Raises _Unusual."""
        if isinstance(kind, StrawberryMaybe) or kind is GlobalID:
            raise _Unusual
        if isinstance(kind, StrawberryOptional):
            return self._type(kind.of_type)
        if isinstance(kind, StrawberryList):
            return _list(self._type(kind.of_type))
        if is_scalar(kind, self._registry) or isinstance(kind, StrawberryEnumDefinition):
            return None
        if has_enum_definition(kind):
            return None
        return self._input(kind)

    def _input(self, kind: Any) -> Convert:
        if not has_object_definition(kind) or kind in self._above:
            raise _Unusual
        definition: Any = kind.__strawberry_definition__
        if not definition.is_input or definition.from_input is not None:
            raise _Unusual
        self._above.append(kind)
        fields = [
            (self._names.from_field(field), field.python_name, self._type(field.resolve_type()))
            for field in definition.fields
        ]
        self._above.pop()
        # What has no default of its own is null where it is left out.
        nulls: dict[str, Any] = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }
        make = cast("Callable[..., Any]", kind)

        def convert(values: Mapping[str, Any]) -> Any:
            given = {key: _there(write, values[name]) for name, key, write in fields if name in values}
            return make(**(nulls | given))

        return convert


def _list(write: Convert | None) -> Convert:
    if write is None:
        return list
    return lambda values: [_there(write, value) for value in values]


def _there(write: Convert | None, value: Any) -> Any:
    return value if write is None or value is None or value is UNSET else write(value)
