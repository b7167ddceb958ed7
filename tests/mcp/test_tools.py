"""The tools of `/mcp`, as the SDK's own client sees and calls them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from app import Server
from auth import Principal
from resolvers.purse import Purse
from resolvers.users import ensure_user
from scopes import Scope
from settings import Settings
from tests.api import Api
from tests.conftest import working
from tests.processes import House

pytestmark = pytest.mark.anyio

TOOLS = {
    "add_task": False,
    "list_tasks": True,
    "complete_task": False,
    "update_task": False,
    "delete_task": False,
    "ask_task_agent": False,
    "start_execution": False,
    "get_execution": True,
    "await_execution": True,
    "cancel_execution": False,
}
"Each with whether it only reads."


class Agent:
    """Another house's agent, with the token of one of our users."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> Any:
        """The typed answer. Fails for a call that ended in an error."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    async def refusal(self, tool: str, **arguments: Any) -> str:
        """What the call was refused with."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        return result.content[0].text


@asynccontextmanager
async def connected(http: httpx2.AsyncClient, url: str) -> AsyncIterator[Agent]:
    async with Client(streamable_http_client(url, http_client=http)) as client:
        yield Agent(client)


@pytest.fixture
async def server(settings: Settings) -> AsyncIterator[tuple[Api, Any]]:
    """The application in this process, with its door for agents, and a worker beside it."""
    server = Server(settings)
    app = server.application()
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        working(server.services),
        httpx2.AsyncClient(transport=transport) as http,
    ):
        yield Api(server.services, http), app


@asynccontextmanager
async def agent_of(
    server: tuple[Api, Any], email: str = "ada@example.com", scopes: list[Scope] | None = None
) -> AsyncIterator[Agent]:
    """An agent with a token of this user's."""
    api, app = server
    user = await ensure_user(api.services.db, email)
    token, _ = api.services.tokens.issue(user.id, scopes=scopes)
    headers = {"authorization": f"Bearer {token}"}
    transport = httpx2.ASGITransport(app=app)
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers) as http,
        connected(http, "http://baton.example/mcp") as agent,
    ):
        yield agent


class TestTools:
    async def test_they_are_listed_with_what_they_take_and_answer_and_whether_they_only_read(
        self, server: tuple[Api, Any]
    ) -> None:
        async with agent_of(server) as agent:
            tools = (await agent.client.list_tools()).tools

        assert {tool.name: tool.annotations.read_only_hint is True for tool in tools} == TOOLS
        assert all(tool.description and tool.input_schema and tool.output_schema for tool in tools)
        assert all("context" not in tool.input_schema["properties"] for tool in tools)

    async def test_a_task_is_added_listed_changed_completed_and_deleted(
        self, server: tuple[Api, Any]
    ) -> None:
        async with agent_of(server) as agent:
            added = await agent.call(
                "add_task", title="Buy milk", priority="HIGH", due_at="2026-12-01T10:00:00+01:00"
            )
            changed = await agent.call("update_task", task="1", title="Buy oat milk")
            completed = await agent.call("complete_task", task=added["task"]["id"])
            listed = await agent.call("list_tasks", completed=True)
            deletions = [await agent.call("delete_task", task="1") for _ in range(2)]

        assert added["task"]["dueAt"] == "2026-12-01T09:00:00Z"
        assert (changed["task"]["title"], changed["task"]["priority"]) == ("Buy oat milk", "HIGH")
        assert completed["task"]["completed"] is True
        assert ([task["number"] for task in listed["tasks"]], listed["totalCount"]) == ([1], 1)
        assert deletions == [{"deleted": True, "problem": None}, {"deleted": False, "problem": None}]

    async def test_a_call_comes_from_where_its_caller_is(
        self, server: tuple[Api, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As over any other road: what is counted by address is counted by the real one."""
        seen: list[str] = []
        spend = Purse.spend

        async def noted(purse: Purse, principal: Principal | None, address: str, points: int) -> Any:
            seen.append(address)
            return await spend(purse, principal, address, points)

        monkeypatch.setattr(Purse, "spend", noted)
        async with agent_of(server) as agent:
            await agent.call("list_tasks")

        assert seen == ["127.0.0.1"]

    async def test_what_is_not_there_is_an_answer_and_no_error(self, server: tuple[Api, Any]) -> None:
        """By number or by id, a task or a run."""
        async with agent_of(server) as agent:
            answers = [
                await agent.call("complete_task", task="7"),
                await agent.call("update_task", task="task_01h455vb4pex5vsknk084sn02q", title="x"),
                await agent.call("get_execution", id="exec_01h455vb4pex5vsknk084sn02q"),
                await agent.call("cancel_execution", id="exec_01h455vb4pex5vsknk084sn02q"),
            ]

        assert {answer["problem"]["code"] for answer in answers} == {"NOT_FOUND"}

    async def test_a_repeated_call_with_its_key_does_nothing_again(self, server: tuple[Api, Any]) -> None:
        async with agent_of(server) as agent:
            for _ in range(2):
                await agent.call("add_task", title="Buy milk", idempotency_key="once")
            listed = await agent.call("list_tasks")

        assert listed["totalCount"] == 1

    async def test_input_that_is_not_valid_is_told_in_the_api_s_words(self, server: tuple[Api, Any]) -> None:
        async with agent_of(server) as agent:
            blank = await agent.call("add_task", title=" ")
            too_many = await agent.refusal("list_tasks", limit=1_000)

        assert blank["task"] is None
        assert blank["problem"]["code"] == "INVALID_INPUT"
        assert "A page has 1 to 100 objects. (BAD_USER_INPUT)" in too_many

    async def test_the_task_agent_asks_before_it_changes_several(self, server: tuple[Api, Any]) -> None:
        async with agent_of(server) as agent:
            for title in ("Buy milk", "Buy bread"):
                await agent.call("add_task", title=title)
            asked = await agent.call("ask_task_agent", message="delete all tasks")
            done = await agent.call(
                "ask_task_agent", message="delete all tasks", confirm_token=asked["confirmToken"]
            )

        assert (asked["outcome"], done["outcome"]) == ("CONFIRMATION_REQUIRED", "DONE")
        assert len(done["tasks"]) == 2

    async def test_a_run_is_started_awaited_and_too_late_to_be_cancelled(
        self, server: tuple[Api, Any]
    ) -> None:
        async with agent_of(server) as agent:
            started = await agent.call("start_execution", input="Add a task to buy milk")
            name = started["execution"]["id"]
            ended = await agent.call("await_execution", id=name)
            cancelled = await agent.call("cancel_execution", id=name)

        assert ended["execution"]["status"] == cancelled["execution"]["status"] == "COMPLETED"
        assert ended["execution"]["result"] == "Task created: Buy milk"
        assert [step["toolName"] for step in ended["execution"]["steps"]] == [None, "add_task", None]


class TestCallers:
    async def test_an_agent_sees_only_what_is_its_users(self, server: tuple[Api, Any]) -> None:
        async with agent_of(server) as ada, agent_of(server, "bob@example.com") as bob:
            task = (await ada.call("add_task", title="Ada's"))["task"]["id"]
            others = await bob.call("complete_task", task=task)
            listed = await bob.call("list_tasks")

        assert others["problem"]["code"] == "NOT_FOUND"
        assert listed["tasks"] == []

    async def test_a_narrow_token_is_good_for_what_it_was_given_for(self, server: tuple[Api, Any]) -> None:
        async with agent_of(server, scopes=[Scope.TASKS_READ]) as agent:
            listed = await agent.call("list_tasks")
            refused = await agent.refusal("add_task", title="Buy milk")

        assert listed["tasks"] == []
        assert "FORBIDDEN" in refused

    @pytest.mark.parametrize("token", [None, "nonsense"])
    async def test_without_a_good_token_nobody_comes_in(
        self, server: tuple[Api, Any], token: str | None
    ) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = await post(server, headers)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_a_foreign_page_may_not_call(self, server: tuple[Api, Any]) -> None:
        answer = await post(server, {"origin": "https://elsewhere.example"})

        assert answer.status_code == 403


async def post(server: tuple[Api, Any], headers: dict[str, str]) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server[1])) as http:
        return await http.post("http://baton.example/mcp", json={}, headers=headers)


async def test_two_servers_behind_a_proxy_are_as_good_as_one(house: House) -> None:
    """Each request goes to the other one; nothing of a session stays with either."""
    token = await asyncio.to_thread(house.token, "agent@example.com")
    headers = {"authorization": f"Bearer {token}"}
    no_reuse = httpx2.Limits(max_keepalive_connections=0)
    async with (
        round_robin(house.servers) as (url, turns),
        httpx2.AsyncClient(headers=headers, limits=no_reuse, timeout=40) as http,
        connected(http, f"{url}/mcp") as agent,
    ):
        started = await agent.call("start_execution", input="Add a task to buy milk")
        ended = await agent.call("await_execution", id=started["execution"]["id"])
        listed = await agent.call("list_tasks")

    assert ended["execution"]["status"] == "COMPLETED"
    assert [task["title"] for task in listed["tasks"]] == ["Buy milk"]
    assert set(turns) == set(house.servers)


@asynccontextmanager
async def round_robin(servers: list[str]) -> AsyncIterator[tuple[str, list[str]]]:
    """A TCP proxy that sends each connection to the next server, and whom it sent them to."""
    order, turns = cycle(servers), list[str]()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turns.append(next(order))
        to = urlsplit(turns[-1])
        there = await asyncio.open_connection(to.hostname, to.port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    proxy = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with proxy:
        yield f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", turns


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
