"""The one place that writes to a socket."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import Message, Send

_CLOSE_SECONDS = 5.0


class Gone(Exception):
    """The socket is closed: what was to be sent has nowhere to go."""


class Outbox:
    """Whole messages, one after another. Waiting to send is how a slow reader slows its operations down."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._turn = asyncio.Lock()
        self._shut = False

    async def accept(self, subprotocol: str | None, request_id: str) -> None:
        """Open the socket."""
        headers = [(b"x-request-id", request_id.encode())]
        await self._write({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    async def send(self, text: str) -> None:
        """Send a message. Raises Gone."""
        async with self._turn:
            if self._shut:
                raise Gone
            await self._write({"type": "websocket.send", "text": text})

    async def close(self, code: int, reason: str) -> None:
        """The last message. It takes no turn: a client that reads nothing would never let it have one."""
        self._shut = True
        with suppress(Gone, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._write({"type": "websocket.close", "code": code, "reason": reason})

    def shut(self) -> None:
        """Send nothing any more."""
        self._shut = True

    async def _write(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError):  # the server's ways to say that the client has left
            self._shut = True
            raise Gone from None
