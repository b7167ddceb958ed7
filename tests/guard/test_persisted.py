"""Automatic persisted queries: Apollo's protocol, kept in the database for every server."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from db.connection import Database
from db.query import Query
from resolvers.documents import Documents
from tests.api import Api, User
from tests.guard.parts import codes
from tests.processes import House

pytestmark = pytest.mark.anyio

DOCUMENT = "query ($n: Int) { tasks(first: $n) { totalCount } }"


def named(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}


async def send(user: User, body: dict[str, Any]) -> Any:
    auth = {"authorization": f"Bearer {user._token}"}
    return await user._http.post("/graphql", json=body, headers=auth)


async def test_a_document_is_registered_once_and_then_named(api: Api) -> None:
    """Apollo Client tries the hash, is told that it is not found, sends both, and then the hash alone."""
    ada = await api.user()
    unknown = await send(ada, {"extensions": named(DOCUMENT)})
    assert unknown.status_code == 200
    assert unknown.json() == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }

    both = await send(ada, {"query": DOCUMENT, "extensions": named(DOCUMENT), "variables": {"n": 1}})
    alone = await send(ada, {"extensions": named(DOCUMENT), "variables": {"n": 1}})
    assert both.json()["data"] == alone.json()["data"] == {"tasks": {"totalCount": 0}}


async def test_another_server_knows_it_too(api: Api) -> None:
    """No process's memory is the truth."""
    ada = await api.user()
    await send(ada, {"query": DOCUMENT, "extensions": named(DOCUMENT)})
    api.services.documents._at_hand.clear()
    assert (await send(ada, {"extensions": named(DOCUMENT)})).json()["data"]


async def test_it_goes_by_get_and_by_the_drafts_parameter(api: Api) -> None:
    ada = await api.user()
    await send(ada, {"query": DOCUMENT, "extensions": named(DOCUMENT)})
    digest = named(DOCUMENT)["persistedQuery"]["sha256Hash"]
    auth = {"authorization": f"Bearer {ada._token}"}
    by_get = await ada._http.get(
        "/graphql", params={"extensions": json.dumps(named(DOCUMENT)), "variables": '{"n": 2}'}, headers=auth
    )
    assert by_get.json()["data"] == {"tasks": {"totalCount": 0}}
    assert (await send(ada, {"documentId": f"sha256:{digest}"})).json()["data"]


async def test_a_mutation_by_its_hash_is_no_query_by_get(api: Api) -> None:
    ada = await api.user()
    mutation = 'mutation { createTask(input: {title: "a"}) { __typename } }'
    await send(ada, {"query": mutation, "extensions": named(mutation)})
    by_get = await ada._http.get("/graphql", params={"extensions": json.dumps(named(mutation))})
    assert by_get.status_code == 405


async def test_over_a_socket_and_on_every_server(house: House) -> None:
    """Registered over a WebSocket at one server, named at the other."""
    token = await house._token("apq@example.com", 3_600)
    document = "query OverASocket { tasks { totalCount } }"
    told = []
    for server, payload in (
        (0, {"extensions": named(document)}),
        (0, {"query": document, "extensions": named(document)}),
        (1, {"extensions": named(document)}),
    ):
        url = house.servers[server].replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send(
                json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
            )
            await socket.recv()
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
            told.append(json.loads(await socket.recv()))
    assert [one["type"] for one in told] == ["error", "next", "next"]
    assert told[0]["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert told[2]["payload"]["data"] == {"tasks": {"totalCount": 0}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": DOCUMENT, "extensions": named("{ other }")},
        {"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0" * 64}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 5}}},
        {"extensions": {"persistedQuery": "x"}},
        {"documentId": "x" * 201},
        {"documentId": ""},
        {"extensions": {}},
    ],
)
async def test_what_is_no_such_request_is_refused(api: Api, body: dict[str, Any]) -> None:
    """A hash that is not the document's would poison it for everybody."""
    response = await send(await api.user(), body)
    assert (response.status_code, codes(response.json())) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("name", ["x", "0" * 63, "g" * 64, "md5:0"])
async def test_what_is_no_hash_is_not_found(api: Api, name: str) -> None:
    body = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}}
    assert codes((await send(await api.user(), body)).json()) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_only_what_is_valid_is_kept(api: Api) -> None:
    ada = await api.user()
    for broken in ("{", "{ nonsense }", "{ tasks { nodes { id } } }" + " " * 20_000):
        await send(ada, {"query": broken, "extensions": named(broken)})
        assert codes((await send(ada, {"extensions": named(broken)})).json()) == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_registering_costs_points(api: Api) -> None:
    """And so does asking the database for what is not there: neither can be done without end."""
    ada = await api.user()
    api.services.purse._by_user = 100
    document = "{{ a{}: __typename }}"
    answers = [
        await send(ada, {"query": one, "extensions": named(one)})
        for one in (document.format(number) for number in range(12))
    ]
    assert codes(answers[0].json()) == []
    assert codes(answers[-1].json()) == ["RATE_LIMITED"]
    bob = await api.user("bob@example.com")
    asked = [await send(bob, {"extensions": named(str(number))}) for number in range(105)]
    assert codes(asked[-1].json()) == ["RATE_LIMITED"]


async def test_what_is_kept_is_bounded_and_forgotten_in_time(db: Database) -> None:
    """The newest stay; what nobody used for 30 days is gone."""
    documents = Documents(db, most=3)
    digests = [bytes([n]) * 32 for n in range(5)]
    for digest in digests:
        await documents.keep(digest, "{ __typename }")
    fresh = Documents(db)
    assert [await fresh.find(digest) is not None for digest in digests] == [False, False, True, True, True]

    async with db.as_system() as session:
        await session.run(Query("update documents set used_at = used_at - interval '29 days'"))
    assert await Documents(db).find(digests[4])
    async with db.as_system() as session:
        await session.run(Query("update documents set used_at = used_at - interval '29 days'"))
    assert await Documents(db).find(digests[4]), "it was used meanwhile"
    assert await Documents(db).find(digests[3]) is None


async def test_what_a_process_has_at_hand_is_bounded(db: Database) -> None:
    documents = Documents(db)
    for number in range(150):
        await documents.keep(bytes([number]) * 32, "#" * 20_000)
    assert documents._characters <= 2_000_000
    assert documents.recall(bytes([0]) * 32) is None
    assert documents.recall(bytes([149]) * 32)
