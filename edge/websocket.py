"""GraphQL over WebSocket. Spec: graphql-transport-ws, to the letter, from the handshake to the close codes.

One task reads; each operation is a task that writes through the one outbox. A query that is wrong ends
with an `error` message, and the socket lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from auth import Principal
from edge import masking
from edge.address import address_of
from edge.connections import Connections
from edge.door import Door
from edge.execution import Caller, Executions
from edge.expiry import GRACE_SECONDS, seconds_left
from edge.handshake import PROTOCOL, may_connect, speaks_our_protocol
from edge.headers import bearer, request_id
from edge.operations import MAX_OPERATIONS, Operations, error_message
from edge.outbox import Gone, Outbox
from edge.requests import GraphQLRequest, Unfit, check_values, is_object, read_json
from errors import BadRequest, RateLimited, Unauthenticated, Unavailable
from events.source import CloseReason
from settings import Settings

C = TypeVar("C")
Message = dict[str, object]


class Close(Exception):
    """Ends the socket with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:120].decode(errors="ignore")  # the protocol has room for 123 bytes


class Sockets(Generic[C]):
    """The ASGI app behind the WebSocket route."""

    def __init__(
        self, executions: Executions[C], door: Door[C], settings: Settings, connections: Connections
    ) -> None:
        self._executions = executions
        self._door = door
        self._settings = settings
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        await receive()  # websocket.connect
        outbox = Outbox(send)
        if not may_connect(headers, self._settings.allowed_origins):
            await outbox.close(1008, "")  # before it is accepted: the handshake is answered with 403
            return
        name = request_id(headers)
        with suppress(Gone):
            if not speaks_our_protocol(scope):
                await outbox.accept(None, name)
                await outbox.close(4406, "Subprotocol not acceptable")
                return
            await outbox.accept(PROTOCOL, name)
            authorization = headers.get("authorization")
            socket = Socket(
                self._executions,
                self._door,
                self._settings,
                authorization,
                name,
                address_of(scope),
                receive,
                outbox,
            )
            await socket.run(self._connections)


class Socket(Generic[C]):
    """One open connection."""

    def __init__(
        self,
        executions: Executions[C],
        door: Door[C],
        settings: Settings,
        authorization: str | None,
        name: str,
        address: str,
        receive: Receive,
        outbox: Outbox,
    ) -> None:
        self._door = door
        self._settings = settings
        self._authorization = authorization
        self._name = name
        self._address = address
        self._receive = receive
        self._outbox = outbox
        self._operations = Operations(executions, outbox)
        self._started = 0
        self._asked = False
        self._principal: Principal | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._leave_seat: Callable[[], None] | None = None
        self._clock = asyncio.timeout(settings.connection_init_seconds)
        self._due = Close(4408, "Connection initialisation timeout")

    async def run(self, connections: Connections) -> None:
        """Until one side ends it. Raises Gone if it was the client, in the middle of a message of ours."""
        self._seats = connections.sockets
        try:
            close = await self._converse(connections)
            if close is not None:
                await self._outbox.close(close.code, close.reason)
        finally:
            if self._expiry is not None:
                self._expiry.cancel()
            if self._leave_seat is not None:
                self._leave_seat()
            self._outbox.shut()
            await self._operations.close()

    async def _converse(self, connections: Connections) -> Close | None:
        """Read until the client is gone (None) or there is a reason to close."""
        try:
            async with self._clock:
                with connections.member(self._leave):
                    if connections.draining:
                        self._leave()
                    while (text := await self._read()) is not None:
                        await self._handle(text)
        except TimeoutError:
            return self._due
        except Close as close:
            return close
        except Gone:
            raise
        except Exception as error:
            masking.failure(error, self._name)
            return Close(4500, "Internal server error")
        return None

    def _leave(self) -> None:
        self._part(CloseReason.SERVER_DRAINING, Close(1012, "Service restart"))

    def _expire(self) -> None:
        self._part(CloseReason.AUTH_EXPIRED, Close(4403, "Token expired"))

    def _part(self, reason: CloseReason, close: Close) -> None:
        """Close once the streams have said why; whoever takes too long to hear it hears only the code."""
        self._operations.say_goodbye(reason)
        is_quick = reason is CloseReason.SERVER_DRAINING and not self._operations.has_streams
        is_through = self._outbox.is_free and (is_quick or self._operations.is_idle)
        self._end_in(0 if is_through else GRACE_SECONDS, close)

    def _end_in(self, seconds: float, close: Close) -> None:
        """Whatever the socket is doing by then."""
        if not self._clock.expired():
            self._due = close
            self._clock.reschedule(asyncio.get_running_loop().time() + seconds)

    async def _read(self) -> str | None:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: object = message.get("text")
        if not isinstance(text, str):
            raise Close(4400, "Messages must be text")
        limit = self._settings.max_message_bytes
        if len(text) > limit or (4 * len(text) > limit and len(text.encode()) > limit):
            raise Close(1009, f"A message may have {limit} bytes at most")
        return text

    async def _handle(self, text: str) -> None:
        try:
            message = read_json(text)
        except BadRequest:
            raise Close(4400, "Messages must be JSON") from None
        if not is_object(message):
            raise Close(4400, "Messages must be JSON objects")
        payload = message.get("payload")
        match message.get("type"):
            case "connection_init":
                await self._init(_payload(payload))
            case "ping":
                await self._pong(_payload(payload))
            case "pong":
                _payload(payload)
            case "subscribe":
                await self._subscribe(_id(message), payload)
            case "complete":
                self._operations.stop(_id(message))
            case _:
                raise Close(4400, "Unknown message type")

    async def _init(self, payload: Message | None) -> None:
        if self._asked:
            raise Close(4429, "Too many initialisation requests")
        self._asked = True
        self._principal = await self._authenticate(payload or {})
        try:
            self._leave_seat = self._seats.take(self._principal.user_id)
        except RateLimited as error:
            raise Close(1013, error.message) from None
        seconds = max(seconds_left(self._principal), 0)
        self._end_in(seconds + GRACE_SECONDS, Close(4403, "Token expired"))
        self._expiry = asyncio.get_running_loop().call_later(seconds, self._expire)
        await self._outbox.send('{"type":"connection_ack"}')

    async def _authenticate(self, payload: Message) -> Principal:
        """Closes with 4403 for what is not a valid token: clients come back from that with a fresh one."""
        named = (value for key, value in payload.items() if key.lower() == "authorization")
        authorization = next(named, None) or self._authorization
        try:
            if not isinstance(authorization, str):
                raise Unauthenticated
            principal = await self._door.authenticate(bearer(authorization))
        except Unauthenticated:
            principal = None
        except Unavailable as error:
            raise Close(1013, error.message) from None
        if principal is None or seconds_left(principal) <= 0:
            raise Close(4403, "Forbidden")
        return principal

    async def _pong(self, payload: Message | None) -> None:
        message: Message = {"type": "pong"}
        if payload is not None:
            message["payload"] = payload
        await self._outbox.send(orjson.dumps(message).decode())

    async def _subscribe(self, id: str, payload: object) -> None:
        if self._principal is None:
            raise Close(4401, "Unauthorized")
        if seconds_left(self._principal) <= 0:
            raise Close(4403, "Token expired")
        if id in self._operations:
            raise Close(4409, f"Subscriber for {id} already exists")
        self._started += 1
        caller = Caller(self._principal, f"{self._name}.{self._started}", self._address)
        try:
            request = self._request(payload)
        except Unfit as error:
            await self._outbox.send(error_message(id, masking.failure(error, caller.request_id)))
            return
        self._operations.start(id, request, caller)

    def _request(self, payload: object) -> GraphQLRequest:
        """Raises Close for a payload that the protocol doesn't know, Unfit for one that we don't take."""
        try:
            request = GraphQLRequest.of(payload)
        except Unfit:
            raise
        except BadRequest as error:
            raise Close(4400, error.message) from None
        if self._operations.full:
            raise Unfit(f"A socket carries {MAX_OPERATIONS} operations at a time.")
        return request


def _id(message: Message) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not name:
        raise Close(4400, "`id` must be a non-empty string")
    return name


def _payload(payload: object) -> Message | None:
    if payload is None:
        return None
    if not is_object(payload):
        raise Close(4400, "`payload` must be an object or null")
    try:
        check_values(payload)
    except Unfit as error:
        raise Close(4400, error.message) from None
    return payload
