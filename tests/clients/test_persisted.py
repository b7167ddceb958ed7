"""Apollo Client's own link for automatic persisted queries, against two real servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.processes import House


def test_apollo_sends_a_document_once_for_all_servers(house: House, script: Callable[..., Any]) -> None:
    """By POST: the hash, then both, then the hash alone; another server knows it. By GET the same."""
    first, second, *_ = house.servers
    token = house.token("persisted@example.com")
    seen = script("persisted.mjs", BATON_SERVER=first, BATON_OTHER_SERVER=second, BATON_TOKEN=token)
    alone, whole = "POST without the document", "POST with the document"
    assert seen["posts"] == [alone, whole, alone]
    assert seen["elsewhere"] == [alone, alone]
    assert [one.partition(" ")[2] for one in seen["gets"]] == [
        "without the document",
        "with the document",
        "without the document",
    ]
    assert seen["gets"][-1].startswith("GET")
