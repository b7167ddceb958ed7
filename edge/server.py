"""The front of the edge: two ASGI apps over one schema, and their orderly end."""

from __future__ import annotations

from typing import Generic, TypeVar

import strawberry

from edge.connections import Connections
from edge.door import Door
from edge.execution import Executions
from edge.http import Http
from edge.websocket import Sockets
from settings import Settings

C = TypeVar("C")


class Edge(Generic[C]):
    """`http` goes behind a Route without `methods`, which it answers all, `socket` behind a WebSocketRoute.

    `page` is what a browser is shown instead of JSON. `body_seconds` is what a body has to arrive in.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        settings: Settings,
        door: Door[C],
        *,
        page: bytes | None = None,
        body_seconds: float = 10,
    ) -> None:
        executions = Executions(schema, settings, door)
        self._connections = Connections()
        self.http = Http(executions, door, settings, self._connections, page, body_seconds)
        self.socket = Sockets(executions, door, settings, self._connections)

    @property
    def draining(self) -> bool:
        """Whether it takes no new sockets and streams any more."""
        return self._connections.draining

    async def drain(self, seconds: float) -> None:
        """Send off all sockets (1012) and event streams, spread over so many seconds; take no new ones."""
        await self._connections.drain(seconds)
