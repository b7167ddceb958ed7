"""A token can outlive its account, or come from a house with the same secret: it is good for nothing."""

from __future__ import annotations

import pytest

from ids import Kind, encode, new_id
from tests.api import Api
from tests.client import Client, GraphQLErrors
from tests.hostile.places import codes, doors, request, send

pytestmark = pytest.mark.anyio

WRITES = [
    'mutation { createTask(input: {title: "x"}) { __typename } }',
    'mutation { createTask(input: {title: "x", idempotencyKey: "k"}) { __typename } }',
    'mutation { startExecution(input: {input: "x"}) { __typename } }',
    'mutation { askTaskAgent(input: {message: "add milk"}) { __typename } }',
    "{ viewer { id } }",
]


@pytest.mark.parametrize("kind", ["query", "mutation", "subscription"])
async def test_no_field_breaks_on_the_token_of_nobody(api: Api, kind: str) -> None:
    """With and without a key for repetition, which is the first thing that is written."""
    for name in [name for one, name in doors() if one == kind]:
        for asked in [request(kind, name, encode(one, new_id())) for one in Kind]:
            response = await send(nobody(api), asked, {"idempotency-key": "k"} if kind == "mutation" else {})
            assert response.status_code == 200, response.text
            assert set(codes(response)) <= {"UNAUTHENTICATED", "NOT_FOUND", "INVALID_ID"}, response.text


@pytest.mark.parametrize("document", WRITES)
async def test_who_is_gone_has_to_sign_in(api: Api, document: str) -> None:
    with pytest.raises(GraphQLErrors) as refused:
        await nobody(api).ask(document)

    assert refused.value.code == "UNAUTHENTICATED"


def nobody(api: Api) -> Client:
    """Somebody with a good token of an account that never was."""
    token, _ = api.services.tokens.issue(new_id())
    return api.anonymous.as_(token)
