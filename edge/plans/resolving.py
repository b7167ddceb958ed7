"""A field with a resolver: its arguments worked out once for all objects, its function called for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import strawberry
from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable
from strawberry.types.field import StrawberryField

from edge.known import Known, key_of
from edge.plans.arguments import arguments_of
from edge.plans.running import Run
from projection import for_all_of


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
        self._inside, self._operation = inside, operation
        self._handed = arguments_of(schema, field.arguments)
        self._parent, self._definition, self._field = parent, definition, field
        self._nodes, self._path = nodes, path
        resolver: Any = cast("Any", field).base_resolver
        for_all = for_all_of(field.metadata)
        self.is_for_all = for_all is not None
        self._function: Callable[..., Any] = for_all or resolver.wrapped_func
        self._takes_self = resolver.self_parameter is not None
        sources = (resolver.parent_parameter, resolver.root_parameter)
        self._takes_source = [parameter.name for parameter in sources if parameter]
        self._takes_info = resolver.info_parameter and resolver.info_parameter.name
        self._variables = _variables_of(nodes[0])
        # What a mutation is given may be secret, and seldom comes twice.
        self._keeps = operation.operation is OperationType.QUERY
        self._known: Known[dict[str, Any]] = Known()

    def call(self, run: Run) -> Callable[[Any], Any]:
        """The function with its arguments, to be given a source, or all of them where it is for all.

        Raises for arguments that are not good.
        """
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
        """As Strawberry hands them over; worked out once for the same small values. Resolvers change none."""
        if not self._definition.args:
            return {}
        key = key_of(self._variables, run.variables.coerced) if self._keeps else None
        known = self._known.get(key)
        if known is None:
            known = self._convert(run, info)
            self._known.keep(key, known)
        return known

    def _convert(self, run: Run, info: Any) -> dict[str, Any]:
        return self._handed(get_argument_values(self._definition, self._nodes[0], run.variables), info)

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


class _Finder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, None] = {}

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found[node.name.value] = None


def _variables_of(node: FieldNode) -> tuple[str, ...]:
    """Those that its arguments refer to."""
    finder = _Finder()
    for argument in node.arguments or ():
        visit(argument, finder)
    return tuple(finder.found)
