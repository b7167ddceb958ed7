"""A narrow token: what it is not good for is refused before anything is done, on every road."""

from __future__ import annotations

import pytest

from auth import Tokens
from resolvers.users import identify
from schema.scopes import OPEN
from schema.scopes import ROOTS as NEEDED
from scopes import Scope
from settings import Settings
from tests.api import CREATE, Api
from tests.client import Client, GraphQLErrors
from tests.guard.parts import ROOTS, answered, codes, document, narrowed, without
from tests.processes import SECRET, House

pytestmark = pytest.mark.anyio

_BRIEF = 1
"For a stream that would not end by itself."
GUARDED = [name for name in ROOTS if NEEDED[name] != OPEN]


async def test_every_field_is_refused_to_a_token_that_lacks_its_scope(
    api: Api, subtests: pytest.Subtests
) -> None:
    """Each root field of the schema, with a token for everything else."""
    for coordinate in GUARDED:
        for scope in NEEDED[coordinate]:
            with subtests.test(f"{coordinate} without {scope}"):
                client = await narrowed(api, *without(scope))
                (error,) = (await answered(client, document(coordinate)))["errors"]
                assert error["extensions"]["code"] == "FORBIDDEN"
                assert scope in error["extensions"]["missingScopes"]
                assert error["path"] == [coordinate.partition(".")[2]]


async def test_every_field_is_open_to_a_token_of_its_scopes(api: Api, subtests: pytest.Subtests) -> None:
    for coordinate in GUARDED:
        with subtests.test(coordinate):
            client = await narrowed(api, *NEEDED[coordinate], seconds=_BRIEF)
            assert "FORBIDDEN" not in codes(await answered(client, document(coordinate)))


async def test_what_is_refused_is_refused_whole(api: Api) -> None:
    """A mutation beside a field that is out of reach is not carried out either; each field is named."""
    client = await narrowed(api, Scope.TASKS_WRITE)
    both = """
      mutation {
        createTask(input: {title: "no"}) {
          ... on CreateTaskSuccess { task { title runs: executions { totalCount } } }
        }
        again: startExecution(input: {input: "no"}) { __typename }
      }"""

    with pytest.raises(GraphQLErrors) as refused:
        await client.ask(both)

    paths = [error["path"] for error in refused.value.errors]
    assert paths == [["createTask", "task", "runs"], ["again"]]
    assert await (await api.user()).ask("{ tasks { totalCount } }") == {"tasks": {"totalCount": 0}}


async def test_who_may_write_may_read_what_was_written(api: Api) -> None:
    client = await narrowed(api, Scope.TASKS_WRITE)
    assert (await client.one(CREATE, input={"title": "yes"}))["task"]["title"] == "yes"


async def test_a_scope_is_no_way_around_by_an_id(api: Api) -> None:
    """`node` tells nothing of an object whose kind is out of reach, not even that it is there."""
    ada = await api.user()
    task, run = (await ada.create())["id"], (await ada.start("show my tasks"))["execution"]["id"]
    client = await narrowed(api, Scope.TASKS_READ)

    assert (await client.one("query ($id: ID!) { node(id: $id) { id } }", id=task))["id"] == task
    for field in ("node(id: $id)", "nodes(ids: [$id])"):
        with pytest.raises(GraphQLErrors) as refused:
            await client.ask(f"query ($id: ID!) {{ {field} {{ id }} }}", id=run)
        assert refused.value.code == "FORBIDDEN"
    with pytest.raises(GraphQLErrors) as refused:
        await client.ask("query ($id: ID!) { node(id: $id) { ... on Execution { input } } }", id=task)
    assert refused.value.code == "FORBIDDEN"


async def test_a_fragment_hides_no_field(api: Api) -> None:
    client = await narrowed(api, Scope.TASKS_READ)
    spread = """
      { ...A }
      fragment A on Query { tasks { nodes { ...B } } }
      fragment B on Task { executions { totalCount } }"""
    with pytest.raises(GraphQLErrors) as refused:
        await client.ask(spread)
    assert refused.value.errors[0]["path"] == ["tasks", "nodes", "executions"]


async def test_the_status_says_it_too(api: Api) -> None:
    """403, whichever media type is asked for."""
    client = await narrowed(api, Scope.TASKS_READ)
    for accept in ("application/json", "application/graphql-response+json"):
        assert (await client.post("{ viewer { id } }", {"accept": accept})).status_code == 403


async def test_an_event_stream_tells_of_the_refusal(api: Api) -> None:
    """Over SSE the errors are the one event."""
    client = await narrowed(api, Scope.TASKS_READ)
    for coordinate in ("Query.viewer", "Subscription.executionStream"):
        response = await client.post(document(coordinate), {"accept": "text/event-stream"})
        assert response.status_code == 200
        assert '"FORBIDDEN"' in response.text


async def test_a_socket_carries_the_same_scopes(house: House) -> None:
    """Over a real WebSocket, with a token that the command wrote."""
    for scope, code in (("runs:read", "INVALID_ID"), ("tasks:read", "FORBIDDEN")):
        command = house.start("token", "--user", "narrow@example.com", "--scope", scope)
        assert command.wait() == 0
        async with house.http() as http:
            client = Client(http, command.output().strip().splitlines()[-1])
            async with client.stream(document("Subscription.executionStream")) as stream:
                with pytest.raises(GraphQLErrors) as refused:
                    await anext(stream)
        assert refused.value.code == code


async def test_a_token_says_its_scopes_and_without_the_claim_has_all(api: Api) -> None:
    """Also one of no scope at all, which is good for nothing that is guarded."""
    row = (await api.user()).id
    tokens = Tokens(Settings(), SECRET.encode())
    for given, held in ((None, None), ([], set()), ([Scope.RUNS_READ], {Scope.RUNS_READ})):
        token, _ = tokens.issue(row, scopes=given)
        assert (await identify(api.services.db, tokens, token)).scopes == held
