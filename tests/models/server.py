"""Speaks the protocols of OpenAI and of Anthropic, says what a test tells it to, and fails on demand."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Body = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer of the model, or one failure."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    "Name and arguments; the arguments as the text that is sent, be it JSON or not."
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    refusal: str | None = None
    cut_after: int | None = None
    "After so many pieces the connection is cut."
    hold_after: int | None = None
    "After so many pieces it waits for `ModelServer.release`."
    seconds_per_piece: float = 0.0
    usage: tuple[int, int] | None = (12, 7)
    is_silent: bool = False
    "Never answers."
    is_bare: bool = False
    "Leaves out what OpenAI's protocol asks for, and not all who speak it tell."


class ModelServer:
    """What it was asked, and what it is going to say."""

    def __init__(self, answer: Callable[[Body], Reply] | None = None) -> None:
        self.replies: deque[Reply] = deque()
        self.seen: list[Body] = []
        self.answer = answer or (lambda body: Reply(f"You said: {said_last(body)}"))
        "What is said once `replies` is empty."
        self.holding = threading.Event()
        self._released = threading.Event()
        self.address = ""

    def release(self) -> None:
        """Go on with what is held."""
        self.holding.clear()
        self._released.set()

    def application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._openai, methods=["POST"]),
                Route("/v1/messages", self._anthropic, methods=["POST"]),
            ]
        )

    async def _openai(self, request: Request) -> Response:
        body, reply = await self._next(request)
        if failure := await self._failure(reply, {"error": {"message": "no", "type": "x", "code": None}}):
            return failure
        if body.get("stream"):
            return StreamingResponse(
                self._told(reply, _openai_chunks(body, reply)), media_type="text/event-stream"
            )
        return JSONResponse(_openai_whole(body, reply))

    async def _anthropic(self, request: Request) -> Response:
        body, reply = await self._next(request)
        kind = {429: "rate_limit_error", 529: "overloaded_error"}.get(reply.status, "api_error")
        kind = kind if reply.status in {429, 500, 502, 503, 529} else "invalid_request_error"
        told = {"type": "error", "error": {"type": kind, "message": "no"}}
        if failure := await self._failure(reply, told):
            return failure
        return StreamingResponse(
            self._told(reply, _anthropic_chunks(body, reply)), media_type="text/event-stream"
        )

    async def _next(self, request: Request) -> tuple[Body, Reply]:
        body = await request.json()
        self.seen.append(body)
        return body, self.replies.popleft() if self.replies else self.answer(body)

    async def _failure(self, reply: Reply, told: Body) -> Response | None:
        if reply.is_silent:
            await asyncio.sleep(3_600)
        if reply.status == 200:
            return None
        return JSONResponse(told, reply.status, headers=dict(reply.headers))

    async def _told(self, reply: Reply, chunks: Iterator[tuple[str, bool]]) -> AsyncIterator[str]:
        """The chunks of a stream; those that hold a piece are counted."""
        told = 0
        for chunk, is_piece in chunks:
            if is_piece and told == reply.cut_after:
                raise ConnectionResetError
            if is_piece and told == reply.hold_after:
                await self._hold()
            if is_piece:
                told += 1
                await asyncio.sleep(reply.seconds_per_piece)
            yield chunk

    async def _hold(self) -> None:
        self._released.clear()
        self.holding.set()
        await asyncio.to_thread(self._released.wait, 60)


def pieces(text: str) -> list[str]:
    """A text as tokens: words with what stands before them."""
    return re.findall(r"\s*\S+|\s+$", text)


def said_last(body: Body) -> str:
    """What the person said last."""
    texts = [_text(one["content"]) for one in body["messages"] if one["role"] == "user"]
    return texts[-1] if texts else ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _line(event: Any, name: str | None = None) -> str:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(event)}\n\n"


def _openai_usage(reply: Reply) -> Body | None:
    if reply.usage is None:
        return None
    given, made = reply.usage
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _openai_finish(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _openai_whole(body: Body, reply: Reply) -> Body:
    message: Body = {"role": "assistant", "content": reply.text or None, "refusal": reply.refusal}
    if reply.calls:
        message["tool_calls"] = [
            {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(reply.calls)
        ]
    choice = {"index": 0, "finish_reason": _openai_finish(reply), "message": message}
    head = {"id": "c1", "object": "chat.completion", "created": 1, "model": body["model"]}
    return {**head, "choices": [choice], "usage": _openai_usage(reply)}


def _openai_chunks(body: Body, reply: Reply) -> Iterator[tuple[str, bool]]:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
    if reply.is_bare:
        head = {}

    def chunk(delta: Body, finish: str | None = None) -> str:
        return _line({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""}), False
    for piece in pieces(reply.text):
        yield chunk({"content": piece}), True
    if reply.refusal:
        yield chunk({"refusal": reply.refusal}), True
    for at, (name, arguments) in enumerate(reply.calls):
        call = {"index": at, "id": f"call_{len(body['messages'])}_{at}", "type": "function"}
        yield chunk({"tool_calls": [{**call, "function": {"name": name, "arguments": ""}}]}), True
        for start in range(0, len(arguments), 8):
            part = {"index": at, "function": {"arguments": arguments[start : start + 8]}}
            yield chunk({"tool_calls": [part]}), True
    yield chunk({}, _openai_finish(reply)), True
    if usage := _openai_usage(reply):
        yield _line({**head, "choices": [], "usage": usage}), False
    yield "data: [DONE]\n\n", False


def _anthropic_chunks(body: Body, reply: Reply) -> Iterator[tuple[str, bool]]:
    given, made = reply.usage or (0, 0)

    def event(kind: str, **fields: Any) -> str:
        return _line({"type": kind, **fields}, kind)

    message = {"id": "m1", "type": "message", "role": "assistant", "model": body["model"], "content": []}
    usage = {"input_tokens": given, "output_tokens": 1}
    yield event("message_start", message={**message, "stop_reason": None, "usage": usage}), False
    at = 0
    if reply.text:
        yield event("content_block_start", index=at, content_block={"type": "text", "text": ""}), False
        for piece in pieces(reply.text):
            yield event("content_block_delta", index=at, delta={"type": "text_delta", "text": piece}), True
        yield event("content_block_stop", index=at), False
        at += 1
    for name, arguments in reply.calls:
        call = {"type": "tool_use", "id": f"toolu_{len(body['messages'])}_{at}", "name": name, "input": {}}
        yield event("content_block_start", index=at, content_block=call), True
        for start in range(0, len(arguments), 8):
            part = {"type": "input_json_delta", "partial_json": arguments[start : start + 8]}
            yield event("content_block_delta", index=at, delta=part), True
        yield event("content_block_stop", index=at), False
        at += 1
    reason = "refusal" if reply.refusal else "tool_use" if reply.calls else "end_turn"
    delta = {"stop_reason": reason, "stop_sequence": None}
    yield event("message_delta", delta=delta, usage={"output_tokens": made}), True
    yield event("message_stop"), False


class _Quiet(uvicorn.Server):
    """Takes no signals: it is not the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def model_server(answer: Callable[[Body], Reply] | None = None) -> Iterator[ModelServer]:
    """A server on a port of its own, in a thread of its own."""
    told = ModelServer(answer)
    config = uvicorn.Config(told.application(), port=0, log_level="critical", lifespan="off")
    server = _Quiet(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    told.address = f"http://127.0.0.1:{port}"
    try:
        yield told
    finally:
        told.release()
        server.should_exit = server.force_exit = True
        thread.join(10)


if __name__ == "__main__":  # as a process of its own, for benches: PORT PIECES SECONDS_PER_PIECE
    port, count, pace = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    talk = Reply(" ".join(f"word{n}" for n in range(count)), seconds_per_piece=pace)
    uvicorn.run(ModelServer(lambda _: talk).application(), port=port, log_level="critical")
