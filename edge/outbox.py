"""The one place that writes to a socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Message, Send

from edge.eagerly import begin

_CLOSE_SECONDS = 5.0
Then = Callable[[], None]


class Gone(Exception):
    """The socket is closed: what was to be sent has nowhere to go."""


class Outbox:
    """Whole messages, one after another. Waiting to send is how a slow reader slows its operations down.

    As long as the reader keeps up nothing waits here, and no task is made.
    """

    __slots__ = ("_send", "_shut", "_waiting", "_writing")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._shut = False
        self._writing: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[str, Then | None]] | None = None

    @property
    def is_free(self) -> bool:
        """Whether everything was sent."""
        return self._writing is None

    async def accept(self, subprotocol: str | None, request_id: str) -> None:
        """Open the socket."""
        headers = [(b"x-request-id", request_id.encode())]
        await self._write({"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers})

    def post(self, text: str, then: Then | None = None) -> None:
        """Send a message in its turn, and call `then` once it is out: at once, if nothing holds it up.

        On a socket that is closed neither happens.
        """
        if self._shut:
            return
        if self._writing is not None:
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((text, then))
            return
        try:
            writing = begin(self._send({"type": "websocket.send", "text": text}))
        except (OSError, RuntimeError):  # the server's ways to say that the client has left
            self.shut()
            return
        if writing is not None:
            self._writing = writing
            writing.add_done_callback(lambda task: self._written(task, then))
        elif then is not None:
            then()

    async def send(self, text: str) -> None:
        """Send a message. Raises Gone."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell() -> None:
            sent.set_result(None)

        self.post(text, tell)
        try:
            while not sent.done():
                if self._shut or self._writing is None:
                    raise Gone
                await asyncio.wait({sent, self._writing}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.withdraw(tell)
            raise

    def withdraw(self, then: Then) -> None:
        """Send the message that was posted with this no more, if its turn has not come."""
        if self._waiting:
            self._waiting = deque(one for one in self._waiting if one[1] != then)

    async def close(self, code: int, reason: str) -> None:
        """The last message. It takes no turn: a client that reads nothing would never let it have one."""
        self.shut()
        with suppress(Gone, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._write({"type": "websocket.close", "code": code, "reason": reason})

    def shut(self) -> None:
        """Send nothing any more."""
        self._shut = True
        self._waiting = None

    def _written(self, task: asyncio.Task[None], then: Then | None) -> None:
        self._writing = None
        if task.cancelled() or task.exception() is not None:
            self.shut()
            return
        while self._waiting and self._writing is None:
            self.post(*self._waiting.popleft())
        if then is not None and not self._shut:
            then()

    async def _write(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError):
            self._shut = True
            raise Gone from None
