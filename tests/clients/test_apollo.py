"""An application on Apollo Client 4 with graphql-ws, both as their authors ship them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.processes import House


def test_apollo_updates_its_cache_by_one_server_and_follows_a_run_by_another(
    house: House, script: Callable[..., Any]
) -> None:
    """The script holds the frames to the contract: their order and cursors, every event once, resuming."""
    first, second, *_ = house.servers
    token = house.token("apollo@example.com")
    seen = script("apollo.mjs", BATON_SERVER=first, BATON_OTHER_SERVER=second, BATON_TOKEN=token)
    assert seen["tasks"] == 1
    assert seen["frames"][0] == "StreamOpened"
    assert "EventBatch" in seen["frames"]
    assert seen["frames"][-1] == "StreamClosed"
    assert seen["events"] >= 4
