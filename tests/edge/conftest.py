"""One real server for all; each test reads its news from the start."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.edge.talk import Talk, connect
from tests.edge.world import Server, serve


@pytest.fixture(scope="package")
def running() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """The shared server, its notes empty."""
    while not running.notes.seen.empty():
        running.notes.seen.get()
    running.notes.gate.clear()
    return running


@pytest.fixture
def http(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.origin, timeout=5, trust_env=False) as client:
        yield client


@pytest.fixture
def talk(server: Server) -> Iterator[Talk]:
    """An acknowledged socket."""
    with connect(server) as talk:
        talk.init()
        yield talk
