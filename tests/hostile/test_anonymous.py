"""Without a token nothing is told and nothing is done, but what people sign in with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ids import Kind, encode, new_id
from tests.api import Api
from tests.hostile.places import doors, request

pytestmark = pytest.mark.anyio

OPEN = {"signUp", "signIn", "refreshSession", "signOut"}
IDS = ["", "nonsense", *(encode(kind, new_id()) for kind in Kind)]


def shut() -> list[Any]:
    return [pytest.param(kind, name, id=name) for kind, name in doors() if name not in OPEN]


@pytest.mark.parametrize(("kind", "name"), shut())
async def test_every_root_field_asks_for_a_token(api: Api, kind: str, name: str) -> None:
    """Whatever the arguments are: who is not signed in learns nothing of them either."""
    for asked in (request(kind, name, id_) for id_ in IDS):
        await assert_shut(api, asked)
        await assert_shut(api, asked | {"variables": emptied(asked["variables"])})


@pytest.mark.parametrize("name", sorted(OPEN))
async def test_signing_in_and_out_needs_none(api: Api, name: str) -> None:
    answer = await tell(api, request("mutation", name, ""))

    assert "errors" not in answer
    assert answer["data"][name]["__typename"] != "InvalidInput"


async def assert_shut(api: Api, asked: dict[str, Any]) -> None:
    answer = await tell(api, asked)
    codes = [error["extensions"]["code"] for error in answer["errors"]]
    assert codes == ["UNAUTHENTICATED"], (asked, answer)
    assert not any((answer.get("data") or {}).values()), answer


async def tell(api: Api, asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to somebody without a token: the only one, also where it comes as a stream."""
    is_stream = asked["query"].startswith("subscription")
    headers = {"accept": "text/event-stream" if is_stream else "application/json"}
    response = await api.anonymous._http.post("/graphql", json=asked, headers=headers)
    if not is_stream:
        return response.json()
    (data,) = [line for line in response.text.splitlines() if line.startswith("data: ")]
    return json.loads(data.removeprefix("data: "))


def emptied(variables: dict[str, Any]) -> dict[str, Any]:
    """The same with nothing in its lists."""
    return {name: [] if isinstance(value, list) else value for name, value in variables.items()}
