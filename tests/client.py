"""A GraphQL client for tests, over real HTTP and real WebSockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol


class GraphQLErrors(AssertionError):
    """The answer had top-level errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(json.dumps(errors, indent=1))
        self.errors = errors

    @property
    def code(self) -> str:
        return self.errors[0]["extensions"]["code"]


class Client:
    """Somebody who talks to one server."""

    def __init__(self, http: httpx2.AsyncClient, token: str | None) -> None:
        self._http, self._token = http, token

    def as_(self, token: str | None) -> Client:
        """The same server, somebody else."""
        return Client(self._http, token)

    async def post(
        self, document: str, headers: dict[str, str] | None = None, **variables: Any
    ) -> httpx2.Response:
        auth = {"authorization": f"Bearer {self._token}"} if self._token else {}
        body = {"query": document, "variables": variables}
        return await self._http.post("/graphql", json=body, headers=auth | (headers or {}))

    async def ask(self, document: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """The data of the answer. Raises GraphQLErrors."""
        answer = (await self.post(document, headers, **variables)).json()
        if answer.get("errors"):
            raise GraphQLErrors(answer["errors"])
        return answer["data"]

    async def one(self, document: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """The value of the only root field."""
        (value,) = (await self.ask(document, headers, **variables)).values()
        return value

    @asynccontextmanager
    async def stream(self, document: str, **variables: Any) -> AsyncIterator[Stream]:
        """A subscription over its own WebSocket."""
        url = str(self._http.base_url).replace("http", "ws", 1).rstrip("/") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            payload = {"authorization": f"Bearer {self._token}"} if self._token else {}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            subscribe = {"query": document, "variables": variables}
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": subscribe}))
            yield Stream(socket)


class Stream:
    """The frames of one subscription with one root field."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        while True:
            message = json.loads(await self._socket.recv())
            if message["type"] == "complete":
                raise StopAsyncIteration
            if message["type"] == "error":
                raise GraphQLErrors(message["payload"])
            if message["type"] == "next":
                return _frame(message["payload"])

    async def frames(self) -> list[Any]:
        """Every frame to the end."""
        return [frame async for frame in self]


def _frame(payload: dict[str, Any]) -> Any:
    if payload.get("errors"):
        raise GraphQLErrors(payload["errors"])
    (frame,) = payload["data"].values()
    assert payload["extensions"]["cursor"] == frame.get("cursor", payload["extensions"]["cursor"])
    return frame
