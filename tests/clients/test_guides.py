"""The guides are programs: all of their code is run as it stands, but for the address and the token."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scopes import Scope
from tests.client import Client
from tests.clients import node
from tests.clients.guides import GUIDES, Guide, Road, written
from tests.processes import House, open_house

MIDST = 900
"Bytes of a stream from the server after which it is cut: some frames of a run have come, and some have not."
CUTS = 2


@pytest.fixture
def guide(house: House, request: pytest.FixtureRequest) -> Iterator[Guide]:
    """The page that the test is about, on a road where the first streams are cut."""
    name: str = request.param
    road = Road(house.servers[0], CUTS, MIDST)
    with road.open() as address, written(name, address, house.token(f"{name}@guides.example")) as guide:
        yield guide
        assert road.cuts > 0 or name == "mcp", "no stream was cut"


def about(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("guide", [name], indirect=True)


def seen(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of a whole stream: from the first, each once, to the end of the run."""
    assert frames[-1]["reason"] == "TERMINAL"
    events = [event for frame in frames for event in frame.get("events", ())]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    tools = [event["step"]["toolName"] for event in events if event.get("step", {}).get("toolName")]
    assert list(dict.fromkeys(tools)) == ["add_task", "list_tasks"]
    return events


@pytest.fixture
def packages(npm: str, link: Path) -> None:
    """What the JavaScript of the guides imports."""
    node.install(node.HERE)


@pytest.mark.usefixtures("packages")
class TestJavaScript:
    @about("apollo")
    def test_apollo_client(self, guide: Guide) -> None:
        """A list, a mutation, and a run to its end through cuts."""
        guide.use("client.mjs")
        (tasks,) = guide.javascript("tasks.mjs")
        frames = guide.javascript("watch.mjs")

        assert [edge["node"]["title"] for edge in tasks["edges"]] == ["Water the plants"]
        seen(frames)

    @about("urql")
    def test_urql(self, guide: Guide) -> None:
        guide.use("client.mjs")
        *frames, end = guide.javascript("watch.mjs")

        seen(frames)
        assert end == {
            "result": "Task created: Buy milk\nYou have 1 task: 1) Buy milk",
            "steps": 4,
            "tasks": 1,
        }

    @about("relay")
    def test_relay(self, guide: Guide) -> None:
        """Relay's own compiler takes the schema; its runtime starts, watches, and reads nodes and pages."""
        guide.use("environment.mjs", "operations.js", "relay.config.json")
        shutil.copy(node.ROOT / "schema.graphql", guide.folder)
        (compiler,) = [line.split() for line in guide.commands if line.startswith("npx")]
        guide.run("npx", "--no-install", *compiler[1:])
        *frames, end = guide.javascript("watch.mjs")

        seen(frames)
        assert end["node"]["status"] == "COMPLETED"
        assert end["titles"] == ["Buy milk"]

    @about("fetch")
    def test_fetch_and_server_sent_events(self, guide: Guide) -> None:
        guide.use("baton.mjs")
        *frames, tasks = guide.javascript("watch.mjs")

        seen(frames)
        assert tasks == {"totalCount": 1}


@about("python")
def test_python(guide: Guide) -> None:
    guide.use("baton_client.py", "watch.py")
    *frames, tasks = [json.loads(line) for line in guide.run(sys.executable, "watch.py")]

    seen(frames)
    assert tasks == {"totalCount": 1}


@about("mcp")
def test_mcp(guide: Guide) -> None:
    """The program; and a desktop client's settings name the same door, with the same token."""
    guide.use("agent.py", "mcp.json")
    *tools, result, gone = guide.run(sys.executable, "agent.py")
    (server,) = json.loads((guide.folder / "mcp.json").read_text())["mcpServers"].values()
    program = (guide.folder / "agent.py").read_text()

    assert (len(tools), result) == (10, "Task created: Buy milk")
    assert gone == "{'deleted': False, 'problem': None}"
    assert f'"{server["url"]}"' in program
    assert f'"{server["headers"]["Authorization"]}"' in program
    assert {*re.findall(r"--scope (\S+)", guide.text)} <= {*Scope}


def test_tools_of_your_own(dsn: str, tmp_path: Path) -> None:
    """The command starts a house whose agents have the tool; the heart of the example is in the example."""
    page = (node.ROOT / "docs" / "tools.md").read_text()
    (command,), (heart,), (clerk,) = (
        re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("sh", "python", "graphql")
    )
    *settings, program, verb = command.split()
    named = dict(setting.split("=") for setting in settings)
    named["PYTHONPATH"] = str(node.ROOT / named["PYTHONPATH"])
    with open_house(dsn, tmp_path, servers=0, workers=0, **named) as house:
        house.start_server(verb=verb)
        run = asyncio.run(run_of_the_clerk(house, clerk))

    example = (node.ROOT / "docs" / "examples" / "shop_tools.py").read_text()
    assert program == "./baton"
    assert {*heart.splitlines()} - {*example.splitlines()} == {HEART_SHORTENED}
    assert {"toolName": "stock_of", "result": {"item": "apple", "left": 12}} in run["steps"]["nodes"]


HEART_SHORTENED = "async def stock_of(item: str) -> dict[str, object]:"
RUN_OF = """
mutation ($id: ID!) {
  startExecution(input: {input: "Are there apples?", agentId: $id}) {
    ... on StartExecutionSuccess { execution { id } }
  }
}"""
STEPS = """
query ($id: ID!) {
  awaitExecution(id: $id, timeoutMs: 20000) { execution { steps { nodes { toolName result } } } }
}"""


async def run_of_the_clerk(house: House, clerk: str) -> Any:
    token = await asyncio.to_thread(house.token)
    async with house.http() as http:
        client = Client(http, token)
        agent = (await client.one(clerk))["agent"]
        assert [tool["source"] for tool in agent["tools"]] == ["operator"]
        run = (await client.one(RUN_OF, id=agent["id"]))["execution"]
        return (await client.one(STEPS, id=run["id"]))["execution"]


def test_every_guide_has_its_test_and_names_packages_that_were_used() -> None:
    """A new page without one is found here."""
    tested = {"apollo", "urql", "relay", "fetch", "python", "mcp"}
    assert {path.stem for path in GUIDES.glob("*.md")} == tested
    named = {
        *json.loads((node.HERE / "package.json").read_text())["devDependencies"],
        "path/to/baton/web/link",
    }
    for path in GUIDES.glob("*.md"):
        for line in re.findall(r"^npm install (?:--save-dev )?(.+)$", path.read_text(), re.M):
            assert {*line.split()} <= named, path.name
