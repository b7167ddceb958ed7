"""Labels lines of JSON, so that any labelled set can be scored offline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from engine.language.agent import understand
from engine.language.messages import MessageError


class MalformedLine(ValueError):
    """A line that isn't a JSON object with a `text`; its message names the line's number."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number


def predictions(lines: Iterable[bytes], now: datetime, time_zone: str | ZoneInfo) -> Iterator[str]:
    """For each line `{"text"}` (UTF-8) a line `{"text","intent","tool","args"}`. Empty ones are passed over.

    Raises MalformedLine, which also stands for messages that are empty or too long.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            text = _text(number, line)
            yield json.dumps({"text": text, **_labels(number, text, now, time_zone)}, ensure_ascii=False)


def _labels(number: int, text: str, now: datetime, time_zone: str | ZoneInfo) -> dict[str, object]:
    try:
        return understand(text, now, time_zone).labels()
    except MessageError as error:
        raise MalformedLine(number, str(error)) from error


def _text(number: int, line: bytes) -> str:
    try:
        row = cast("object", json.loads(line.decode("utf-8-sig")))
        text = cast("dict[str, object]", row).get("text") if isinstance(row, dict) else None
        if isinstance(text, str):
            text.encode()  # fails for one half of a pair of surrogates
            return text
    except UnicodeError as error:
        raise MalformedLine(number, "not Unicode") from error
    except (ValueError, RecursionError) as error:
        raise MalformedLine(number, f"not JSON ({error})") from error
    raise MalformedLine(number, 'not an object with a string "text"')
