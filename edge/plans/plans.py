"""The plans of the operations that are kept: made when an operation comes a second time."""

from __future__ import annotations

import strawberry
from graphql import (
    DirectiveNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues

from edge.documents import Operation
from edge.plans.compiling import Compiler, Unplannable
from edge.plans.plan import Plan

_MOST_VARIANTS = 8
"Of one operation, by what its variables skip and include."
_KNOWN = {GraphQLSkipDirective.name, GraphQLIncludeDirective.name}


class Plans:
    """Bounded by the documents that are kept: a plan goes with its operation."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema

    def find(self, operation: Operation, variables: VariableValues) -> Plan | None:
        """None for one that comes for the first time, which may be the last, and for what has no plan."""
        variants: _Variants | None = operation.known.get(self)
        if variants is None:
            operation.known[self] = _Variants(operation)
            return None
        return variants.find(self._schema, operation, variables)


class _Variants:
    def __init__(self, operation: Operation) -> None:
        finder = _Directives()
        visit(operation.document, finder)
        self._switches = tuple(finder.switches)
        self._has_none = finder.others or operation.kind is OperationType.SUBSCRIPTION
        self._plans: dict[tuple[object, ...], Plan | None] = {}

    def find(self, schema: strawberry.Schema, operation: Operation, variables: VariableValues) -> Plan | None:
        if self._has_none:
            return None
        coerced = variables.coerced
        variant = tuple(coerced.get(name) for name in self._switches)
        if variant in self._plans:
            return self._plans[variant]
        if len(self._plans) == _MOST_VARIANTS:
            return None
        plan = self._plans[variant] = _plan(schema, operation, variables)
        return plan


def _plan(schema: strawberry.Schema, operation: Operation, variables: VariableValues) -> Plan | None:
    try:
        return Plan(operation.kind, Compiler(schema, operation, variables).root())
    except (Unplannable, GraphQLError):  # the second of a switch that is null: graphql-core tells of it
        return None


class _Directives(Visitor):
    """The variables that @skip and @include look at, and whether there are other directives."""

    def __init__(self) -> None:
        super().__init__()
        self.switches: dict[str, None] = {}
        self.others = False

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.others |= node.name.value not in _KNOWN
        values = (argument.value for argument in node.arguments or ())
        self.switches |= {value.name.value: None for value in values if isinstance(value, VariableNode)}
