"""A Postgres of these tests' own, and processes that are quickly there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from tests.faults.crew import Crew
from tests.faults.postgres import Server, own_server
from tests.faults.proxy import Proxy, road_to
from tests.postgres import Cluster

TIMES = int(os.environ.get("BATON_LONG", "1"))
"How often to do what is done at random: see CONTRIBUTING.md."


def promised(seconds: float) -> float:
    """What a test holds us to: the promise where the machine is ours alone, else twice the time."""
    return seconds if TIMES > 1 else 2 * seconds


@pytest.fixture(scope="session")
def times() -> int:
    """How often to do what is done at random."""
    return TIMES


@pytest.fixture(scope="session")
def _own() -> Iterator[tuple[Server, Cluster]]:
    with own_server() as own:
        yield own


@pytest.fixture
def server(_own: tuple[Server, Cluster]) -> Iterator[Server]:
    """A Postgres that this test may do anything to."""
    server, _ = _own
    server.mend()
    yield server
    server.mend()


@pytest.fixture
def dsn(server: Server, _own: tuple[Server, Cluster]) -> Iterator[str]:
    """The address of a fresh database on it."""
    with ExitStack() as stack:
        dsn = stack.enter_context(_own[1].database())
        stack.callback(server.mend)
        yield dsn


@pytest.fixture
async def watch(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A look at the rows, past every fault on the road."""
    connection = await asyncpg.connect(dsn)
    yield connection
    connection.terminate()


@pytest.fixture
def road(server: Server) -> Iterator[Proxy]:
    """A road to Postgres that can be cut."""
    with road_to(server.port, speaks_postgres=True) as proxy:
        yield proxy


@pytest.fixture
def crew(dsn: str, tmp_path: Path) -> Iterator[Crew]:
    """Nobody yet, with leases of a second."""
    crew = Crew(dsn, tmp_path)
    yield crew
    crew.end()
