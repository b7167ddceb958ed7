"""Understands a message: what it asks for, with what arguments, and how sure that is. Pure and deterministic."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from engine.language.building import arguments
from engine.language.chunking import chunked
from engine.language.courtesy import core
from engine.language.frames import framed
from engine.language.intents import Intent
from engine.language.messages import validated
from engine.language.reading import Reading
from engine.language.understanding import Understanding
from engine.language.words import read


def understand(text: str, now: datetime, time_zone: str | ZoneInfo) -> Understanding:
    """What `text` asks for, seen from `now` (aware) by a speaker in `time_zone` (an IANA name).

    Of several operations in one message it is the first; `plan` gives them all. Raises EmptyMessage and
    MessageTooLong, and ZoneInfoNotFoundError or ValueError for a zone that isn't one.
    """
    zone = ZoneInfo(time_zone) if isinstance(time_zone, str) else time_zone
    local = now.astimezone(zone)
    return understood(chunked(read(validated(text)), local), local, zone)


def understood(reading: Reading, now: datetime, zone: ZoneInfo) -> Understanding:
    """What one operation's words ask for."""
    request = core(reading)
    fit = next(framed(request), None)
    if fit is None:
        return Understanding(Intent.UNKNOWN, None, 0.95, "nothing fits", zone)
    return Understanding(fit.frame.intent, arguments(fit, now, zone), fit.frame.confidence, fit.frame.rule, zone)
