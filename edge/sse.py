"""GraphQL over Server-Sent Events, distinct connections mode: one operation, one response.

Spec: graphql-sse PROTOCOL.md. Beyond it: `id:` is the cursor, and `Last-Event-ID` resumes from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TypeAlias

from edge import masking
from edge.answers import Answer, Failure
from edge.connections import Connections
from edge.exchange import Exchange, Header
from edge.expiry import GRACE_SECONDS
from edge.live import Live
from edge.negotiation import Media
from events.source import CloseReason

Answers: TypeAlias = Live | AsyncGenerator[Answer, None]

_SENT_OFF = CloseReason.SERVER_DRAINING
_COMPLETE = b"event: complete\ndata:\n\n"
_PING = b": ping\n\n"
_LAST_WORDS_SECONDS = 5.0
_HEAD: list[Header] = [(b"x-accel-buffering", b"no")]
_LINE_ENDS = frozenset("\r\n\0")


class EventStream:
    """Writes answers as events until they end, the client leaves, its time is over, or we shut down.

    Plain cancellation, once: a cancel scope would cancel again at each `await` of a resolver's clean-up.
    """

    def __init__(self, exchange: Exchange, answers: Answers, heartbeat: float) -> None:
        self._exchange = exchange
        self._answers = answers
        self._heartbeat = heartbeat
        self._closing = self._leaving = False

    async def serve(self, connections: Connections, seconds: float | None, comment: str | None) -> None:
        """The whole response. Ends without `complete` if it had to stop before the operation did: a browser
        comes back from that by itself."""
        await self._exchange.start(Media.EVENTS, 200, _HEAD)
        leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(self._write(comment))
        gone = asyncio.ensure_future(self._exchange.gone())
        with connections.member(lambda: leaving.set_result(None)):
            try:
                until = asyncio.FIRST_COMPLETED
                await asyncio.wait({work, gone, leaving}, timeout=seconds, return_when=until)
                if not work.done() and not gone.done() and isinstance(self._answers, Live):
                    self._leaving = True
                    self._answers.end(_SENT_OFF if leaving.done() else CloseReason.AUTH_EXPIRED)
                    await asyncio.wait({work, gone}, timeout=GRACE_SECONDS, return_when=until)
            finally:
                gone.cancel()
                if not self._closing:
                    work.cancel()
                await asyncio.wait({work, gone})
                if isinstance(self._answers, Live):  # also where the work had not come to it yet
                    self._answers.close()
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._exchange.write(b"", more=False)

    async def _write(self, comment: str | None) -> None:
        try:
            if comment:
                await self._send(f": {comment}\n\n".encode())
            await self._events()
            if not self._leaving:
                await self._send(_COMPLETE)
        except OSError:
            return

    async def _events(self) -> None:
        try:
            while (answer := await self._next()) is not None:
                await self._send(_event(answer.body, answer.cursor))
        except OSError:
            raise
        except Exception as error:
            await self._send(_event(masking.failure(error, self._exchange.request_id).body, None))
        finally:
            self._closing = True
            await close(self._answers)

    async def _next(self) -> Answer | None:
        """The next answer; while there is none, a sign of life now and then."""
        pull = asyncio.ensure_future(_advance(self._answers))
        try:
            while not (await asyncio.wait({pull}, timeout=self._heartbeat))[0]:
                await self._send(_PING)
            return pull.result()
        finally:
            if not pull.done():
                pull.cancel()
                await asyncio.wait({pull})

    async def _send(self, event: bytes) -> None:
        await self._exchange.write(event, more=True)


async def failing(failure: Failure) -> AsyncGenerator[Answer, None]:
    """The answers of an operation that was refused: by event stream, that is an answer too."""
    yield Answer(failure.body)


async def _advance(answers: Answers) -> Answer | None:
    return await answers.next() if isinstance(answers, Live) else await anext(answers, None)


async def close(answers: Answers) -> None:
    """Be done with them."""
    if isinstance(answers, Live):
        answers.close()
    else:
        await answers.aclose()


def _event(body: bytes, cursor: str | None) -> bytes:
    at = "" if cursor is None or not _LINE_ENDS.isdisjoint(cursor) else f"id: {cursor}\n"
    return b"event: next\n%bdata: %b\n\n" % (at.encode(), body)
