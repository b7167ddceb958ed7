"""graphql-core's executor, with types: the only place that touches it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Protocol, TypeAlias, cast

import graphql.execution
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    MiddlewareManager,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from edge.answers import MAX_ERRORS

Kept: TypeAlias = Mapping[str | int, Callable[[], object]]
"What resolvers of root fields have said already, by response key: called, it is said or raised again."


class _Executor(Protocol):
    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variable_values: VariableValues

    def execute_operation(self) -> object: ...
    def build_per_event_executor(self, payload: object) -> _Executor: ...


class _ExecutorClass(Protocol):
    def build(self, schema: GraphQLSchema, document: DocumentNode, **options: object) -> object: ...


class _Functions(Protocol):
    def create_source_event_stream(self, executor: _Executor) -> object: ...


_class = cast("_ExecutorClass", StrawberryGraphQLCoreExecutionContext)
_functions = cast("_Functions", graphql.execution)


Collected: TypeAlias = dict[str, FieldDetailsList]
"The fields of a selection by their response keys, in the order of the response."


def inside(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema, which Strawberry keeps under a private name."""
    found: object = vars(schema)["_schema"]
    assert isinstance(found, GraphQLSchema)
    return found


def coerced(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    variables: dict[str, object],
    hide_suggestions: bool = False,
) -> VariableValues | list[GraphQLError]:
    """The variables as resolvers see them; a list tells what is wrong with them."""
    return get_variable_values(
        schema,
        operation.variable_definitions or (),
        variables,
        max_errors=MAX_ERRORS - 1,
        hide_suggestions=hide_suggestions,
    )


class Execution:
    """One operation with its variables and its context, ready to run."""

    def __init__(self, executor: _Executor) -> None:
        self._executor = executor

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation_name: str | None,
        variables: dict[str, object],
        context: object,
        kept: Kept | None = None,
        hide_suggestions: bool = False,
    ) -> Execution | list[GraphQLError]:
        """Coerce the variables; a list tells what is wrong with them."""
        built = _class.build(
            schema,
            document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation_name,
            max_coercion_errors=MAX_ERRORS - 1,
            is_awaitable=optimized_is_awaitable,
            operation_extensions=None,
            middleware=MiddlewareManager(_repeat(kept)) if kept else None,
            hide_suggestions=hide_suggestions,
        )
        if isinstance(built, list):
            return cast("list[GraphQLError]", built)
        return cls(cast("_Executor", built))

    async def result(self) -> ExecutionResult:
        """Run the resolvers. Raises nothing of theirs: their errors stand in the result."""
        result = self._executor.execute_operation()
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)  # the schema knows neither @defer nor @stream
        return result

    async def source(self) -> AsyncIterable[object] | ExecutionResult:
        """Open what a subscription listens to; a result tells why it could not be."""
        source = _functions.create_source_event_stream(self._executor)
        if isawaitable(source):
            source = await source
        return cast("AsyncIterable[object] | ExecutionResult", source)

    def variable(self, name: str) -> object:
        """The value of a variable, coerced; None where it has none."""
        return self._executor.variable_values.coerced.get(name)

    def selections(self, variables: Sequence[str]) -> Selections:
        """What it selects, where nothing but these variables decides on that."""
        return Selections(self._executor, variables)

    def on(self, event: object) -> Execution:
        """The same operation, to be run for one event of its source."""
        return Execution(self._executor.build_per_event_executor(event))


def _repeat(kept: Kept) -> Callable[..., object]:
    def resolve(go_on: Callable[..., object], source: object, info: Any, **arguments: object) -> object:
        is_root = info.path.prev is None
        if is_root and info.path.key in kept:
            return kept[info.path.key]()
        return go_on(source, info, **arguments)

    return resolve


class Selections:
    """What an operation selects, by graphql-core's own rules. Keeps no other variables than it needs."""

    def __init__(self, executor: _Executor, variables: Sequence[str]) -> None:
        self.schema = executor.schema
        self._fragments, self._operation = executor.fragments, executor.operation
        known = executor.variable_values
        self._variables = VariableValues(
            {name: known.sources[name] for name in variables if name in known.sources},
            {name: known.coerced[name] for name in variables if name in known.coerced},
        )

    def root(self, type_: GraphQLObjectType) -> Collected:
        """The fields of the operation itself."""
        found = collect_fields(self.schema, self._fragments, self._variables, type_, self._operation)
        return found.grouped_field_set

    def below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> Collected:
        """The fields below others, where the object is of this type."""
        found = collect_subfields(
            self.schema, self._fragments, self._variables, self._operation, type_, details
        )
        return found.grouped_field_set
