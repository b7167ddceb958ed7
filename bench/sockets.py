"""Clients of a WebSocket as light as Python has them: frames counted by what they hold, and no library."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import orjson

_HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-protocol: graphql-transport-ws\r\n\r\n"
)
_TEXT, _PING, _CLOSE = 0x81, 0x89, 0x88


class Subscriber(asyncio.Protocol):
    """One socket with one subscription. Calls `hear` with each text frame, once it has subscribed."""

    def __init__(self, token: str, payload: object, hear: Callable[[bytes], None]) -> None:
        self._token, self._payload, self._hear = token, payload, hear
        self._received = bytearray()
        self._is_open = self._is_acknowledged = False
        self.transport: asyncio.Transport
        self.lost: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_HANDSHAKE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self.lost = exc or ConnectionError("the server hung up")

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        received = self._received
        received += data
        if not self._is_open:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            del received[: end + 4]
            self._is_open = True
            self._say({"type": "connection_init", "payload": {"authorization": f"Bearer {self._token}"}})
        start = 0
        while (end := self._frame(start)) > 0:
            start = end
        del received[:start]

    def _frame(self, start: int) -> int:
        """Take the frame that begins there; where the next one does, or 0 if it is not whole yet."""
        received = self._received
        if len(received) < start + 2:
            return 0
        length, head = received[start + 1], 2
        if length == 126:
            length, head = int.from_bytes(received[start + 2 : start + 4], "big"), 4
        elif length == 127:
            length, head = int.from_bytes(received[start + 2 : start + 10], "big"), 10
        end = start + head + length
        if len(received) < end:
            return 0
        body = bytes(received[start + head : end])
        if received[start] == _TEXT:
            self._listen(body)
        elif received[start] == _PING:
            self._write(0x8A, body)
        return end

    def _listen(self, body: bytes) -> None:
        """The first message says that the token is good."""
        if self._is_acknowledged:
            self._hear(body)
        else:
            self._is_acknowledged = True
            self._say({"type": "subscribe", "id": "1", "payload": self._payload})

    def _say(self, message: object) -> None:
        self._write(_TEXT, orjson.dumps(message))

    def _write(self, opcode: int, body: bytes) -> None:
        """Masked with zeros, which is a mask too."""
        length = len(body)
        sizes = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        self.transport.write(bytes([opcode]) + sizes + b"\0\0\0\0" + body)


async def subscribe(port: int, token: str, payload: object, hear: Callable[[bytes], None]) -> Subscriber:
    """Open a socket and subscribe; the handshake goes on by itself."""
    loop = asyncio.get_running_loop()
    _, subscriber = await loop.create_connection(lambda: Subscriber(token, payload, hear), "127.0.0.1", port)
    return subscriber


def pin(pid: int, core: int) -> None:
    """Have a process run on one core, where the system can do that and has as many."""
    with suppress(AttributeError, OSError):
        if (os.cpu_count() or 1) > core:
            os.sched_setaffinity(pid, {core})
