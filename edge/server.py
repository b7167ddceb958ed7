"""The front of the edge: two ASGI apps over one schema, and their orderly end."""

from __future__ import annotations

from typing import Generic, TypeVar

import orjson
import strawberry

from edge import masking
from edge.connections import Connections
from edge.door import Door
from edge.execution import Caller, Executions
from edge.http import Http
from edge.seats import Seats
from edge.websocket import Sockets
from settings import Settings
from telemetry import logs

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
        self._executions = executions = Executions(schema, settings, door)
        self._connections = Connections(Seats(settings.max_sockets_per_user, "sockets"))
        self.http = Http(executions, door, settings, self._connections, page, body_seconds)
        self.socket = Sockets(executions, door, settings, self._connections)

    async def ask(self, document: str, variables: dict[str, object], caller: Caller) -> dict[str, object]:
        """The result of one operation of our own, for a door beside HTTP and WebSocket: guarded like any."""
        logs.about(request_id=caller.request_id, user_id=caller.user_id)
        try:
            operation = self._executions.own(document)
            body = (await self._executions.run(operation, variables, caller)).body
        except Exception as error:
            body = masking.failure(error, caller.request_id).body
        return orjson.loads(body)

    @property
    def sockets(self) -> int:
        """Open ones, whose client has signed in."""
        return self._connections.sockets.count

    @property
    def streams(self) -> int:
        """Open subscriptions of whoever has signed in."""
        return self._executions.streams

    @property
    def draining(self) -> bool:
        """Whether it takes no new sockets and streams any more."""
        return self._connections.draining

    async def drain(self, seconds: float) -> None:
        """Send off all sockets (1012) and event streams, spread over so many seconds; take no new ones."""
        await self._connections.drain(seconds)
