"""What a run asks a person, put to whoever sits at the terminal, and answered through the API."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any
from uuid import uuid4

import orjson

from client.api import Api, Problem
from client.documents import ANSWER, ASKED
from client.keyboard import Keyboard
from client.socket import Message

_YES, _NO = {"a", "approve", "y", "yes"}, {"d", "deny", "n", "no"}
_CHOICES = {
    "TOOL_APPROVAL": "[a]pprove, [d]eny and why, or other arguments as JSON",
    "BUDGET": "[a]pprove, [d]eny and why, or another budget as JSON",
    "EFFECT_VERIFICATION": "[a]pprove, [d]eny and why, or what it answered",
    "QUESTION": "your answer; nothing at all if you do not want to",
}
NOBODY_THERE = "It waits until that is answered: at the console, or by answerInterrupts.\n"


class Answering:
    """Asks while a run waits for a person, and leaves off when it does not any more: somebody else answered.

    `aside` is held while a question stands there.
    """

    def __init__(
        self,
        api: Api,
        keyboard: Keyboard,
        aside: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._api, self._keyboard, self._aside = api, keyboard, aside
        self._asking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Answering:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave_off()

    async def look(self, execution_id: str, status: str) -> None:
        """The run stands like this now. Raises what a question failed with."""
        if status != "AWAITING_INPUT":
            await self._leave_off()
        elif self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(execution_id), name=f"ask for {execution_id}")

    async def _leave_off(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.wait({asking})
            if not asking.cancelled():
                asking.result()

    async def _ask_all(self, execution_id: str) -> None:
        run = await self._api.ask(ASKED, id=execution_id)
        with self._aside():
            for interrupt in run["interrupts"] if run else ():
                await self._ask(interrupt)

    async def _ask(self, interrupt: Message) -> None:
        _say(f"\n{told(interrupt)}\n")
        while True:
            line = await self._keyboard.line(f"{_CHOICES[interrupt['reason']]}: ")
            if line is None:
                return _say(NOBODY_THERE)
            if (answer := answer_of(interrupt, line)) is None:
                continue
            try:
                return await self._send(interrupt, answer)
            except Problem as problem:
                _say(f"{problem}\n")
                if problem.reason != "INVALID_INPUT":
                    return None

    async def _send(self, interrupt: Message, answer: Message) -> None:
        given = {"interruptId": interrupt["id"], **answer}
        done = await self._api.ask(ANSWER, input={"answers": [given], "idempotencyKey": str(uuid4())})
        if "code" in (result := done["results"][0]):
            raise Problem(result)


def told(interrupt: Message) -> str:
    """What is asked, and the arguments that it is about."""
    arguments = interrupt["arguments"]
    about = f"\n{orjson.dumps(arguments, option=orjson.OPT_INDENT_2).decode()}" if arguments else ""
    return f"{interrupt['prompt']}{about}"


def answer_of(interrupt: Message, line: str) -> Message | None:
    """What a line means as an answer, as the API takes it; None: nothing that can be told."""
    line = line.strip()
    if interrupt["reason"] == "QUESTION":
        return {"decision": "RESPOND", "value": _value(interrupt, line)} if line else {"decision": "DENY"}
    word, _, rest = line.partition(" ")
    if line.lower() in _YES:
        return {"decision": "APPROVE"}
    if word.lower() in _NO:
        return {"decision": "DENY", "comment": rest.strip() or None}
    if interrupt["reason"] == "EFFECT_VERIFICATION":
        return {"decision": "RESPOND", "value": _json_or_text(line)} if line else None
    return (
        {"decision": "EDIT", "arguments": given} if isinstance(given := _json_or_text(line), dict) else None
    )


def _value(interrupt: Message, line: str) -> Any:
    """Text where text will do: `7` is an answer in words as well."""
    wanted: Message = interrupt["responseSchema"] or {}
    return line if wanted.get("type", "string") == "string" else _json_or_text(line)


def _json_or_text(line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return line


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
