"""What a person can mend is told by a command in a sentence: exit code 2, and no traceback."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from db.connection import Database
from db.query import Query
from tests.postgres import Cluster
from tests.processes import SECRET, baton

pytestmark = pytest.mark.anyio

AWAY = "postgresql://nobody@127.0.0.1:1/none"


def told(folder: Path, dsn: str, *arguments: str) -> str:
    """What the command says as it gives up: one line."""
    done = baton(*arguments, DATABASE_URL=dsn, BATON_DATA_DIR=str(folder), BATON_JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", ["migrate", "serve", "worker", "dev", "token --user ada@example.com"])
def test_a_database_that_is_away_is_told(tmp_path: Path, command: str) -> None:
    assert told(tmp_path, AWAY, *command.split()).startswith("The database cannot be reached")


def test_a_database_that_there_is_not_is_told(tmp_path: Path, cluster: Cluster) -> None:
    assert 'database "nowhere" does not exist' in told(tmp_path, cluster.dsn("nowhere"), "migrate")


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_a_port_in_use_is_told(tmp_path: Path, dsn: str, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        line = told(tmp_path, dsn, command, "--port", str(port))

    assert str(port) in line
    assert "address already in use" in line


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[str]:
    """The address of a database without tables."""
    with cluster.database(migrated=False) as dsn:
        yield dsn


@pytest.fixture
async def guest(empty: str) -> AsyncIterator[str]:
    """The same, for somebody without rights."""
    db = Database(empty, size=1, name="test")
    await db.open()
    name = f"guest_{uuid4().hex}"
    async with db.as_system() as session:
        await session.run(Query(f"create role {name} login password 'guest'"))
    address = urlsplit(empty)
    yield address._replace(netloc=f"{name}:guest@{address.netloc.rpartition('@')[2]}").geturl()
    async with db.as_system() as session:
        await session.run(Query(f"drop role {name}"))
    await db.close()


async def test_a_user_whom_the_database_does_not_know_is_told(tmp_path: Path, guest: str) -> None:
    line = told(tmp_path, guest.replace("guest_", "stranger_"), "migrate")

    assert line.startswith("The database does not let us in: ")
    assert "stranger_" in line


async def test_rights_that_are_missing_are_told(tmp_path: Path, guest: str) -> None:
    line = told(tmp_path, guest, "migrate")

    assert "must own the tables and have CREATEROLE: permission denied" in line


def test_a_shell_completes_commands() -> None:
    """The script that is installed asks for it in this way."""
    script = baton(_BATON_COMPLETE="source_bash")
    words = baton(_BATON_COMPLETE="complete_bash", COMP_WORDS="baton wa", COMP_CWORD="1")

    assert "complete -o default -F _baton_completion baton" in script.stdout
    assert words.stdout.split() == ["watch"]


def test_benches_are_listed_and_run_by_name() -> None:
    listed = baton("bench")
    helped = baton("bench", "understand", "--", "--help")

    there = [line.split()[0] for line in listed.stdout.splitlines()]
    assert {"chat", "edge", "engine", "rolling", "streams", "task_agent", "understand"} <= set(there)
    assert there == sorted(there)
    assert helped.stdout.startswith("usage: python -m bench.understand")
