"""The client link of web/link: its own tests, its build, and real applications whose connections are cut."""

from __future__ import annotations

import asyncio
import random
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from graphql import build_schema, parse, validate

from db.connection import Database
from db.query import Query
from engine.worker.retention import Retention
from ids import Kind, decode
from schema.root import schema
from tests.client import Client
from tests.faults.crew import start_run
from tests.faults.proxy import Proxy, short_lives
from tests.processes import House, until

pytestmark = pytest.mark.anyio

RETENTION = Retention(events=30, runs=90, deleted=30, interval_seconds=3_600)
LONG_RUN = ", then ".join(f"add a task to call person {number}" for number in range(10))


@pytest.mark.parametrize(("app", "drops"), [("apollo", 20), ("urql", 8)])
def test_a_page_shows_every_event_of_its_runs_once_however_often_it_is_cut_off(
    app: str, drops: int, house: House, link: Path, script: Callable[..., Any]
) -> None:
    """The script compares the page with the log: events 1..N, one opening, the state at the end."""
    first, second, *_ = house.servers
    seen = script(
        "resume.mjs",
        APP=app,
        BATON_SERVER=first,
        BATON_OTHER_SERVER=second,
        BATON_TOKEN=house.token(f"{app}-resumes@example.com"),
        DROPS=str(drops),
        SEED=str(random.randrange(1, 2**31 - 1)),
    )
    assert seen["drops"] == seen["inTheMidst"] == drops
    assert seen["retries"] >= drops
    assert {run["status"] for run in seen["runs"]} == {"COMPLETED"}
    assert all(run["events"] >= 20 for run in seen["runs"])


async def test_a_page_whose_place_was_pruned_while_it_was_away_starts_over(
    house: House, link: Path, script: Callable[..., Any]
) -> None:
    """It shows what it had, one reset, and the run as it ended: the events between are told no more."""
    is_mended = threading.Event()
    port = urlsplit(house.servers[0]).port or 0

    def target() -> tuple[str, int]:
        if road.cuts and not is_mended.is_set():
            raise OSError("the road is closed")
        return "127.0.0.1", port

    token = await asyncio.to_thread(house.token, "is-reset@example.com")
    with Proxy(target) as road:
        road.budget = short_lives(0, 6_000, 6_000)
        async with house.http() as http:
            ada = Client(http, token)
            run = await start_run(ada, LONG_RUN)
            where = {"BATON_SERVER": house.servers[0], "BATON_ROAD": f"ws://127.0.0.1:{road.port}"}
            watching = asyncio.create_task(
                asyncio.to_thread(script, "reset.mjs", **where, BATON_TOKEN=token, RUN=run)
            )
            await asyncio.to_thread(until, lambda: road.cuts > 0 or watching.done())
            await ended(ada, run)
            await prune(house.dsn, decode(Kind.EXECUTION, run))
            road.budget = None
            is_mended.set()
            seen = await watching
    assert seen["opened"] == 1
    assert seen["resets"] == "CURSOR_EXPIRED"
    assert seen["problem"] is None
    assert seen["events"] == list(range(1, len(seen["events"]) + 1))
    assert seen["kept"] == []


async def ended(ada: Client, run: str) -> None:
    """Until it has."""
    wait = "query ($id: ID!) { awaitExecution(id: $id, timeoutMs: 30000) { execution { status } } }"
    answer = await ada.one(wait, id=run)
    assert answer["execution"]["status"] == "COMPLETED"


async def prune(dsn: str, run: UUID) -> None:
    """As retention does a month after the end."""
    db = Database(dsn, size=1, name="test")
    await db.open()
    async with db.as_system() as session:
        aged = Query("update executions set finished_at = finished_at - interval '31 days' where id = :id")
        await session.run(aged, id=run)
    assert (await RETENTION.prune(db))["events"] > 0
    await db.close()


def test_the_link_holds_to_its_own_specification(link: Path) -> None:
    """Its tests in Node: cursors, close codes, slow sinks, the reducer at every prefix."""
    _npm("test", folder=link)


def test_the_committed_package_is_what_the_sources_build(link: Path, tmp_path: Path) -> None:
    _npm("run", "build", "--", "--outDir", str(tmp_path / "dist"), folder=link)
    assert _contents(tmp_path / "dist") == _contents(link / "dist")


def test_the_stream_that_use_execution_follows_is_valid(link: Path) -> None:
    printing = "import('@baton/resume-link').then((link) => console.log(link.EXECUTION_STREAM))"
    document = _run("node", "--eval", printing, folder=link)
    assert validate(build_schema(schema.as_str()), parse(document)) == []


def _npm(*arguments: str, folder: Path) -> None:
    _run("npm", *arguments, folder=folder)


def _run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}
