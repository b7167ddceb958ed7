"""What an operation demands, worked out once for each document: scopes, points, and what it repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    FieldNode,
    GraphQLSchema,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    ValueNode,
    VariableNode,
)

from edge.access import Access, Need, needs_of
from edge.cost import Fragments, Term, cost_of
from edge.requests import is_object

_KEY = "idempotencyKey"


@dataclass(frozen=True, slots=True)
class Demand:
    """Read off a valid operation's syntax tree."""

    needs: tuple[Need, ...]
    cost: Term
    mutations: tuple[FieldNode, ...]
    "The fields of a mutation; empty for other operations."

    def repeatable(self, variables: Mapping[str, object], header: str | None) -> list[tuple[str, str]]:
        """Each mutation with its idempotency key; empty unless every one has a key."""
        found = [(node.name.value, _key_of(node, variables) or header) for node in self.mutations]
        return [(name, key) for name, key in found if key] if all(key for _, key in found) else []


def demand_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Fragments,
    fields: list[FieldNode],
    access: Access,
) -> Demand:
    """`fields` are those of the root, fragments put in place."""
    is_mutation = operation.operation is OperationType.MUTATION
    roots = tuple(node for node in fields if not node.name.value.startswith("__"))
    return Demand(
        needs_of(schema, operation, fragments, access),
        cost_of(schema, operation, fragments),
        roots if is_mutation else (),
    )


def _key_of(field: FieldNode, variables: Mapping[str, object]) -> str | None:
    given = next((one.value for one in field.arguments or () if one.name.value == "input"), None)
    if isinstance(given, ObjectValueNode):
        return _text(next((f.value for f in given.fields if f.name.value == _KEY), None), variables)
    value = variables.get(given.name.value) if isinstance(given, VariableNode) else None
    key = value.get(_KEY) if is_object(value) else None
    return key if isinstance(key, str) else None


def _text(value: ValueNode | None, variables: Mapping[str, object]) -> str | None:
    if isinstance(value, StringValueNode):
        return value.value
    found = variables.get(value.name.value) if isinstance(value, VariableNode) else None
    return found if isinstance(found, str) else None
