"""Users' tool servers: registered, kept, sealed, called, and kept out of our own network."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.query import Query
from engine.tools import mcp_wire
from engine.tools.guard import is_ours
from engine.tools.sealing import BrokenSeal, Seal
from ids import new_id
from settings import Settings
from tests.api import AGENT, Api, User
from tests.conftest import working
from tests.tools.mcp_house import McpHouse, mcp_house

pytestmark = pytest.mark.anyio

assert mcp_wire, "imported here and now: while a worker does it, a lease of a second runs out"

REGISTER = """
mutation ($input: RegisterToolServerInput!) {
  registerToolServer(input: $input) {
    __typename
    ... on RegisterToolServerSuccess {
      replayed toolServer { id name url tools { name description parameters effect source } }
    }
    ... on InvalidInput { issues { path message } }
  }
}"""
REMOVE = """
mutation ($id: ID!) {
  removeToolServer(id: $id) { ... on RemoveToolServerSuccess { id deleted } }
}"""

TREE = """
query ($id: ID!) {
  execution(id: $id) {
    status result usage { requests } children { status result agent { name } }
  }
}"""


@pytest.fixture(scope="module")
def running() -> Iterator[McpHouse]:
    with mcp_house() as house:
        yield house


@pytest.fixture
def mcp(running: McpHouse) -> McpHouse:
    running.keys.clear()
    running.headers.clear()
    running.redirect, running.fails = None, 0
    return running


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """This machine's own network is allowed here."""
    return settings.model_copy(update={"tool_networks": [ip_network("127.0.0.0/8")]})


@pytest.fixture
async def ada(api: Api) -> User:
    return await api.user()


async def test_a_server_says_what_it_offers_when_it_is_registered(ada: User, mcp: McpHouse) -> None:
    """Its hints become effects; its tools can be given to agents from then on."""
    done = await register(ada, mcp)

    offered = {tool["name"]: tool for tool in done["toolServer"]["tools"]}
    assert {name: tool["effect"] for name, tool in offered.items()} == {
        "house.add": "READ",
        "house.put": "IDEMPOTENT_WRITE",
        "house.boom": "NON_IDEMPOTENT",
        "house.flood": "READ",
    }
    assert offered["house.add"]["description"] == "Adds two numbers."
    assert offered["house.add"]["parameters"]["required"] == ["a", "b"]
    known = {tool["name"]: tool["source"] for tool in await ada.one("{ tools { name source } }")}
    assert (known["house.add"], known["add_task"], known["ask_user"]) == ("house", "builtin", "builtin")
    agent = await ada.agent("Ann", toolNames=["house.add", "list_tasks"], approvalRequired=["house.add"])
    told = await ada.one("query ($id: ID!) { agent(id: $id) { tools { name } } }", id=agent["id"])
    assert {tool["name"] for tool in told["tools"]} == {"house.add", "list_tasks"}
    refused = await ada.one(AGENT, input={"name": "Ben", "toolNames": ["house.fly"]})
    assert refused["issues"][0]["path"] == ["input", "toolNames"]


async def test_headers_go_with_each_call_and_are_sealed_at_rest(api: Api, ada: User, mcp: McpHouse) -> None:
    await register(ada, mcp, headers={"authorization": "Bearer hush"})

    assert {one["authorization"] for one in mcp.headers} == {"Bearer hush"}
    async with api.services.db.as_system() as session:
        row = await session.one(Query("select sealed_headers, tools::text as tools from tool_servers"))
    assert b"hush" not in row["sealed_headers"]
    assert "hush" not in row["tools"]


async def test_an_agent_calls_a_servers_tools_with_the_effect_key(api: Api, ada: User, mcp: McpHouse) -> None:
    """What they answer, and that they failed, are outcomes of steps; an output has its bounds."""
    await register(ada, mcp)
    run = await carried(
        api,
        ada,
        '[{"calls": [{"call": "house.add", "arguments": {"a": 2, "b": 3}},'
        ' {"call": "house.flood", "arguments": {"size": 300000}}]},'
        ' {"call": "house.put", "arguments": {"text": "it"}}, {"call": "house.boom"}, {"answer": "ok"}]',
        ["house.add", "house.flood", "house.put", "house.boom"],
    )

    assert (run["status"], run["result"]) == ("COMPLETED", "ok")
    added, flooded, put, boom = [step for step in run["steps"]["nodes"] if step["kind"] == "TOOL_CALL"]
    assert added["result"] == {"result": 5}
    assert flooded["result"]["bytesInAll"] > 300_000
    assert len(flooded["result"]["beginning"]) == 50_000
    assert put["result"] == {"result": "put it"}
    assert mcp.keys == [f"{run['id']}:{put['number']}"]
    assert (boom["status"], boom["result"]) == ("FAILED", None)


async def test_an_agent_with_two_subagents_and_a_tool_server_finishes_a_tree_of_tasks(
    api: Api, ada: User, mcp: McpHouse
) -> None:
    """Both work at once, each with tools of its own; the tasks are there and the usage adds up."""
    await register(ada, mcp)
    planner = await ada.agent(
        "Planner", toolNames=["add_task"],
        model='fake:[{"calls": [{"call": "add_task", "arguments": {"title": "Book a room"}},'
        ' {"call": "add_task", "arguments": {"title": "Invite Bob"}}]}, {"answer": "planned"}]',
    )  # fmt: skip
    counter = await ada.agent(
        "Counter", toolNames=["house.add"],
        model='fake:[{"call": "house.add", "arguments": {"a": 2, "b": 3}}, {"answer": "five"}]',
    )  # fmt: skip
    boss = await ada.agent(
        "Boss", toolNames=["house.put"], subagentIds=[planner["id"], counter["id"]],
        model='fake:[{"calls": [{"call": "ask_planner", "arguments": {"input": "plan"}},'
        ' {"call": "ask_counter", "arguments": {"input": "count"}}]},'
        ' {"call": "house.put", "arguments": {"text": "all"}}, {"answer": "done"}]',
    )  # fmt: skip

    async with working(api.services):
        started = await ada.start("a party", agentId=boss["id"])
        run = await ada.finished(started["execution"]["id"])

    tree = await ada.one(TREE, id=run["id"])
    assert (tree["status"], tree["result"]) == ("COMPLETED", "done")
    assert {child["agent"]["name"]: child["result"] for child in tree["children"]} == {
        "Planner": "planned",
        "Counter": "five",
    }
    made = [step for step in run["steps"]["nodes"] if step["kind"] == "TOOL_CALL"]
    assert [step["toolName"] for step in made] == ["ask_planner", "ask_counter", "house.put"]
    assert [step["result"] for step in made[:2]] == [{"answer": "planned"}, {"answer": "five"}]
    assert mcp.keys == [f"{run['id']}:{made[2]['number']}"]
    tasks = await ada.one("{ tasks(first: 5) { nodes { title } } }")
    assert {task["title"] for task in tasks["nodes"]} == {"Book a room", "Invite Bob"}
    assert tree["usage"]["requests"] == 3 + 2 + 2, "of the run and of all below it"


async def test_a_server_that_is_busy_is_asked_again(api: Api, ada: User, mcp: McpHouse) -> None:
    await register(ada, mcp)
    mcp.fails = 1

    run = await carried(
        api, ada, '[{"call": "house.add", "arguments": {"a": 2, "b": 3}}, {"answer": "ok"}]', ["house.add"]
    )

    assert run["steps"]["nodes"][1]["result"] == {"result": 5}


async def test_what_a_server_offers_is_asked_for_again_once_it_is_old(
    api: Api, ada: User, mcp: McpHouse
) -> None:
    """Until then a run goes by what is kept; a server that does not answer offers what it did."""
    await register(ada, mcp)
    script = '[{"call": "house.add", "arguments": {"a": 2, "b": 3}}, {"answer": "ok"}]'
    agent = await ada.agent("Ann", model=f"fake:{script}", toolNames=["house.add"])

    async def added() -> dict[str, Any]:
        run = await ada.finished((await ada.start("go", agentId=agent["id"]))["execution"]["id"])
        return run["steps"]["nodes"][1]

    async with working(api.services):
        kept = await _keep(api, "tools = '[]'")
        assert (await added())["error"] == "There is no tool 'house.add'."
        await _keep(api, "tools_at = tools_at - interval '11 minutes'")
        assert (await added())["result"] == {"result": 5}
        renewed = await _keep(api, "tools_at = tools_at - interval '11 minutes'")
        mcp.fails = 1
        assert (await added())["result"] == {"result": 5}

    assert renewed > kept


async def _keep(api: Api, change: str) -> Any:
    """Change what is kept of the server; answers when it was asked for."""
    async with api.services.db.as_system() as session:
        row = await session.one(Query("select tools_at from tool_servers"))
        await session.run(Query(f"update tool_servers set {change}"))
        return row["tools_at"]


async def test_names_are_unique_and_a_repeated_request_asks_nobody(ada: User, mcp: McpHouse) -> None:
    first = await register(ada, mcp, idempotencyKey="k")
    asked = len(mcp.headers)

    again = await register(ada, mcp, idempotencyKey="k")
    other = await ada.one(REGISTER, input={"name": "house", "url": mcp.url})

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["toolServer"]["id"] == first["toolServer"]["id"]
    assert other["issues"][0]["path"] == ["input", "name"]
    assert len(mcp.headers) > asked
    gone = [await ada.one(REMOVE, id=first["toolServer"]["id"]) for _ in range(2)]
    assert [one["deleted"] for one in gone] == [True, False]
    assert await ada.one("{ toolServers { id } }") == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "a.b"}, "name"),
        ({"name": "a__b"}, "name"),
        ({"name": "builtin"}, "name"),
        ({"name": ""}, "name"),
        ({"url": "ftp://x.example"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "https://user:secret@x.example"}, "url"),
        ({"url": "http://127.0.0.1:1/mcp"}, "url"),
        ({"url": "http://no-such-host.invalid/mcp"}, "url"),
        ({"headers": []}, "headers"),
        ({"headers": {"x": 1}}, "headers"),
        ({"headers": {"x": "a\r\nb"}}, "headers"),
        ({"headers": {"host": "other"}}, "headers"),
    ],
    ids=str,
)
async def test_what_is_no_server_is_refused_by_its_field(
    ada: User, mcp: McpHouse, fields: dict[str, Any], field: str
) -> None:
    done = await ada.one(REGISTER, input={"name": "house", "url": mcp.url, **fields})

    assert done["__typename"] == "InvalidInput"
    assert [issue["path"] for issue in done["issues"]] == [["input", field]]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/mcp",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/mcp",
        "http://[::ffff:10.0.0.1]/mcp",
        "http://0.0.0.0/mcp",
        "http://2852039166/",
    ],
)
async def test_addresses_within_are_refused(ada: User, url: str) -> None:
    """Before anything is sent: also those that are spelled in another way."""
    done = await ada.one(REGISTER, input={"name": "house", "url": url})

    assert "not allowed" in done["issues"][0]["message"], done


async def test_a_redirect_leads_nowhere_that_an_address_would_not(ada: User, mcp: McpHouse) -> None:
    mcp.redirect = "http://169.254.169.254/mcp"

    done = await ada.one(REGISTER, input={"name": "house", "url": mcp.url})

    assert done["__typename"] == "InvalidInput"
    assert done["issues"][0]["path"] == ["input", "url"]


class TestWithoutLeave:
    """Where the operator allows nothing."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"tool_networks": []})

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    async def test_names_are_judged_by_what_they_resolve_to(
        self, ada: User, mcp: McpHouse, host: str
    ) -> None:
        port = mcp.address.rpartition(":")[2]

        done = await ada.one(REGISTER, input={"name": "house", "url": f"http://{host}:{port}/mcp"})

        assert "not allowed" in done["issues"][0]["message"]
        assert mcp.headers == []


@pytest.mark.parametrize(
    ("address", "is_inside"),
    [
        ("93.184.215.14", False),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False),
        ("192.168.0.1", True),
        ("172.16.0.1", True),
        ("100.64.0.1", True),
        ("169.254.0.1", True),
        ("224.0.0.1", True),
        ("255.255.255.255", True),
        ("fe80::1", True),
        ("fc00::1", True),
        ("ff02::1", True),
        ("64:ff9b::a00:1", True),
        ("64:ff9b::5db8:d70e", False),
        ("2002:a00:1::", True),
        ("::ffff:127.0.0.1", True),
    ],
)
def test_what_lies_within(address: str, is_inside: bool) -> None:
    assert is_ours(ip_address(address)) is is_inside


@given(headers=st.dictionaries(st.text(), st.text(), max_size=4), secret=st.binary(min_size=32))
def test_a_seal_opens_for_its_row_and_secret_alone(headers: dict[str, str], secret: bytes) -> None:
    seal, row = Seal(secret), new_id()
    sealed = seal.seal(headers, row)

    assert seal.open(sealed, row) == headers
    for other, where in ((Seal(secret + b"x"), row), (seal, new_id())):
        with pytest.raises(BrokenSeal):
            other.open(sealed, where)


async def carried(api: Api, user: User, script: str, tools: list[str]) -> dict[str, Any]:
    """The run of an agent with this script and these tools, once it has ended."""
    agent = await user.agent("Ann", model=f"fake:{script}", toolNames=tools)
    async with working(api.services):
        started = await user.start("go", agentId=agent["id"])
        return await user.finished(started["execution"]["id"])


async def register(user: User, mcp: McpHouse, **fields: Any) -> dict[str, Any]:
    done = await user.one(REGISTER, input={"name": "house", "url": mcp.url, **fields})
    assert done["__typename"] == "RegisterToolServerSuccess", done
    return done
