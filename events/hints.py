"""Hints as messages: JSON objects of topics and their newest seqs, small enough for one NOTIFY."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

Hints: TypeAlias = dict[str, int]
"Topics and the newest seq of each. A topic is the hex of a stream's id, or a fixed word with seq 0."

GAP = "gap"
"In the place of hints: some may have been lost, so everybody must look."

LARGEST_MESSAGE = 7_900
"Bytes; a payload of Postgres has fewer than 8,000, and a backend puts its channel before it."

_HINTS = TypeAdapter(Hints)
_MOST = 160
"Hints that fit one message where the topics are ids."


def pack(hints: Mapping[str, int]) -> Iterator[tuple[str, Hints]]:
    """Messages of at most LARGEST_MESSAGE bytes, each with the hints that it carries.

    A topic that fits no message is left out.
    """
    rest = iter(hints.items())
    while part := dict(islice(rest, _MOST)):
        yield from _fit(part)


def _fit(part: Hints) -> Iterator[tuple[str, Hints]]:
    message = json.dumps(part)
    if len(message) <= LARGEST_MESSAGE:
        yield message, part
    elif len(part) > 1:
        items, half = list(part.items()), len(part) // 2
        yield from _fit(dict(items[:half]))
        yield from _fit(dict(items[half:]))


def unpack(message: str) -> Hints:
    """The hints of a message; none where it is not one, since a lost hint harms nobody."""
    try:
        return _HINTS.validate_json(message)
    except ValidationError:
        return {}
