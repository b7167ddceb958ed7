"""GraphQL over HTTP, GET and POST. Spec: GraphQL over HTTP, and every MUST and SHOULD of its audit.

No cookies, and POST only as application/json: a foreign page cannot make a browser ask in its user's name.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Generic, TypeVar
from urllib.parse import parse_qs

from graphql import OperationType
from starlette.types import Receive, Scope, Send

from edge import masking
from edge.address import address_of
from edge.answers import Answer, Failure
from edge.connections import Connections
from edge.documents import Operation
from edge.door import Door
from edge.exchange import ClientGone, Exchange, HttpFailure
from edge.execution import Caller, Executions
from edge.expiry import seconds_left
from edge.headers import bearer, idempotency_key
from edge.negotiation import Media, media_type
from edge.requests import GraphQLRequest, read_json
from edge.sse import Answers, EventStream, close, failing
from errors import BadRequest, RequestError, Unavailable
from settings import Settings
from telemetry import logs

C = TypeVar("C")


class Http(Generic[C]):
    """The ASGI app behind the route. It answers every method itself."""

    def __init__(
        self,
        executions: Executions[C],
        door: Door[C],
        settings: Settings,
        connections: Connections,
        page: bytes | None,
        body_seconds: float,
    ) -> None:
        self._executions = executions
        self._door = door
        self._settings = settings
        self._connections = connections
        self._page = page
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except ClientGone:
            return
        except Exception as error:
            await exchange.refuse(masking.failure(error, exchange.request_id))

    async def _serve(self, exchange: Exchange) -> None:
        if self._page is not None and _wants_page(exchange):
            await exchange.respond(self._page, Media.HTML)
            return
        request = await self._request(exchange)
        principal = await self._door.authenticate(bearer(exchange.headers.get("authorization")))
        caller = Caller(
            principal,
            exchange.request_id,
            address_of(exchange.scope),
            traceparent=exchange.headers.get("traceparent"),
        )
        logs.about(request_id=caller.request_id, user_id=caller.user_id)
        try:
            operation = await self._executions.select(request, caller)
        except (Failure, RequestError) as error:
            if exchange.media is not Media.EVENTS:
                raise
            failure = masking.failure(error, caller.request_id)
            await self._stream(exchange, failing(failure), caller, None)
        else:
            await self._execute(exchange, operation, request, caller)

    async def _request(self, exchange: Exchange) -> GraphQLRequest:
        """The request, by whichever method. Raises HttpFailure or BadRequest."""
        if exchange.media is None:
            raise HttpFailure(406, f"We can answer as {', '.join(Media)}.")
        match exchange.scope["method"]:
            case "GET":
                return GraphQLRequest.of(_from_url(exchange.scope["query_string"]))
            case "POST":
                _check_content(exchange)
                raw = await exchange.body(self._settings.max_body_bytes, self._body_seconds)
                return GraphQLRequest.of(read_json(raw))
            case _:
                raise HttpFailure(405, "Ask by GET or POST.", [(b"allow", b"GET, POST")])

    async def _execute(
        self, exchange: Exchange, operation: Operation, request: GraphQLRequest, caller: Caller
    ) -> None:
        if exchange.scope["method"] == "GET" and operation.kind is OperationType.MUTATION:
            raise HttpFailure(405, "A mutation must be sent by POST.", [(b"allow", b"POST")])
        key = _idempotency_key(exchange, operation)
        if key is not None:
            caller = caller._replace(idempotency_key=key)
        if operation.kind is OperationType.SUBSCRIPTION:
            await self._subscribe(exchange, operation, request, caller)
        elif exchange.media is Media.EVENTS:
            await self._stream(exchange, self._single(operation, request, caller), caller, None)
        else:
            answer = await self._executions.run(operation, request.variables, caller)
            await exchange.respond(answer.body, exchange.media or Media.JSON)

    async def _single(
        self, operation: Operation, request: GraphQLRequest, caller: Caller
    ) -> AsyncGenerator[Answer, None]:
        yield await self._executions.run(operation, request.variables, caller)

    async def _subscribe(
        self, exchange: Exchange, operation: Operation, request: GraphQLRequest, caller: Caller
    ) -> None:
        if not exchange.accept.quality(Media.EVENTS):
            raise HttpFailure(406, f"A subscription is answered as {Media.EVENTS}, or over a WebSocket.")
        variables, comment = _resumed(exchange, operation, request.variables)
        try:
            answers = await self._executions.subscribe(operation, variables, caller)
        except (Failure, RequestError) as error:
            answers = failing(masking.failure(error, caller.request_id))
        await self._stream(exchange, answers, caller, comment)

    async def _stream(
        self, exchange: Exchange, answers: Answers, caller: Caller, comment: str | None
    ) -> None:
        if self._connections.draining:
            await close(answers)
            raise Unavailable("This server is shutting down; try again.")
        seconds = None if caller.principal is None else max(seconds_left(caller.principal), 0)
        stream = EventStream(exchange, answers, self._settings.heartbeat_seconds)
        await stream.serve(self._connections, seconds, comment)


def _wants_page(exchange: Exchange) -> bool:
    """Whether a person stands before a browser."""
    offers = (Media.JSON, Media.GRAPHQL, Media.EVENTS, Media.HTML)
    return exchange.scope["method"] == "GET" and exchange.accept.best(offers) is Media.HTML


def _check_content(exchange: Exchange) -> None:
    """Only JSON: a type that a browser lets a foreign page send unasked is refused."""
    if not _is_json(exchange.headers.get("content-type", "")):
        raise HttpFailure(415, f"Content-Type must be {Media.JSON} in UTF-8.")
    if exchange.headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpFailure(415, "The body must not be compressed.", [(b"accept-encoding", b"identity")])


def _is_json(content_type: str) -> bool:
    if content_type == Media.JSON:
        return True
    name, parameters = media_type(content_type)
    return name == Media.JSON and parameters.get("charset", "utf-8") in {"utf-8", "utf8"}


def _from_url(query_string: bytes) -> dict[str, object]:
    """The parameters of a GET, as the body of a POST would have them. Raises BadRequest."""
    try:
        given = parse_qs(
            query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise BadRequest("The parameters of the URL must be percent-encoded UTF-8, 20 at most.") from None
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise BadRequest(f"`{twice[0][:50]}` is given more than once.")
    body: dict[str, object] = {name: values[0] for name, values in given.items()}
    for part in ("variables", "extensions"):
        if part in given:
            body[part] = read_json(given[part][0]) if given[part][0] else None
    return body


def _idempotency_key(exchange: Exchange, operation: Operation) -> str | None:
    key = idempotency_key(exchange.headers)
    if key is None or (operation.kind is OperationType.MUTATION and len(operation.roots) == 1):
        return key
    raise BadRequest("Idempotency-Key can only go with a mutation of a single field.")


def _resumed(
    exchange: Exchange, operation: Operation, variables: dict[str, object]
) -> tuple[dict[str, object], str | None]:
    """What a browser's EventSource adds when it comes back: where it was."""
    last = exchange.headers.get("last-event-id")
    if last is None:
        return variables, None
    if operation.resume_variable is None:
        return variables, "Last-Event-ID was ignored: the field's argument `after` is not a variable"
    return {**variables, operation.resume_variable: last}, None
