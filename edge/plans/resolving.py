"""A field with a resolver: its arguments worked out once for all objects, its function called for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, cast
from uuid import UUID

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UnsetType

from edge.plans.running import Run

_FIXED = (str, int, float, bool, Enum, UUID, datetime, UnsetType)


class Resolver:
    """Calls one field of one operation."""

    def __init__(
        self,
        schema: strawberry.Schema,
        inside: GraphQLSchema,
        operation: OperationDefinitionNode,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        field: StrawberryField,
        nodes: list[FieldNode],
        path: Path,
    ) -> None:
        self._schema, self._inside, self._operation = schema, inside, operation
        self._parent, self._definition, self._field = parent, definition, field
        self._nodes, self._path = nodes, path
        resolver: Any = cast("Any", field).base_resolver
        self._function: Callable[..., Any] = resolver.wrapped_func
        self._takes_self = resolver.self_parameter is not None
        sources = (resolver.parent_parameter, resolver.root_parameter)
        self._takes_source = [parameter.name for parameter in sources if parameter]
        self._takes_info = resolver.info_parameter and resolver.info_parameter.name
        self._takes_variables = _refers_to_variables(nodes[0])
        self._fixed: dict[str, Any] | None = None

    def call(self, run: Run) -> Callable[[Any], Any]:
        """The function with its arguments, to be given a source. Raises for arguments that are not good."""
        function, sources = self._function, self._takes_source
        given = self._arguments(run)
        if sources:
            return lambda source: function(**given, **dict.fromkeys(sources, source))
        return (
            (lambda source: function(source, **given)) if self._takes_self else (lambda _: function(**given))
        )

    def _arguments(self, run: Run) -> dict[str, Any]:
        if not self._takes_info and not self._definition.args:
            return {}
        info: Any = strawberry.Info(_raw_info=self._raw_info(run), _field=self._field)
        given = self._converted(run, info)
        return {**given, self._takes_info: info} if self._takes_info else given

    def _converted(self, run: Run, info: Any) -> dict[str, Any]:
        """As Strawberry hands them over. Kept where they cannot change from run to run."""
        if not self._definition.args:
            return {}
        if self._fixed is not None:
            return self._fixed
        converted = convert_arguments(
            get_argument_values(self._definition, self._nodes[0], run.variables),
            self._field.arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
            info=info,
        )
        if not self._takes_variables and all(_is_fixed(value) for value in converted.values()):
            self._fixed = converted
        return converted

    def _raw_info(self, run: Run) -> Any:
        """As graphql-core gives it, but for the path: without places in lists, as all are asked together."""
        raw: Any = GraphQLResolveInfo
        kind: Any = cast("Any", self._definition).type
        return raw(
            self._nodes[0].name.value,
            self._nodes,
            kind,
            self._parent,
            self._path,
            self._inside,
            {},
            None,
            self._operation,
            run.variables.coerced,
            run.context,
            optimized_is_awaitable,
            None,
            None,
        )


def _is_fixed(value: object) -> bool:
    return value is None or isinstance(value, _FIXED)


class _Finder(Visitor):
    found = False

    def enter_variable(self, *_: object) -> None:
        self.found = True


def _refers_to_variables(node: FieldNode) -> bool:
    finder = _Finder()
    for argument in node.arguments or ():
        value: ValueNode = argument.value
        visit(value, finder)
        if isinstance(value, VariableNode):
            return True
    return finder.found
