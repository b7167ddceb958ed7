"""Without a token nothing is told and nothing is done, but what people sign in with."""

from __future__ import annotations

from typing import Any

import pytest

from ids import Kind, encode, new_id
from tests.api import Api
from tests.hostile.places import answers, codes, doors, request, send

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
    (answer,) = answers(await send(api.anonymous, request("mutation", name, "")))

    assert "errors" not in answer
    assert answer["data"][name]["__typename"] != "InvalidInput"


async def assert_shut(api: Api, asked: dict[str, Any]) -> None:
    response = await send(api.anonymous, asked)
    (answer,) = answers(response)
    assert codes(response) == ["UNAUTHENTICATED"], (asked, answer)
    assert not any((answer.get("data") or {}).values()), answer


def emptied(variables: dict[str, Any]) -> dict[str, Any]:
    """The same with nothing in its lists."""
    return {name: [] if isinstance(value, list) else value for name, value in variables.items()}
