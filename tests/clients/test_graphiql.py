"""GraphiQL in a real Chromium, and the files it is served from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from schema.root import schema
from tests.clients import node
from tests.processes import House

DOCUMENTS = sorted((node.GRAPHIQL / "src" / "documents").glob("*.graphql"))


def test_a_newcomer_starts_and_watches_a_run_without_a_request_to_another_host(
    house: House, script: Callable[..., Any], chromium: str, tmp_path: Path
) -> None:
    """From a link with a token: run, stream, query; nothing foreign asked for, no word in the console."""
    seen = script(
        "graphiql.mjs",
        BATON_SERVER=house.servers[0],
        BATON_TOKEN=house.token("graphiql@example.com"),
        CHROMIUM=chromium,
        SCREENSHOT=str(tmp_path / "graphiql.png"),
    )
    assert seen["foreign"] == []
    assert seen["problems"] == []
    assert seen["frames"][0]["__typename"] == "StreamOpened"
    assert seen["frames"][-1]["reason"] == "TERMINAL"
    assert seen["tasks"] >= 1


@pytest.fixture(scope="module")
def types() -> GraphQLSchema:
    return build_schema(schema.as_str())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_first_operations_it_offers_are_valid(document: Path, types: GraphQLSchema) -> None:
    assert validate(types, parse(document.read_text())) == []


@pytest.mark.usefixtures("npm")
def test_the_committed_files_are_what_the_sources_and_the_lock_build(tmp_path: Path) -> None:
    node.install(node.GRAPHIQL)
    node.build_graphiql(tmp_path / "dist")
    assert node.contents(tmp_path / "dist") == node.contents(node.GRAPHIQL / "dist")
