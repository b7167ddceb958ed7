"""Words for what tests do on a socket and over raw TCP."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_socket
from websockets.typing import Subprotocol

from tests.edge.world import Server

OURS = "graphql-transport-ws"


class Talk:
    """A client that says and hears protocol messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, message: object) -> None:
        self.connection.send(message if isinstance(message, str) else json.dumps(message))

    def send_while_open(self, frame: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self.connection.send(frame)

    def hear(self) -> dict[str, Any]:
        text = self.connection.recv(timeout=5)
        assert isinstance(text, str)
        return json.loads(text)

    def init(self, token: str = "good") -> None:
        self.say({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        assert self.hear() == {"type": "connection_ack"}

    def subscribe(self, query: str, id: str = "1", **payload: object) -> None:
        self.say({"id": id, "type": "subscribe", "payload": {"query": query, **payload}})

    def closed(self) -> tuple[int, str]:
        """Read to the end; the server's code and reason."""
        with pytest.raises(ConnectionClosed) as caught:
            self._read_on()
        close = caught.value.rcvd
        assert close is not None, "the server cut the connection without a word"
        return close.code, close.reason

    def _read_on(self) -> None:
        while True:
            self.connection.recv(timeout=5)

    def abort(self) -> None:
        reset(self.connection.socket)


@contextlib.contextmanager
def connect(
    server: Server,
    protocols: tuple[str, ...] = (OURS,),
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Talk]:
    """Open a socket; `options` are those of the client library."""
    subprotocols = [Subprotocol(name) for name in protocols] or None
    options = {"proxy": None, "compression": None, "close_timeout": 0.5, **options}
    with open_socket(
        server.ws, subprotocols=subprotocols, additional_headers=headers, **options
    ) as connection:
        yield Talk(connection)


def reset(connection: socket.socket) -> None:
    """Leave as a crashed client does: RST, no goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def raw(server: Server, request: bytes) -> Iterator[socket.socket]:
    """A TCP connection on which these bytes were sent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request)
        yield connection


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))
