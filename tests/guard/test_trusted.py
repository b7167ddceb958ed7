"""Trusted documents: nothing else runs, on any road and for anybody."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query
from starlette.types import ASGIApp

from app import Server
from edge.manifest import load_trusted
from resolvers.users import ensure_user
from settings import Settings, SettingsError
from tests.api import Api
from tests.guard.parts import codes
from tests.guard.test_persisted import named, send

pytestmark = pytest.mark.anyio

TASKS = "query Tasks { tasks { totalCount } }"
WATCH = 'subscription Watch { executionStream(id: "x") { __typename } }'


def apollo(*pairs: tuple[str, str]) -> str:
    operations = [{"id": name, "name": "N", "type": "query", "body": text} for name, text in pairs]
    return json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "trusted"
    folder.mkdir()
    (folder / "apollo.json").write_text(apollo(("tasks-1", TASKS)))
    (folder / "relay.json").write_text(json.dumps({"0a1b2c": WATCH}))
    (folder / "Viewer.graphql").write_text("{ viewer { id } }")
    return settings.model_copy(update={"trusted_documents": folder})


async def test_they_run_by_id_and_as_they_are_written(api: Api) -> None:
    ada = await api.user()
    digest = hashlib.sha256(TASKS.encode()).hexdigest()
    for body in (
        {"query": TASKS},
        {"documentId": "tasks-1"},
        {"documentId": f"sha256:{digest}"},
        {"extensions": named(TASKS)},
        {"query": TASKS, "extensions": named(TASKS)},
    ):
        assert (await send(ada, body)).json()["data"] == {"tasks": {"totalCount": 0}}
    assert (await send(ada, {"documentId": "Viewer"})).json()["data"]


async def test_nothing_else_runs(api: Api) -> None:
    """Not by a word more, not as introspection, and not by registering it."""
    ada = await api.user()
    for text in (TASKS + " ", "{ tasks { totalCount } }", get_introspection_query(), "{", ""):
        response = await send(ada, {"query": text, "extensions": named(text)} if text else {"query": text})
        assert (response.status_code, codes(response.json())) == (403, ["QUERY_NOT_IN_SAFELIST"])
    for body in ({"documentId": "tasks-2"}, {"extensions": named("{ other }")}):
        response = await send(ada, body)
        assert (response.status_code, codes(response.json())) == (404, ["PERSISTED_QUERY_NOT_IN_LIST"])


async def test_not_by_event_stream_either(api: Api) -> None:
    ada = await api.user()
    stream = {"accept": "text/event-stream"}
    assert "INVALID_ID" in (await ada.post(WATCH, stream)).text
    assert "QUERY_NOT_IN_SAFELIST" in (await ada.post(WATCH.replace("Watch", "Other"), stream)).text


async def test_nor_over_a_socket(settings: Settings) -> None:
    """What is trusted runs by its id and as it is written, the rest is told so; the socket lives."""
    server = Server(settings)
    app = server.application()
    async with app.router.lifespan_context(app):
        user = await ensure_user(server.services.db, "ada@example.com")
        told = await conversation(
            app,
            server.services.tokens.issue(user.id)[0],
            {"documentId": "tasks-1"},
            {"query": TASKS},
            {"extensions": named(TASKS)},
            {"query": TASKS + " ", "extensions": named(TASKS + " ")},
            {"documentId": "tasks-2"},
        )
    assert [one["payload"]["data"] for one in told[:3]] == [{"tasks": {"totalCount": 0}}] * 3
    assert [one["payload"][0]["extensions"]["code"] for one in told[3:]] == [
        "QUERY_NOT_IN_SAFELIST",
        "PERSISTED_QUERY_NOT_IN_LIST",
    ]


async def conversation(app: ASGIApp, token: str, *payloads: dict[str, object]) -> list[dict[str, Any]]:
    """What a socket answers to each operation, one after the other."""
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def hear() -> dict[str, Any]:
        while (message := await heard.get())["type"] == "websocket.accept":
            pass
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    def say(message: dict[str, object]) -> None:
        said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    said.put_nowait({"type": "websocket.connect"})
    scope = {"type": "websocket", "path": "/graphql", "headers": [], "subprotocols": ["graphql-transport-ws"]}
    talk = asyncio.ensure_future(app(scope, said.get, heard.put))
    say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
    assert (await hear())["type"] == "connection_ack"
    answers: list[dict[str, Any]] = []
    for number, payload in enumerate(payloads):
        say({"id": str(number), "type": "subscribe", "payload": payload})
        answers.append(await hear())
        if answers[-1]["type"] == "next":
            assert (await hear())["type"] == "complete"
    said.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await talk
    return answers


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "no manifest"),
        ('{"a": 1}', "no manifest"),
        ('{"format": "apollo-persisted-query-manifest", "operations": [1]}', "no manifest"),
        ("{}", "no documents"),
        ('{"a": "query {"}', "Syntax Error"),
    ],
)
def test_a_manifest_that_cannot_be_read_stops_the_start(tmp_path: Path, content: str, told: str) -> None:
    """With the file and what is wrong with it."""
    file = tmp_path / "manifest.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=f"BATON_TRUSTED_DOCUMENTS.*{told}"):
        load_trusted(file)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_trusted(tmp_path / "nowhere.json")
