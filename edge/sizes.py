"""How long and wide a document is, counted before it is validated: each alone could take too long.

What a large request carries belongs into variables, which cost little to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from graphql import (
    DocumentNode,
    GraphQLError,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
)

MAX_CHARACTERS = 65_536
MAX_OPERATIONS = 20
MAX_VARIABLES = 100
"For each operation."
MAX_ROOT_FIELDS = 20
MAX_VALUES = 250
"Items of lists and fields of objects that stand in the document itself."


def oversized(document: DocumentNode) -> list[GraphQLError]:
    """What there is too much of."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    variables = max((len(one.variable_definitions or ()) for one in operations), default=0)
    counted = {
        "operations in a document": (len(operations), MAX_OPERATIONS),
        "variables": (variables, MAX_VARIABLES),
        "values in the document itself, and any number in variables": (_values(document), MAX_VALUES),
    }
    return [
        GraphQLError(f"The document is too large: at most {limit} {what}.")
        for what, (found, limit) in counted.items()
        if found > limit
    ]


def _values(document: DocumentNode) -> int:
    """A stack instead of recursion: it bears any depth."""
    found, stack = 0, list[Node]([document])
    while stack:
        node = stack.pop()
        if isinstance(node, ListValueNode):
            found += len(node.values)
        elif isinstance(node, ObjectValueNode):
            found += len(node.fields)
        stack.extend(_children(node))
    return found


def _children(node: Node) -> list[Node]:
    found: list[Node] = []
    for key in node.keys:
        value: object = getattr(node, key)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, tuple | list):
            found.extend(cast("Sequence[Node]", value))
    return found
