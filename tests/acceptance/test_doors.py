"""What stands beside GraphQL over HTTP and WebSocket: health, server-sent events, and `dev`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from db.connection import Database
from db.migrate import migrate
from db.query import Query
from resolvers.health import troubles
from tests.acceptance.test_streams import SENTENCE, STREAM, check, events
from tests.api import START, Api
from tests.client import Client
from tests.postgres import Cluster
from tests.processes import ROOT, House, Process, free_port, open_house, until

pytestmark = pytest.mark.anyio


class TestHealth:
    async def test_a_server_says_that_it_lives_and_that_it_is_ready(self, house: House) -> None:
        async with house.http() as http:
            alive, ready = await http.get("/health"), await http.get("/health/ready")

        assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})

    def test_before_the_migration_it_lives_and_says_why_it_is_not_ready(
        self, cluster: Cluster, tmp_path: Path
    ) -> None:
        with cluster.database(migrated=False) as dsn, ExitStack() as stack:
            house = House(dsn, tmp_path, stack)
            address = f"http://127.0.0.1:{free_port()}"
            server = house.start("serve", "--port", address.rpartition(":")[2])
            until(lambda: status(f"{address}/health") == 200, server)
            ready = httpx2.get(f"{address}/health/ready")

            assert ready.status_code == 503
            assert ready.json()["status"] == "unavailable"
            assert "stands at migration None" in ready.json()["reasons"][0]

            assert house.start("migrate").wait() == 0
            until(lambda: status(f"{address}/health/ready") == 200, server)

    async def test_a_database_that_newer_code_has_migrated_is_fine(self, api: Api, db: Database) -> None:
        """As in a deployment: the old servers answer until they are replaced."""
        assert await troubles(api.services) == []

        async with db.as_system() as session:
            await session.run(Query("update alembic_version set version_num = 'of_tomorrow'"))

        assert await troubles(api.services) == []
        await migrate(api.services.settings.database_url or "")

        async with db.as_system() as session:
            await session.run(Query("delete from alembic_version"))

        assert len(await troubles(api.services)) == 1


def status(url: str) -> int:
    try:
        return httpx2.get(url, timeout=3).status_code
    except httpx2.HTTPError:
        return 0


class TestGoingAway:
    """With 10 seconds to drain: what ends sooner has nothing to wait for, or was told to hurry."""

    async def test_one_open_socket_is_sent_off_and_then_it_ends(self, dsn: str, tmp_path: Path) -> None:
        with open_house(dsn, tmp_path, servers=1, workers=0) as house:
            (server,) = house.processes
            async with connect(
                house.servers[0].replace("http", "ws") + "/graphql", subprotocols=WS
            ) as client:
                started = time.monotonic()
                os.kill(server.pid, signal.SIGTERM)
                await client.wait_closed()
                assert await asyncio.to_thread(server.wait) == 0

        assert time.monotonic() - started < 3
        assert client.close_code == 1012

    async def test_a_server_that_drains_says_that_it_is_not_ready_and_a_second_signal_ends_it(
        self, dsn: str, tmp_path: Path
    ) -> None:
        with open_house(dsn, tmp_path, servers=1, workers=0) as house, ExitStack() as stack:
            (server,) = house.processes
            for _ in range(3):
                stack.enter_context(silent_socket(house.servers[0]))
            os.kill(server.pid, signal.SIGTERM)
            until(lambda: status(f"{house.servers[0]}/health/ready") == 503, server)
            ready = httpx2.get(f"{house.servers[0]}/health/ready").json()
            started = time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            code = await asyncio.to_thread(server.wait)

        assert ready["reasons"] == ["This server is going away."]
        assert (code, time.monotonic() - started < 3) == (0, True)


WS = [Subprotocol("graphql-transport-ws")]


@contextmanager
def silent_socket(address: str) -> Iterator[None]:
    """A WebSocket whose client never answers, not even a close."""
    host, _, port = address.removeprefix("http://").partition(":")
    request = (
        "GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(request.encode())
        assert raw.recv(1024).startswith(b"HTTP/1.1 101")
        yield


class TestServerSentEvents:
    async def test_a_run_is_watched_over_sse_with_the_same_identity_and_the_same_frames(
        self, house: House
    ) -> None:
        token = await asyncio.to_thread(house.token, "sse@example.com")
        async with house.http() as http:
            started = await Client(http, token).one(START, input={"input": SENTENCE})
            run_id = started["execution"]["id"]

            messages = await read_events(http, token, run_id)

        frames = [next(iter(data["data"].values())) for _, data in messages]
        check(frames)
        assert [event["seq"] for event in events(frames)] == list(range(1, len(events(frames)) + 1))
        assert [place for place, _ in messages] == [frame["cursor"] for frame in frames]

    async def test_without_a_token_there_is_no_stream(self, house: House) -> None:
        async with house.http() as http:
            ((_, data),) = await read_events(http, None, "exec_01h455vb4pex5vsknk084sn02q")

        assert data["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def read_events(
    http: httpx2.AsyncClient, token: str | None, run_id: str
) -> list[tuple[str | None, dict[str, Any]]]:
    """The id and the data of every `next` event, up to `complete`."""
    headers = {"accept": "text/event-stream"} | ({"authorization": f"Bearer {token}"} if token else {})
    body = {"query": STREAM, "variables": {"id": run_id}}
    async with http.stream("POST", "/graphql", json=body, headers=headers) as answer:
        text = "".join([part async for part in answer.aiter_text()])
    found: list[tuple[str | None, dict[str, Any]]] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
        if fields.get("event") == "next":
            found.append((fields.get("id"), json.loads(fields["data"])))
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the user whom root lends to Postgres may enter: then its files are really there."""
    with TemporaryDirectory(prefix="baton-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


class TestDev:
    def test_one_command_brings_up_everything_and_ctrl_c_takes_it_all_down(self, open_folder: Path) -> None:
        """A private Postgres, server, worker, a token that works; afterwards no process is left."""
        with dev(open_folder) as (process, welcome):
            address, token = re.findall(r"(http://\S+)/graphql#token=(\S+)", welcome)[0]
            answer = httpx2.post(
                f"{address}/graphql",
                json={"query": first_operation(welcome)},
                headers={"authorization": f"Bearer {token}"},
            ).json()
            assert answer["data"]["startExecution"]["execution"]["status"] == "QUEUED"
            assert processes_of(open_folder)

            os.killpg(process.pid, signal.SIGINT)

            assert process.wait() == 0
        until(lambda: processes_of(open_folder) == [])

    def test_tokens_are_made_beside_it_and_print_nothing_else(self, open_folder: Path) -> None:
        """`baton token` finds the same private Postgres."""
        with dev(open_folder) as (_, welcome):
            address = re.findall(r"(http://\S+)/graphql#", welcome)[0]
            made = subprocess.run(
                [sys.executable, "-m", "cli", "token", "--user", "New@Example.com", "--expires-in", "60"],
                cwd=ROOT,
                env=environment(open_folder),
                capture_output=True,
                text=True,
                check=True,
            )
            (token,) = made.stdout.split()
            viewer = httpx2.post(
                f"{address}/graphql",
                json={"query": "{ viewer { email } }"},
                headers={"authorization": f"Bearer {token}"},
            ).json()

        assert viewer["data"]["viewer"]["email"].lower() == "new@example.com"


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    kept.pop("DATABASE_URL", None)
    return {**kept, "BATON_DATA_DIR": str(folder / "data")}


@contextmanager
def dev(folder: Path) -> Iterator[tuple[Process, str]]:
    """`baton dev` and its welcome; in a process group of its own, as a terminal gives it."""
    log = folder / "dev.log"
    process = Process("dev", "--port", "0", env=environment(folder), log=log, own_group=True)
    try:
        until(lambda: "Try this first" in process.output(), process)
        yield process, process.output()
    finally:
        process.kill()
        until(lambda: processes_of(folder) == [])


def first_operation(welcome: str) -> str:
    return welcome[welcome.index("mutation {") :]


def processes_of(folder: Path) -> list[str]:
    """The command lines of all processes that name this folder."""
    lines = subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in lines.splitlines() if str(folder) in line]
