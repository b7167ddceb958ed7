"""Nothing of a wait is in memory: whoever asked may be gone when the answer comes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client
from tests.interrupts.asking import ANSWER, INBOX, RUN
from tests.processes import House, open_house

pytestmark = pytest.mark.anyio

AGENT = """
mutation {
  createAgent(input: {name: "cautious", approvalRequired: ["add_task"]}) {
    ... on CreateAgentSuccess { agent { id } }
  }
}"""
START = """
mutation ($agentId: ID!) {
  startPipeline(input: {stages: [
    [{name: "one", input: "Add a task to buy milk", agentId: $agentId}]
    [{name: "two", input: "show my tasks"}]
  ]}) {
    ... on StartExecutionSuccess { execution { id children { id } } }
  }
}"""


@pytest.fixture
def small_house(dsn: str, tmp_path: Path) -> Iterator[House]:
    """One server and one worker whose lease is short."""
    with open_house(dsn, tmp_path, servers=1, workers=1, BATON_LEASE_SECONDS="1") as house:
        yield house


async def test_a_worker_killed_while_its_run_waits_is_not_missed(small_house: House) -> None:
    """Another one makes the approved call, once, in the same attempt, and the pipeline goes on to its end."""
    token = await asyncio.to_thread(small_house.token)
    async with small_house.http() as http:
        ada = Client(http, token)
        agent = (await ada.one(AGENT))["agent"]["id"]
        pipeline = (await ada.one(START, agentId=agent))["execution"]
        (child,) = pipeline["children"]
        asking = (await ada.one(RUN, id=child["id"]))["execution"]
        assert asking["status"] == "AWAITING_INPUT"

        for process in small_house.processes:
            process.kill()
        small_house.start_server()
        async with small_house.http(server=1) as after:
            ada = Client(after, token)
            (interrupt,) = (await ada.one(INBOX))["nodes"]
            said = [{"interruptId": interrupt["id"], "decision": "APPROVE"}]
            await ada.one(ANSWER, input={"answers": said})
            small_house.start_worker()
            done = (await ada.one(RUN, id=pipeline["id"]))["execution"]
            made = (await ada.one(RUN, id=child["id"]))["execution"]

            assert (done["status"], made["status"], made["attempt"]) == ("COMPLETED", "COMPLETED", 1)
            titles = [task["title"] for task in (await ada.one("{ tasks { nodes { title } } }"))["nodes"]]
            assert titles == ["Buy milk"]
