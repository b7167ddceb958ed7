"""How heavy an operation is, measured on its syntax tree with every fragment in its place.

Runs before validation, so it must bear any document the parser lets through: unknown fragments, cycles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from edge.overlaps import MAX_REPETITIONS, Overlaps
from settings import Settings

MAX_DIRECTIVES = 50
MAX_FIELDS = 2_000
"In a document, after all fragments are put in place: a few tokens can spread to millions."

_META = {"__schema", "__type"}


@dataclass(frozen=True, slots=True)
class Weight:
    """What an operation asks for. Introspection counts as one level: graphql-core bounds its depth."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def beside(self, other: Weight) -> Weight:
        """Both, next to each other."""
        return Weight(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


class Scale:
    """Weighs the operations of one document; each fragment once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._weights: dict[str, Weight | None] = {}
        self.circular: str | None = None
        "A fragment that contains itself, as far as was looked."

    @property
    def unused(self) -> list[str]:
        """The fragments that no operation weighed so far contains."""
        return [name for name in self._fragments if name not in self._weights]

    def weigh(self, operation: OperationDefinitionNode) -> Weight:
        """Raises RecursionError where fragments are nested too deeply to look into."""
        own = Weight(directives=len(operation.directives or ()))
        return own.beside(self._selections(operation.selection_set))

    def _selections(self, selection_set: SelectionSetNode | None) -> Weight:
        total = Weight()
        for selection in selection_set.selections if selection_set else ():
            own = Weight(directives=len(selection.directives or ()))
            total = total.beside(own).beside(self._selection(selection))
        return total

    def _selection(self, node: SelectionNode) -> Weight:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        if isinstance(node, FieldNode):
            return self._field(node)
        return self._selections(getattr(node, "selection_set", None))

    def _field(self, node: FieldNode) -> Weight:
        inner = self._selections(node.selection_set)
        depth = 0 if node.name.value in _META else inner.depth
        aliases = inner.aliases + (node.alias is not None)
        return Weight(depth + 1, inner.fields + 1, aliases, inner.directives)

    def _fragment(self, name: str) -> Weight:
        if name in self._weights:
            weight = self._weights[name]
            if weight is None:
                self.circular = name
            return weight or Weight()
        self._weights[name] = None
        fragment = self._fragments.get(name)
        weight = self._selections(fragment.selection_set) if fragment else Weight()
        self._weights[name] = weight
        return weight


def excesses(document: DocumentNode, settings: Settings) -> list[GraphQLError]:
    """Why this document must not be looked into any further: empty for those that may be validated."""
    fragments = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    by_name = {fragment.name.value: fragment for fragment in fragments}
    if len(by_name) < len(fragments):
        return [GraphQLError("There can be only one fragment of the same name.")]
    try:
        return _heavy(operations, Scale(by_name), settings) or _repetitive(operations, by_name)
    except RecursionError:
        return [GraphQLError("The document is nested too deeply.")]


def _heavy(
    operations: Sequence[OperationDefinitionNode], scale: Scale, settings: Settings
) -> list[GraphQLError]:
    weights = [scale.weigh(operation) for operation in operations]
    if scale.circular:
        return [GraphQLError(f"Cannot spread fragment '{scale.circular}' within itself.")]
    if scale.unused:
        return [GraphQLError(f"Fragment '{name}' is never used.") for name in scale.unused]
    if sum(weight.fields for weight in weights) > MAX_FIELDS:
        return [_too_much(MAX_FIELDS, "fields")]
    pairs = zip(operations, weights, strict=True)
    return [error for operation, weight in pairs for error in _excesses(operation, weight, settings)]


def _excesses(node: OperationDefinitionNode, weight: Weight, settings: Settings) -> list[GraphQLError]:
    measured = {
        "levels deep": (weight.depth, settings.max_depth),
        "aliases": (weight.aliases, settings.max_aliases),
        "directives": (weight.directives, MAX_DIRECTIVES),
    }
    return [_too_much(limit, what, node) for what, (found, limit) in measured.items() if found > limit]


def _repetitive(
    operations: Sequence[OperationDefinitionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> list[GraphQLError]:
    overlaps = Overlaps(fragments)
    worst = max((overlaps.most([node.selection_set]) for node in operations), default=0)
    return (
        [_too_much(MAX_REPETITIONS, "fields of the same name in one place")]
        if worst > MAX_REPETITIONS
        else []
    )


def _too_much(limit: int, what: str, node: OperationDefinitionNode | None = None) -> GraphQLError:
    return GraphQLError(f"The operation asks for too much: at most {limit} {what} are allowed.", node)
