"""The console in a real Chromium, and the files it is served from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLSchema, build_schema, parse, separate_operations, validate

from schema.root import schema
from tests.clients import node
from tests.processes import SECRET, free_port

OPERATIONS = {
    name: operation
    for path in sorted((node.CONSOLE / "src" / "documents").glob("*.graphql"))
    for name, operation in separate_operations(parse(path.read_text())).items()
}


def test_a_person_works_with_it_through_a_restart_and_another_tab_follows(
    dsn: str, script: Callable[..., Any], chromium: str, tmp_path: Path
) -> None:
    """Signs up, says what is to be done, watches a run across a killed server, approves, chats, signs out."""
    port = str(free_port())
    python = [sys.executable, "-m", "cli"]
    seen = script(
        "console.mjs",
        SERVER=f"http://127.0.0.1:{port}",
        SERVE=json.dumps([*python, "serve", "--port", port]),
        WORK=json.dumps([*python, "worker"]),
        PICTURES=str(tmp_path),
        CHROMIUM=chromium,
        DATABASE_URL=dsn,
        BATON_DATA_DIR=str(tmp_path),
        BATON_JWT_SECRET=SECRET,
        PYTHONPATH=str(node.ROOT),
    )
    assert seen["foreign"] == []
    assert seen["problems"] == []
    assert seen["steps"] == 3
    assert seen["flickers"] == 0


@pytest.fixture(scope="module")
def types() -> GraphQLSchema:
    return build_schema(schema.as_str())


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_what_it_asks_is_valid(operation: DocumentNode, types: GraphQLSchema) -> None:
    assert validate(types, operation) == []


@pytest.mark.usefixtures("npm")
def test_the_committed_files_are_what_the_sources_and_the_lock_build(tmp_path: Path) -> None:
    node.install(node.CONSOLE)
    node.build_console(tmp_path / "dist")
    assert node.contents(tmp_path / "dist") == node.contents(node.CONSOLE / "dist")
