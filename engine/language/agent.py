"""Understands messages: what they ask for, with what arguments, and how sure that is. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.language.chunking import chunked
from engine.language.messages import validated
from engine.language.planning import operations
from engine.language.understanding import Understanding
from engine.language.words import read


def understand(text: str, now: datetime, time_zone: str | ZoneInfo) -> Understanding:
    """What `text` asks for, seen from `now` (aware) by a speaker in `time_zone` (an IANA name).

    Of several operations in one message it is the first; `plan` gives them all. Raises EmptyMessage and
    MessageTooLong, and what ZoneInfo raises for a zone that isn't one.
    """
    return plan(text, now, time_zone)[0]


def plan(text: str, now: datetime, time_zone: str | ZoneInfo) -> list[Understanding]:
    """The operations of `text` in order; at least one, perhaps UNKNOWN. Raises what `understand` does."""
    zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
    local = now.astimezone(zone)
    return operations(chunked(read(validated(text)), local), local, zone)
