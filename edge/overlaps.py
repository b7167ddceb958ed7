"""How often one place of the response is asked for.

graphql-core compares every two fields that stand for the same place, whether they can be merged: 370 times
`person { name }`, within every other limit, took it half a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
)

MAX_REPETITIONS = 30


class Overlaps:
    """Looks at one document. Its fragments must not be circular, nor spread without bounds."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments

    def most(self, selection_sets: Sequence[SelectionSetNode]) -> int:
        """The most fields that any one response key stands for, at any depth."""
        fields: defaultdict[str, list[FieldNode]] = defaultdict(list)
        seen: set[str] = set()
        for selection_set in selection_sets:
            for field in self._fields(selection_set, seen):
                fields[(field.alias or field.name).value].append(field)
        inner = [[f.selection_set for f in same if f.selection_set] for same in fields.values()]
        deeper = [self.most(sets) for sets in inner if sets]
        return max([*map(len, fields.values()), *deeper], default=0)

    def _fields(self, selection_set: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        """All at this level; a fragment that is spread twice counts once, as in execution."""
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set, seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                fragment = self._fragments.get(selection.name.value)
                if fragment is not None:
                    yield from self._fields(fragment.selection_set, seen)
