"""Everything in the README is run."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli import cli
from launch import DEVELOPER, FIRST_OPERATION, WELCOME
from tests.client import Client
from tests.clients import node
from tests.processes import House

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
async def reader(house: House) -> AsyncIterator[Client]:
    """Somebody who follows the README."""
    token = await asyncio.to_thread(house.token, "reader@example.com")
    async with house.http() as http:
        yield Client(http, token)


async def test_the_first_run_in_graphiql_goes_as_it_is_told(reader: Client) -> None:
    """Start, watch, look at what it did: the three documents, one after another."""
    start, watch, tasks = blocks("graphql")

    started = await reader.one(start)
    async with reader.stream(watch, id=started["execution"]["id"], after=None) as stream:
        frames = await stream.frames()
    found = await reader.one(tasks)

    assert frames[0]["__typename"] == "StreamOpened"
    assert frames[-1] == {"__typename": "StreamClosed", "cursor": frames[-1]["cursor"], "reason": "TERMINAL"}
    assert found["totalCount"] == 1
    assert found["nodes"][0]["priority"] == "HIGH"


def test_the_same_works_from_apollo_client(house: House, npm: str, tmp_path: Path) -> None:
    """The JavaScript as it stands, but for the address and the token, in Node with a browser's WebSocket."""
    (code,) = blocks("js")
    code = code.replace("http://127.0.0.1:8000", house.servers[0])
    code = code.replace("Bearer …", f"Bearer {house.token('apollo-reader@example.com')}")
    node.install(node.HERE)
    script = node.HERE / f".readme-{tmp_path.name}.mjs"
    script.write_text(f'import WebSocket from "ws"; globalThis.WebSocket ??= WebSocket;\n{code}')
    try:
        lines = printed_until_closed(script)
    finally:
        script.unlink()

    assert lines[-1]["reason"] == "TERMINAL"
    seqs = [event["seq"] for line in lines for event in line.get("events", ())]
    assert seqs == list(range(1, len(seqs) + 1))


def printed_until_closed(script: Path) -> list[dict[str, Any]]:
    """The frames that it prints, up to the end of the stream; the page itself would stay open."""
    process = subprocess.Popen(["node", script.name], cwd=script.parent, stdout=subprocess.PIPE, text=True)
    lines: list[dict[str, Any]] = []
    try:
        for line in process.stdout or ():
            lines.append(json.loads(line))
            if "reason" in lines[-1]:
                break
    finally:
        process.kill()
        process.communicate()
    return lines


def test_every_command_that_is_named_is_there() -> None:
    """With the options that are shown."""
    known = get_command(cli)
    for line in "\n".join(blocks("sh")).splitlines():
        if line.startswith("./baton "):
            _, name, *rest = line.split()
            command = known.commands[name]
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in rest if word.startswith("--")} <= options


def test_the_terminal_shows_what_dev_prints() -> None:
    """The copied text is the welcome of today, but for its token."""
    terminal, *_ = blocks("text")
    (token,) = re.findall(r"Token +(\S+)", terminal)

    assert (
        WELCOME.format(
            address="http://127.0.0.1:8000", token=token, user=DEVELOPER, operation=FIRST_OPERATION
        ).strip()
        in terminal
    )


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_linked_is_there(page: Path) -> None:
    """Pictures too, and the chapters that a link leads to."""
    for name, chapter in re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        target = page.parent / name if name else page
        assert target.exists(), f"{name} is not there"
        if chapter and target.suffix == ".md":
            assert chapter in anchors(target), f"{name} has no chapter {chapter}"


def anchors(page: Path) -> set[str]:
    """What the headings of a page can be linked by."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
