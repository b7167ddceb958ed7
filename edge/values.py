"""The variables of an operation as resolvers see them; those of queries coerced once for the same values."""

from __future__ import annotations

from graphql import GraphQLError, GraphQLSchema, OperationType
from graphql.execution.values import VariableValues

from edge.core import coerced
from edge.documents import Operation
from edge.known import Known, key_of


class Values:
    """Bounded by the documents that are kept: what is known of an operation goes with it.

    The variables of mutations are not kept: they may be secret, and seldom come twice.
    """

    def __init__(self, schema: GraphQLSchema, hide_suggestions: bool) -> None:
        self._schema, self._hide_suggestions = schema, hide_suggestions

    def of(self, operation: Operation, given: dict[str, object]) -> VariableValues | list[GraphQLError]:
        """A list tells what is wrong with them."""
        if operation.kind is not OperationType.QUERY:
            return self._coerced(operation, given)
        known: Known[VariableValues] | None = operation.known.get(self)
        if known is None:
            known = operation.known[self] = Known[VariableValues]()
        key = key_of(operation.variables, given)
        values = known.get(key)
        if values is not None:
            return values
        found = self._coerced(operation, given)
        if not isinstance(found, list):
            known.keep(key, found)
        return found

    def _coerced(self, operation: Operation, given: dict[str, object]) -> VariableValues | list[GraphQLError]:
        return coerced(self._schema, operation.node, given, self._hide_suggestions)
