"""uvicorn's HTTP protocol with an end to waiting for the head of a request, and to its length.

uvicorn itself waits for ever for a head that was sent by half, and keeps whatever comes of it.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32_768

_REFUSAL = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    head_seconds = 10.0
    _pending = 0
    _in_head = False
    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The first head is waited for."""
        super().connection_made(transport)
        self._in_head = True
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head that is not whole yet. Most come whole, and need no timer."""
        super().data_received(data)
        if self._in_head:
            self._pending += len(data)
            self._expect()
            if self._pending > MAX_HEAD_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Another head begins, with a time of its own."""
        super().on_message_begin()
        self._arrived()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """It is whole."""
        self._arrived()
        super().on_headers_complete()

    def _expect(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self.head_seconds, self._refuse, b"408 Request Timeout")

    def _arrived(self) -> None:
        self._pending, self._in_head = 0, False
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _refuse(self, status: bytes) -> None:
        self._arrived()
        if not self.transport.is_closing():
            self.transport.write(_REFUSAL % status)
            self.transport.close()
