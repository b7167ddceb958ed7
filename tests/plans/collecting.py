"""Every GraphQL document that the tests hold, found in their sources."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, OperationType, parse, validate

import tests
from edge.core import inside
from schema.root import schema

_BEGINS = re.compile(r"\s*(query|mutation|fragment|\{)\b|\s*\{")
ROOT = Path(__file__).parent.parent


@cache
def documents(kind: OperationType) -> list[tuple[str, OperationDefinitionNode]]:
    """Those of one operation of this kind that are valid by our schema, each once."""
    found: dict[str, OperationDefinitionNode] = {}
    for text in dict.fromkeys([*_constants(), *_values()]):
        operation = _operation(text)
        if operation is not None and operation.operation is kind:
            found[text] = operation
    return list(found.items())


def _constants() -> Iterator[str]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _values() -> Iterator[str]:
    """Those that are put together when a module is imported."""
    for module in pkgutil.walk_packages(tests.__path__, "tests."):
        try:
            held: dict[str, Any] = vars(importlib.import_module(module.name))
        except ImportError:  # its own tests tell of that
            continue
        yield from (value for value in held.values() if isinstance(value, str))


def _operation(text: str) -> OperationDefinitionNode | None:
    document = _parsed(text)
    if document is None or validate(inside(schema), document):
        return None
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return operations[0] if len(operations) == 1 else None


def _parsed(text: str) -> DocumentNode | None:
    if not _BEGINS.match(text):
        return None
    try:
        return parse(text)
    except GraphQLError:
        return None
