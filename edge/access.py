"""Which scopes an operation needs, read off its syntax tree: known before anything is carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.type import GraphQLNamedType

from auth import Principal
from edge.answers import PublicError
from edge.cost import named
from edge.masking import refused
from errors import Forbidden
from scopes import Scope

Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]
Access: TypeAlias = Mapping[str, frozenset[Scope]]
"By `Type.field`: the scopes that a field needs, all of them. A field that is not named needs none."
NO_ACCESS: Access = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Need:
    """A field, and what it needs beyond what the fields around it need."""

    scopes: frozenset[Scope]
    path: tuple[str, ...]
    node: FieldNode

    def refusal(self, missing: Iterable[Scope]) -> PublicError:
        """The error that tells so, with the scopes that the token lacks."""
        cause = Forbidden(missing)
        error = GraphQLError(cause.message, self.node, path=list(self.path), original_error=cause)
        return refused(error, Forbidden.code)


def needs_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments, access: Access
) -> tuple[Need, ...]:
    """Every field of a valid operation that needs a scope of its own, whatever `@skip` and `@include` say."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    reader = _Reader(schema, fragments, access)
    return tuple(reader.selections(operation.selection_set, root, (), frozenset()))


def refusals(needs: Iterable[Need], principal: Principal) -> list[PublicError]:
    """One for each field that the caller's token does not reach."""
    if principal.scopes is None:
        return []
    held = principal.scopes
    return [need.refusal(missing) for need in needs if (missing := sorted(need.scopes - held))]


class _Reader:
    def __init__(self, schema: GraphQLSchema, fragments: Fragments, access: Access) -> None:
        self._schema, self._fragments, self._access = schema, fragments, access

    def selections(
        self,
        within: SelectionSetNode | None,
        parent: GraphQLNamedType,
        path: tuple[str, ...],
        held: frozenset[Scope],
    ) -> Iterator[Need]:
        for selection in within.selections if within else ():
            if isinstance(selection, FieldNode):
                yield from self._field(selection, parent, path, held)
            elif isinstance(selection, FragmentSpreadNode):
                yield from self._fragment(self._fragments[selection.name.value], parent, path, held)
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fragment(selection, parent, path, held)

    def _fragment(
        self,
        node: InlineFragmentNode | FragmentDefinitionNode,
        parent: GraphQLNamedType,
        path: tuple[str, ...],
        held: frozenset[Scope],
    ) -> Iterator[Need]:
        condition = node.type_condition
        kind = self._schema.get_type(condition.name.value) if condition else None
        yield from self.selections(node.selection_set, kind or parent, path, held)

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType, path: tuple[str, ...], held: frozenset[Scope]
    ) -> Iterator[Need]:
        name = node.name.value
        field = getattr(parent, "fields", {}).get(name)
        if field is None:  # introspection, which shows nobody's data
            return
        path = (*path, (node.alias or node.name).value)
        needed = self._access.get(f"{parent.name}.{name}", frozenset[Scope]()) - held
        if needed:
            yield Need(needed, path, node)
        yield from self.selections(node.selection_set, named(cast("object", field.type)), path, held | needed)
