"""One HTTP request and its response, over plain ASGI."""

from __future__ import annotations

from starlette.types import Receive, Scope, Send

from edge.answers import Failure
from edge.eagerly import within
from edge.headers import RequestHeaders, request_id
from edge.negotiation import Media, accepted
from edge.requests import is_object
from telemetry import metrics

Header = tuple[bytes, bytes]

_ALWAYS: list[Header] = [
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Authorization"),
    (b"x-content-type-options", b"nosniff"),
]
_KINDS: dict[Media, Header] = {
    media: (b"content-type", f"{media}; charset=utf-8".encode()) for media in Media
}
_BY_STATUS: dict[int, list[Header]] = {
    401: [(b"www-authenticate", b"Bearer")],
    408: [(b"connection", b"close")],
    413: [(b"connection", b"close")],
    503: [(b"retry-after", b"1")],
}


class ClientGone(Exception):
    """Nobody is left to answer."""


class HttpFailure(Failure):
    """Refused for what the request is as HTTP, whatever it asks for."""

    def __init__(self, status: int, message: str, headers: list[Header] | None = None) -> None:
        super().__init__([{"message": message, "extensions": {"code": "BAD_REQUEST"}}], status)
        self.headers = headers or []


class Exchange:
    """Reads the body within bounds and writes one response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.headers = RequestHeaders(scope)
        self.request_id = request_id(self.headers)
        asked = self.headers.getlist("accept")
        self.accept = accepted(", ".join(asked) if asked else None)
        self.media = self.accept.answer
        self._receive = receive
        self._send = send
        self._started = False

    async def body(self, limit: int, seconds: float) -> bytes:
        """The whole body. Raises HttpFailure 413 beyond `limit` bytes, 408 if it is not there in time."""
        announced = self.headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            raise _too_large(limit)
        try:
            return await within(seconds, self._whole(limit))
        except TimeoutError:
            raise HttpFailure(408, f"The body was not there after {seconds:g} s.") from None

    async def _whole(self, limit: int) -> bytes:
        chunks: list[bytes] = []
        length, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunks.append(message.get("body", b""))
            length += len(chunks[-1])
            if length > limit:
                raise _too_large(limit)
            more = message.get("more_body", False)
        return b"".join(chunks)

    async def gone(self) -> None:
        """Returns once the client is."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def refuse(self, failure: Failure) -> None:
        """Answer with errors. A well-formed request is no HTTP error where the caller knows only JSON."""
        if self._started:
            raise failure
        graphql = self.media is Media.GRAPHQL
        status = failure.status or (400 if graphql else 200)
        headers = [
            *(failure.headers if isinstance(failure, HttpFailure) else []),
            *_BY_STATUS.get(status, []),
            *_retry_after(failure),
        ]
        await self.respond(failure.body, Media.GRAPHQL if graphql else Media.JSON, status, headers)

    async def respond(
        self, body: bytes, media: Media, status: int = 200, headers: list[Header] | None = None
    ) -> None:
        """Send a whole response."""
        length = (b"content-length", b"%d" % len(body))
        await self.start(media, status, [*(headers or []), length])
        await self.write(body, more=False)

    async def start(self, media: Media, status: int, headers: list[Header]) -> None:
        """Send the head of a response."""
        self._started = True
        metrics.response(status)
        ours = (b"x-request-id", self.request_id.encode())
        head = [_KINDS[media], ours, *_ALWAYS, *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def write(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body; waits while the client takes none."""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _retry_after(failure: Failure) -> list[Header]:
    """For whoever reads no bodies: what the first error says of it, in whole seconds."""
    extensions = failure.errors[0].get("extensions")
    wait = extensions.get("retryAfterMs") if is_object(extensions) else None
    return [(b"retry-after", b"%d" % -(-wait // 1_000))] if isinstance(wait, int) else []


def _too_large(limit: int) -> HttpFailure:
    return HttpFailure(413, f"The body may have {limit} bytes at most.")
