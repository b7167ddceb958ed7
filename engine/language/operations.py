"""Understands one operation: the first frame its words fit, or, failing that, one its last clause fits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.language.building import arguments
from engine.language.courtesy import core
from engine.language.frames import framed
from engine.language.intents import Intent
from engine.language.patterns import class_source
from engine.language.reading import Reading
from engine.language.understanding import NOTHING_FITS, Understanding

ANCHOR = re.compile(rf"(?<!\S)(?:LIST |NUMBER |QUOTE |{class_source('anchor')})")
CLAUSE = re.compile(r"(?<!\S)(?:[,.;:!-] |so |please |because |and )+")
SECOND_CLAUSE = 0.85
"How much less sure a request is when something else stands before it."


def understood(reading: Reading, now: datetime, zone: ZoneInfo) -> Understanding:
    """What one operation's words ask for. `now` is in `zone`."""
    request = core(reading)
    whole = _fitting(request, now, zone)
    if whole.intent is not Intent.UNKNOWN or whole.refused or not anchored(request):
        return whole
    later = (_fitting(core(clause), now, zone) for clause in _later_clauses(request))
    found = next((one for one in later if one.arguments is not None), whole)
    return found if found is whole else replace(found, confidence=found.confidence * SECOND_CLAUSE)


def anchored(reading: Reading) -> bool:
    """Whether the words speak of tasks at all: a list, a task, a reminder, something quoted."""
    return ANCHOR.search(reading.line) is not None


def _fitting(request: Reading, now: datetime, zone: ZoneInfo) -> Understanding:
    fit = next(framed(request), None)
    if fit is None:
        return Understanding(Intent.UNKNOWN, None, 0.95, NOTHING_FITS, zone)
    frame = fit.frame
    return Understanding(frame.intent, arguments(fit, now, zone), frame.confidence, frame.rule, zone)


def _later_clauses(request: Reading) -> Iterator[Reading]:
    for boundary in CLAUSE.finditer(request.line):
        if boundary.end() < len(request.line):
            yield request.span(boundary.end(), len(request.line))
