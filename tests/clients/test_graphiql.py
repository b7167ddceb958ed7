"""GraphiQL in a real Chromium, the operations that it offers, and the files it is served from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, print_ast, separate_operations

from tests.client import Client, Stream
from tests.clients import node
from tests.processes import House
from tests.tools.mcp_house import mcp_house

DOCUMENTS = sorted((node.GRAPHIQL / "src" / "documents").glob("*.graphql"))
OPERATIONS = {
    name: print_ast(operation)
    for path in DOCUMENTS
    for name, operation in separate_operations(parse(path.read_text())).items()
}


def test_a_newcomer_starts_and_watches_a_run_without_a_request_to_another_host(
    house: House, script: Callable[..., Any], chromium: str, tmp_path: Path
) -> None:
    """From a link with a token: run, stream, query; nothing foreign asked for, no word in the console."""
    seen = script(
        "graphiql.mjs",
        BATON_SERVER=house.servers[0],
        BATON_TOKEN=house.token("graphiql@example.com"),
        CHROMIUM=chromium,
        SCREENSHOT=str(tmp_path / "graphiql.png"),
    )
    assert seen["foreign"] == []
    assert seen["problems"] == []
    assert seen["frames"][0]["__typename"] == "StreamOpened"
    assert seen["frames"][-1]["reason"] == "TERMINAL"
    assert seen["tasks"] >= 1
    assert set(OPERATIONS) >= set(seen["tabs"])
    assert len(seen["tabs"]) == len(DOCUMENTS), "a tab for each of them"


class Visitor:
    """Somebody who runs what the tabs offer, each operation by its name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.left = set(OPERATIONS)
        "What was not run yet."

    async def run(self, name: str, **variables: Any) -> Any:
        """The value of its first field, which is no problem."""
        self.left.remove(name)
        value = next(iter((await self._client.ask(OPERATIONS[name], **variables)).values()))
        assert "code" not in value, f"{name}: {value}"
        return value

    @asynccontextmanager
    async def watching(self, name: str, **variables: Any) -> AsyncIterator[Stream]:
        """The stream, once it is open."""
        self.left.discard(name)
        async with self._client.stream(OPERATIONS[name], **variables) as stream:
            assert (await anext(stream))["__typename"] == "StreamOpened"
            yield stream


async def first(stream: Stream, kind: str) -> Any:
    """The first event of this kind that the stream tells."""
    while True:
        told = (await anext(stream)).get("events", ())
        if found := [one for one in told if one["__typename"] == kind]:
            return found[0]


@pytest.mark.anyio
async def test_every_operation_that_it_offers_does_what_its_comment_says(house: House) -> None:
    """On a server and by a worker, one after another; ids go from one tab into the next."""
    process = await asyncio.to_thread(house.start_server, BATON_TOOL_NETWORKS="127.0.0.0/8")
    token = await asyncio.to_thread(house.token, "visitor@example.com")
    async with house.http(-1) as http:
        visitor = Visitor(Client(http, token))
        await tasks_and_runs(visitor)
        await agents_and_approvals(visitor)
        await what_goes_by_itself(visitor)
        house.servers.pop()
        process.stop()
    assert visitor.left == set()


async def tasks_and_runs(visitor: Visitor) -> None:
    run = (await visitor.run("StartRun"))["execution"]["id"]
    async with visitor.watching("WatchRun", id=run) as stream:
        assert (await stream.frames())[-1]["reason"] == "TERMINAL"
    await visitor.run("CreateTask")
    assert (await visitor.run("Tasks"))["totalCount"] == 2
    assert (await visitor.run("Sentence"))["outcome"] == "DONE"
    assert (await visitor.run("DryRun"))["outcome"] == "PLANNED"
    assert (await visitor.run("Runs"))["nodes"][0]["status"] == "COMPLETED"
    assert (await visitor.run("CancelRun", id=run))["__typename"] == "AlreadyTerminal"
    assert (await visitor.run("RetryRun", id=run))["__typename"] == "StartExecutionSuccess"
    chat = (await visitor.run("BeginChat"))["conversation"]["id"]
    said = await visitor.run("Say", id=chat)
    assert "Call the dentist" in said["reply"]["content"]
    async with visitor.watching("FollowChat", id=chat) as stream:
        assert (await first(stream, "MessageCompleted"))["message"]["role"] == "USER"
    assert len((await visitor.run("Chats"))["nodes"][0]["messages"]["nodes"]) == 2
    assert (await visitor.run("Usage"))["limit"] > 0


async def agents_and_approvals(visitor: Visitor) -> None:
    agent = (await visitor.run("CreateAgent"))["agent"]["id"]
    assert [one["name"] for one in (await visitor.run("Agents"))["nodes"]] == ["Careful"]
    async with visitor.watching("Activity") as stream:
        await visitor.run("AskFirst", agentId=agent)
        opened = (await first(stream, "InterruptOpened"))["interrupt"]["id"]
    (waiting,) = (await visitor.run("Inbox"))["nodes"]
    (result,) = (await visitor.run("Approve", interruptId=opened))["results"]
    assert (waiting["id"], waiting["toolName"]) == (opened, "add_task")
    assert result["interrupt"] == {"status": "ANSWERED", "decision": "APPROVE"}
    assert (await visitor.run("ArchiveAgent", id=agent))["agent"]["archivedAt"]


async def what_goes_by_itself(visitor: Visitor) -> None:
    pipeline = (await visitor.run("Pipeline"))["execution"]["id"]
    async with visitor.watching("WatchRun", id=pipeline) as stream:
        await stream.frames()
    assert len((await visitor.run("Tree", id=pipeline))["children"]) == 3
    schedule = (await visitor.run("EveryMonday"))["schedule"]["id"]
    assert len((await visitor.run("Schedules"))["nodes"]) == 1
    assert (await visitor.run("EndSchedule", id=schedule))["deleted"]
    with mcp_house() as tools:
        server = (await visitor.run("RegisterToolServer", url=tools.url))["toolServer"]
        (listed,) = await visitor.run("ToolServers")
    assert "house.add" in {tool["name"] for tool in listed["tools"]}
    assert (await visitor.run("RemoveToolServer", id=server["id"]))["deleted"]


@pytest.mark.usefixtures("npm")
def test_the_committed_files_are_what_the_sources_and_the_lock_build(tmp_path: Path) -> None:
    node.install(node.GRAPHIQL)
    node.build_graphiql(tmp_path / "dist")
    assert node.contents(tmp_path / "dist") == node.contents(node.GRAPHIQL / "dist")
