"""One connection that speaks graphql-transport-ws: many operations side by side, each with its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any, TypeAlias

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from errors import BatonError

Message: TypeAlias = dict[str, Any]

_PROTOCOL = Subprotocol("graphql-transport-ws")
_REFUSED = {4400, 4401, 4403, 4406, 4409, 4429}
"Close codes by which a server says that the same again would be refused again; 4403 in the handshake."
_LARGEST_MESSAGE = 16 * 2**20


class Cut(Exception):
    """The connection is gone, or could not be made: another one may do."""


class Refused(BatonError):
    """The server does not let us in."""

    code = "REFUSED"


class GraphQLErrors(BatonError):
    """The operation was answered with errors."""

    code = "GRAPHQL_ERRORS"

    def __init__(self, errors: list[Message]) -> None:
        super().__init__("; ".join(str(error.get("message")) for error in errors))
        self.errors = errors


class Socket:
    """An open connection. Made by `opened`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = count(1)
        self._answers: dict[str, asyncio.Queue[Message | None]] = {}

    async def results(self, document: str, variables: Message) -> AsyncGenerator[Message]:
        """The results of one operation: one of a query or mutation, many of a subscription.

        Raises Cut where the connection ends first, and GraphQLErrors where the operation was refused.
        """
        name, answers = str(next(self._ids)), asyncio.Queue[Message | None]()
        self._answers[name] = answers
        payload = {"query": document, "variables": variables}
        await self._send({"id": name, "type": "subscribe", "payload": payload})
        try:
            while (message := await answers.get()) is not None:
                if message["type"] != "next":
                    del self._answers[name]
                    _check(message)
                    return
                yield message["payload"]
            raise Cut("the connection was closed")
        finally:
            if self._answers.pop(name, None) is not None:  # whoever asked has left before the end
                with suppress(Cut):
                    await self._send({"id": name, "type": "complete"})

    async def read(self) -> None:
        """Hand out what comes, until the connection is gone."""
        try:
            async for text in self._connection:
                await self._take(orjson.loads(text))
        except ConnectionClosed:
            pass
        finally:
            for answers in self._answers.values():
                answers.put_nowait(None)

    async def _take(self, message: Message) -> None:
        if message["type"] == "ping":
            await self._send({"type": "pong"})
        elif (answers := self._answers.get(str(message.get("id")))) is not None:
            answers.put_nowait(message)

    async def _send(self, message: Message) -> None:
        try:
            await self._connection.send(orjson.dumps(message).decode())
        except ConnectionClosed as closed:
            raise Cut(str(closed)) from closed


def _check(message: Message) -> None:
    """How an operation ended: well, or with errors."""
    if message["type"] == "error":
        raise GraphQLErrors(message["payload"])


@asynccontextmanager
async def opened(url: str, token: str) -> AsyncGenerator[Socket]:
    """A connection to the API at `url` (http or https), signed in. Raises Cut and Refused."""
    address = "ws" + url.rstrip("/").removeprefix("http") + "/graphql"
    try:
        async with connect(address, subprotocols=[_PROTOCOL], max_size=_LARGEST_MESSAGE) as connection:
            await _sign_in(connection, token)
            socket = Socket(connection)
            reading = asyncio.create_task(socket.read(), name="api: read")
            try:
                yield socket
            finally:
                reading.cancel()
                await asyncio.wait({reading})
    except InvalidStatus as error:
        raise Refused(f"{url} answers {error.response.status_code}: it is no Baton.") from error
    except (OSError, TimeoutError, ConnectionClosed) as error:
        raise Cut(str(error)) from error


async def _sign_in(connection: ClientConnection, token: str) -> None:
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    await connection.send(orjson.dumps(init).decode())
    try:
        while orjson.loads(await connection.recv())["type"] != "connection_ack":
            pass
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 0
        if code in _REFUSED:
            raise Refused("The token is not valid, or has expired.") from closed
        raise
