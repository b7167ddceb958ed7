"""Load over kept-alive HTTP/1.1 connections, as light as Python has it: bytes out, bytes in, no library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter
from typing import Protocol, cast

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Refused(Exception):
    """An answer that is not 200, or a connection that ended before its answer."""


def post(path: str, body: bytes, token: str | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    authorization += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
        f"{authorization}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(Refused(f"the connection ended: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        self._received += data
        end = self._received.find(_HEAD_END)
        if end < 0 or self._answer is None:
            return
        head = bytes(self._received[:end]).lower()
        start = end + len(_HEAD_END)
        if len(self._received) >= start + _length(head):
            self._finish(head, bytes(self._received[start:]))

    def _finish(self, head: bytes, body: bytes) -> None:
        answer, self._answer = self._answer, None
        self._received.clear()
        assert answer is not None
        if head.startswith(b"http/1.1 200"):
            answer.set_result(body)
        else:
            answer.set_exception(Refused(f"{head.decode()}\n{body.decode()}"))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer. Raises Refused."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()


def _length(head: bytes) -> int:
    after = head.partition(_LENGTH)[2]
    return int(after.partition(b"\r\n")[0])


class Call(Protocol):
    """One request, and what the load learns of its answer."""

    @property
    def request(self) -> bytes:
        """The bytes to send."""
        ...

    def answered(self, body: bytes) -> None:
        """Told after the time was taken."""
        ...


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncGenerator[list[Connection], None]:
    """So many open connections to a server on this machine."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
        for one in opened:
            stack.callback(one.close)
        yield opened


async def storm(lanes: Sequence[Connection], calls: int, next_call: Callable[[int], Call]) -> list[float]:
    """Every lane asks `calls` times, each time as soon as it has its answer. Seconds of each request.

    `next_call` gets the lane's place, and gives what it is to ask.
    """

    async def lane(place: int, connection: Connection) -> list[float]:
        return [await _timed(connection, next_call(place)) for _ in range(calls)]

    taken = await asyncio.gather(*(lane(place, one) for place, one in enumerate(lanes)))
    return [seconds for some in taken for seconds in some]


async def _timed(connection: Connection, call: Call) -> float:
    began = perf_counter()
    body = await connection.ask(call.request)
    seconds = perf_counter() - began
    call.answered(body)
    return seconds
