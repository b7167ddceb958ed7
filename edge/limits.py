"""How heavy an operation is, measured on its syntax tree with every fragment in its place.

Runs before validation, so it must bear any document the parser lets through: unknown fragments, cycles.
"""

from __future__ import annotations

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

from settings import Settings

MAX_DIRECTIVES = 50
MAX_FIELDS = 2_000
"Fields after all fragments are put in place: a few tokens can spread to millions."

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

    def __init__(self, document: DocumentNode) -> None:
        definitions = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
        self._fragments = {definition.name.value: definition for definition in definitions}
        self._weights: dict[str, Weight] = {}

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
            return self._weights[name]
        self._weights[name] = Weight()  # what a cycle finds on its way round; validation will name it
        fragment = self._fragments.get(name)
        weight = self._selections(fragment.selection_set) if fragment else Weight()
        self._weights[name] = weight
        return weight


def excesses(document: DocumentNode, settings: Settings) -> list[GraphQLError]:
    """One error for each limit that an operation of this document breaks."""
    scale = Scale(document)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    try:
        return [error for node in operations for error in _excesses(node, scale.weigh(node), settings)]
    except RecursionError:
        return [GraphQLError("The document is nested too deeply.")]


def _excesses(node: OperationDefinitionNode, weight: Weight, settings: Settings) -> list[GraphQLError]:
    measured = {
        "levels deep": (weight.depth, settings.max_depth),
        "aliases": (weight.aliases, settings.max_aliases),
        "directives": (weight.directives, MAX_DIRECTIVES),
        "fields": (weight.fields, MAX_FIELDS),
    }
    return [
        GraphQLError(f"The operation asks for too much: at most {limit} {what} are allowed.", node)
        for what, (found, limit) in measured.items()
        if found > limit
    ]
