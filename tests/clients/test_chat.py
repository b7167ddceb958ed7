"""A chat on Apollo Client while everything that can break does: its connections, and the worker."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import postgres
from tests.client import Client
from tests.models.server import ModelServer, Reply, model_server
from tests.processes import House, open_house

TEXT = " ".join(f"wörd{n}😀" for n in range(2_000))
PACE = 0.002
DROPS = 5
MAKE = """
mutation {
  createAgent(input: {name: "Ann", model: "test:gpt", toolNames: []}) {
    ... on CreateAgentSuccess { agent { id } }
  }
}"""
BEGIN = """
mutation ($agent: ID!) {
  createConversation(input: {agentId: $agent}) {
    ... on CreateConversationSuccess { conversation { id } }
  }
}"""
READ = """
query ($talk: ID!, $run: ID!) {
  conversation(id: $talk) { messages(first: 10) { nodes { role content } } }
  execution(id: $run) { status attempt result steps(first: 10) { nodes { kind status text } } }
}"""


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """Says the text, and is held in the middle of it at first."""
    with model_server(lambda _: Reply(TEXT, seconds_per_piece=PACE)) as server:
        server.replies.append(Reply(TEXT, seconds_per_piece=PACE, hold_after=1_000))
        yield server


@pytest.fixture
def talking(cluster: postgres.Cluster, tmp_path: Path, model: ModelServer) -> Iterator[House]:
    """Two servers, and a worker whose model is ours."""
    providers = json.dumps({"test": {"url": f"{model.address}/v1"}})
    with (
        cluster.database() as dsn,
        open_house(
            dsn, tmp_path, servers=2, workers=1, BATON_LEASE_SECONDS="5", BATON_PROVIDERS=providers
        ) as house,
    ):
        yield house


def test_an_answer_is_whole_and_there_once_though_reader_and_worker_are_cut_off(
    talking: House, model: ModelServer, link: Path, script: Callable[..., Any]
) -> None:
    """2,000 tokens; the client is cut off five times, the worker killed once, in the middle of them."""
    token = talking.token("chat@example.com")
    talk = asyncio.run(_conversation(talking, token))
    doomed, *_ = talking.processes
    first, second = talking.servers
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(
            script, "chat.mjs", BATON_SERVER=first, BATON_OTHER_SERVER=second, BATON_TOKEN=token, TALK=talk,
            DROPS=str(DROPS),
        )  # fmt: skip
        while not model.holding.wait(0.1):
            assert not watching.done(), watching.result()
        doomed.kill()
        model.release()
        talking.start_worker()
        seen = watching.result()

    assert seen["drops"] == DROPS
    assert all(seen["written"]), "each cut came in the middle of the answer"
    question, answer = {"role": "USER", "content": "Go"}, {"role": "ASSISTANT", "content": TEXT}
    said, whole = _digest("Go"), _digest(TEXT)
    streamed = [
        {"role": "USER", "content": said, "streamed": None},
        {"role": "ASSISTANT", "content": whole, "streamed": whole},
    ]
    assert seen["reader"] == {"opened": 1, "begunAnew": 1, "messages": streamed}
    assert (seen["late"]["opened"], seen["late"]["messages"]) == (1, streamed)
    assert [message["content"] for message in seen["after"]["messages"]] == [said, whole]
    read = asyncio.run(_read(talking, token, talk=talk, run=seen["run"]))
    assert read["conversation"]["messages"]["nodes"] == [question, answer]
    run = read["execution"]
    assert (run["status"], run["attempt"], run["result"]) == ("COMPLETED", 2, TEXT)
    assert [step["text"] for step in run["steps"]["nodes"] if step["kind"] == "FINAL_ANSWER"] == [TEXT]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _conversation(house: House, token: str) -> str:
    async with house.http() as http:
        client = Client(http, token)
        agent = (await client.one(MAKE))["agent"]["id"]
        return (await client.one(BEGIN, agent=agent))["conversation"]["id"]


async def _read(house: House, token: str, **ids: str) -> dict[str, Any]:
    async with house.http() as http:
        return await Client(http, token).ask(READ, **ids)
