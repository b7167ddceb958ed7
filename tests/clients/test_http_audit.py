"""GraphQL over HTTP, as the graphql-http project audits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.processes import House


def test_every_must_and_every_should_of_the_audit_holds(house: House, script: Callable[..., Any]) -> None:
    token = house.token("audit@example.com")
    results = script("audit.mjs", BATON_SERVER=house.servers[0], BATON_TOKEN=token)
    rules = [result for result in results if result["name"].startswith(("MUST", "SHOULD"))]
    assert len(rules) >= 30
    assert [rule for rule in rules if rule["status"] != "ok"] == []
