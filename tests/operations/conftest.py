"""A server and a worker that an operator watches closely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx2
import pytest

from tests.postgres import Cluster
from tests.processes import House, Process, free_port, until


@dataclass(frozen=True)
class Watched:
    """Both processes, and where they are looked at."""

    house: House
    server: Process
    worker: Process
    server_port: int
    worker_port: int

    def get(self, port: int, path: str) -> httpx2.Response:
        return httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=10)

    def figures(self, port: int) -> dict[str, float]:
        """What Prometheus would read: each line's name with its labels, and its value."""
        lines = self.get(port, "/metrics").text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}


@pytest.fixture(scope="module")
def watched(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Every operation and every run has its line; each process has a port to look at."""
    ports = free_port(), free_port()
    with cluster.database() as dsn, ExitStack() as stack:
        house = House(dsn, tmp_path_factory.mktemp("watched"), stack, BATON_LOG_LEVEL="debug")
        worker = house.start_worker(BATON_METRICS_PORT=str(ports[1]))
        server = house.start_server(BATON_METRICS_PORT=str(ports[0]))
        found = Watched(house, server, worker, *ports)
        until(lambda: _answers(found), worker)
        yield found


def _answers(watched: Watched) -> bool:
    try:
        return watched.get(watched.worker_port, "/health/ready").status_code == 200
    except httpx2.HTTPError:
        return False
