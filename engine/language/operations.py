"""Understands one operation: the first frame its words fit, or, failing that, one its last clause fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.language.building import arguments
from engine.language.chunking import ListName
from engine.language.courtesy import core, unended
from engine.language.frames import LOOSE, REFUSALS, REQUESTS, Frame, Framed, first_fit
from engine.language.intents import Intent
from engine.language.patterns import anywhere, whole
from engine.language.reading import Reading
from engine.language.understanding import Understanding

ANCHOR = anywhere("LIST|NUMBER|QUOTE|{anchor}")
CLAUSE = anywhere("{clause_break}+")
ELSEWHERE = whole("{which} {foreign}")
"Something that is no task, unless the sentence speaks of tasks."
REMIND = anywhere("{reminding} me")
NOTHING_FITS = 0.97
"How sure it is that a message no frame fits is about something else."
NOTHING_FITS_TASKS = 0.6
"The same where tasks are spoken of."
SECOND_CLAUSE = 0.85
"How much less sure a request is when something else stands before it."
MOST_CLAUSES = 4
"Clauses that a request is looked for behind."
RESPELLED = 0.97
"The same, for each word that had to be respelled to be understood."


def understood(reading: Reading, now: datetime, zone: ZoneInfo) -> Understanding:
    """What one operation's words ask for. `now` is in `zone`."""
    if reason := refusal(reading):
        return Understanding(Intent.UNKNOWN, None, reason.confidence, reason.rule, zone)
    request = core(reading)
    fit = first_fit(request, REQUESTS)
    if fit is None and anchored(request) and (later := _later_clause(request, now, zone)):
        return later
    fit = fit or first_fit(request, LOOSE)
    if fit is None:
        sure = NOTHING_FITS_TASKS if anchored(request) else NOTHING_FITS
        return Understanding(Intent.UNKNOWN, None, sure, "nothing fits", zone)
    return _made(fit, now, zone)


def refusal(reading: Reading) -> Frame | None:
    """Why nothing must be done, however the rest reads: as it is said, or without the courtesy around it."""
    fits = (first_fit(one, REFUSALS) for one in (unended(reading), core(reading)))
    return next((fit.frame for fit in fits if fit), None)


def anchored(reading: Reading) -> bool:
    """Whether the words speak of tasks at all: a list, a task, a reminder, something quoted."""
    return ANCHOR.search(reading.line) is not None


def _made(fit: Framed, now: datetime, zone: ZoneInfo) -> Understanding:
    frame = fit.frame
    if _of_another_list(fit):
        return Understanding(Intent.UNKNOWN, None, NOTHING_FITS, "another list", zone)
    sure = frame.confidence * RESPELLED**fit.reading.corrections
    return Understanding(frame.intent, arguments(fit, now, zone), sure, frame.rule, zone)


def _of_another_list(fit: Framed) -> bool:
    """Whether no task is meant: a part of another list, all of what may be one, or something like a file."""
    if fit.frame.says("all"):
        return any(isinstance(name, ListName) and name.guessed for name in fit.reading.values("LIST"))
    ref = fit.slot("ref")
    if ref is None or ref.values("OTHER"):
        return ref is not None
    return ELSEWHERE.match(ref.line) is not None and not anchored(fit.reading)


def _later_clause(request: Reading, now: datetime, zone: ZoneInfo) -> Understanding | None:
    """What a request behind another clause asks for ("we're out of paint, so take …")."""
    ends = [found.end() for found in CLAUSE.finditer(request.line)]
    starts = sorted({*ends, *(found.start() for found in REMIND.finditer(request.line))})
    for start in starts[:MOST_CLAUSES]:
        clause = core(request.span(start, len(request.line)))
        fit = first_fit(clause, REQUESTS) if clause.words else None
        found = fit and _made(fit, now, zone)
        if found and found.arguments is not None:
            return replace(found, confidence=found.confidence * SECOND_CLAUSE)
    return None
