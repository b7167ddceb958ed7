"""Servers and workers behind a proxy, replaced one by one as a rolling deploy does it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.faults.crew import Child, Crew
from tests.faults.proxy import Proxy

BEFORE_STOP_SECONDS = 0.5
"From the moment that the proxy sends nothing new until SIGTERM: what `preStop` is for."


@dataclass
class Fleet:
    """Who is there just now. The proxy gives each new connection to the next server in turn."""

    crew: Crew
    servers: list[tuple[Child, int]] = field(default_factory=list[tuple[Child, int]])
    workers: list[Child] = field(default_factory=list[Child])
    going: dict[str, list[float]] = field(default_factory=lambda: {"server": [], "worker": []})
    "Seconds from SIGTERM to the end of each that was replaced."
    _turns: Iterator[int] = field(default_factory=count)

    def next_server(self) -> tuple[str, int]:
        """Where the proxy sends the next connection."""
        servers = self.servers
        return "127.0.0.1", servers[next(self._turns) % len(servers)][1]

    async def add_server(self) -> None:
        """One that is ready."""
        child = await asyncio.to_thread(self.crew.server)
        self.servers = [*self.servers, (child, int(self.crew.servers[-1].rpartition(":")[2]))]

    def add_worker(self) -> None:
        self.workers.append(self.crew.worker())

    async def replace_all(self) -> None:
        """A new one, then an old one less; servers and workers by turns."""
        old_servers, old_workers = list(self.servers), list(self.workers)
        for server, worker in zip(old_servers, old_workers, strict=True):
            await self.add_server()
            self.servers = [one for one in self.servers if one is not server]
            await asyncio.sleep(BEFORE_STOP_SECONDS)
            await self._end(server[0], "server")
            self.add_worker()
            self.workers.remove(worker)
            await self._end(worker, "worker")

    async def _end(self, child: Child, kind: str) -> None:
        began = time.perf_counter()
        child.send(signal.SIGTERM)
        await asyncio.to_thread(child.wait)
        self.going[kind].append(time.perf_counter() - began)


@contextmanager
def fleet(dsn: str, folder: Path, **settings: str) -> Iterator[tuple[Fleet, Proxy]]:
    """Nobody yet, and the proxy that will send connections to whoever is there."""
    crew = Crew(dsn, folder, **settings)
    found = Fleet(crew)
    try:
        with Proxy(found.next_server) as proxy:
            yield found, proxy
    finally:
        crew.end()
