"""A conversation at a terminal: a line in, the answer as it is written, and the next line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from uuid import uuid4

from client.api import Api
from client.documents import CREATE_CONVERSATION, FOLLOW_CONVERSATION, SEND_MESSAGE
from client.socket import Message

_OVER = {"COMPLETED", "FAILED", "CANCELLED"}


async def chat(api: Api, lines: AsyncIterator[str], show: Callable[[str], None]) -> None:
    """Talk until there are no more lines. `show` gets each piece of an answer once, then a newline."""
    made = await api.ask(CREATE_CONVERSATION, input={"idempotencyKey": str(uuid4())})
    async for line in lines:
        if line.strip():
            await _exchange(api, made["conversation"]["id"], line, show)


async def _exchange(api: Api, conversation: str, content: str, show: Callable[[str], None]) -> None:
    said = {"conversationId": conversation, "content": content, "idempotencyKey": str(uuid4())}
    sent = await api.ask(SEND_MESSAGE, input=said)
    reply = Reply(sent["execution"]["id"], show)
    frames = api.follow(FOLLOW_CONVERSATION, id=conversation, after=sent["cursor"])
    async with aclosing(frames):
        async for frame in frames:
            for event in frame.get("events") or ():
                reply.take(event)
            if reply.is_over:
                return


class Reply:
    """The answer of one run, shown as it comes."""

    def __init__(self, execution_id: str, show: Callable[[str], None]) -> None:
        self._execution_id, self._show = execution_id, show
        self._shown = ""
        self.is_over = False

    def take(self, event: Message) -> None:
        """Show what an event adds to it."""
        match event["__typename"]:
            case "MessageDelta" if event["executionId"] == self._execution_id:
                self._write(self._shown[: event["offset"]] + event["text"])
            case "MessageCompleted" if self._is_ours(event["message"]):
                self._write(event["message"]["content"])
            case "ExecutionStatusChanged" if event["executionId"] == self._execution_id:
                self._end(event)
            case _:
                pass

    def _is_ours(self, message: Message) -> bool:
        run = message["execution"]
        return message["role"] == "ASSISTANT" and run is not None and run["id"] == self._execution_id

    def _write(self, text: str) -> None:
        """What was shown stays; an attempt that begins anew with other words begins on a new line."""
        if text.startswith(self._shown):
            self._show(text[len(self._shown) :])
        elif not self._shown.startswith(text):
            self._show(f"\n{text}")
        else:
            return
        self._shown = text

    def _end(self, event: Message) -> None:
        if event["status"] == "AWAITING_INPUT":
            self._show("(It waits for an answer: in the console, or by answerInterrupts.)\n")
        if event["status"] in _OVER:
            why = "" if event["status"] == "COMPLETED" else f"({event['endReason']})"
            self._show(f"{why}\n")
            self.is_over = True


async def lines_of_stdin(prompt: str) -> AsyncIterator[str]:
    """Lines as they are typed, each asked for with a prompt where somebody sits there."""
    while True:
        if sys.stdin.isatty():
            print(prompt, end="", flush=True)  # noqa: T201 - the prompt of a terminal
        line = await asyncio.to_thread(sys.stdin.readline)
        if not line:
            return
        yield line.rstrip("\n")
