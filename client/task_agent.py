"""The task agent of a server: asked to do something, and asked only what it understands."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from typing import Any, cast
from uuid import uuid4

import orjson

from client.api import Api
from client.documents import ASK, UNDERSTAND
from client.socket import Message
from errors import BatonError


class MalformedLine(BatonError):
    """A line that is no JSON object with a `text`."""

    code = "MALFORMED_LINE"


async def ask(api: Api, message: str, time_zone: str, confirm: str | None, *, dry_run: bool) -> Message:
    """Its answer: `response`, `outcome`, `confirmToken`. Asked again after a cut, it is done once."""
    key = None if dry_run else str(uuid4())
    given = {"message": message, "timeZone": time_zone, "dryRun": dry_run}
    return await api.ask(ASK, input={**given, "confirmToken": confirm, "idempotencyKey": key})


async def understand(api: Api, lines: Iterable[bytes], time_zone: str) -> AsyncGenerator[Message]:
    """For each line `{"text"}` what the server understands of it, its arguments in the API's words.

    Nothing is done. Raises MalformedLine, and what Api.ask raises.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            text = _text(number, line)
            asked = {"message": text, "timeZone": time_zone, "dryRun": True}
            known = (await api.ask(UNDERSTAND, input=asked))["metadata"]
            args = known["toolArguments"]
            yield {"text": text, "intent": known["intent"], "tool": known["toolCalled"], "args": args}


def _text(number: int, line: bytes) -> str:
    try:
        row: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = None
    text = cast("Message", row).get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise MalformedLine(f'line {number}: not a JSON object with a string "text"')
    return text
