"""A conversation at a terminal: a line in, the answer as it is written, and the next line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from uuid import uuid4

from client.answering import Answering
from client.api import Api
from client.documents import CREATE_CONVERSATION, FOLLOW_CONVERSATION, SEND_MESSAGE
from client.keyboard import Keyboard
from client.socket import Message

_OVER = {"COMPLETED", "FAILED", "CANCELLED"}


async def chat(api: Api, keyboard: Keyboard, agent_id: str | None, show: Callable[[str], None]) -> None:
    """Talk until there are no more lines. `show` gets each piece of an answer once, then a newline.

    What a run asks before it answers is asked in between.
    """
    begin = {"agentId": agent_id, "idempotencyKey": str(uuid4())}
    made = await api.ask(CREATE_CONVERSATION, input=begin)
    async with Answering(api, keyboard) as answering:
        while (line := await keyboard.line("> ")) is not None:
            if line.strip():
                await _exchange(api, made["conversation"]["id"], line, show, answering)


async def _exchange(
    api: Api, conversation: str, content: str, show: Callable[[str], None], answering: Answering
) -> None:
    said = {"conversationId": conversation, "content": content, "idempotencyKey": str(uuid4())}
    sent = await api.ask(SEND_MESSAGE, input=said)
    reply = Reply(sent["execution"]["id"], show)
    frames = api.follow(FOLLOW_CONVERSATION, id=conversation, after=sent["cursor"])
    async with aclosing(frames):
        async for frame in frames:
            for event in frame.get("events") or ():
                reply.take(event)
            await answering.look(reply.execution_id, reply.status)
            if reply.is_over:
                return


class Reply:
    """The answer of one run, shown as it comes."""

    def __init__(self, execution_id: str, show: Callable[[str], None]) -> None:
        self.execution_id, self._show = execution_id, show
        self._shown = ""
        self.status = "QUEUED"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in _OVER

    def take(self, event: Message) -> None:
        """Show what an event adds to it."""
        match event["__typename"]:
            case "MessageDelta" if event["executionId"] == self.execution_id:
                self._write(self._shown[: event["offset"]] + event["text"])
            case "MessageCompleted" if self._is_ours(event["message"]):
                self._write(event["message"]["content"])
            case "ExecutionStatusChanged" if event["executionId"] == self.execution_id:
                self.status = event["status"]
                self._end(event)
            case _:
                pass

    def _is_ours(self, message: Message) -> bool:
        run = message["execution"]
        return message["role"] == "ASSISTANT" and run is not None and run["id"] == self.execution_id

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
        if self.is_over:
            why = "" if event["status"] == "COMPLETED" else f"({event['endReason']})"
            self._show(f"{why}\n")
