"""Cuts a title (and a description) out of the words that hold it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.language.data import strings
from engine.language.extras import Extras
from engine.language.patterns import at_end, at_start, whole
from engine.language.reading import Reading

BEFORE = at_start(*strings("edges", "before_title"))
AFTER = tuple(at_end(entry) for entry in strings("edges", "after_title"))
DESCRIBING = tuple(at_end(f"{entry} <note>") for entry in strings("edges", "describing"))
NOTHING = whole("{nothing_named}")
BESIDE = ("WHEN", "HIGH", "MEDIUM", "LOW")
PLAIN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*(?=[,.:;!?]*(?:\s|$))")
"A word of letters alone, at the start."


@dataclass(frozen=True, slots=True)
class Titled:
    """A title that names something, or None, and what was said around it."""

    title: str | None
    description: str | None
    extras: Extras


def titled(reading: Reading, extras: Extras) -> Titled:
    """What the words of a title slot say, added to what was said outside of it."""
    if NOTHING.match(reading.line):
        return Titled(None, None, extras)
    body, note, rest = _described(reading)
    if not body.words:
        return Titled(reading.text, None, extras)
    extras = extras.and_of(rest)
    if body.words[0].form == "QUOTE":
        return Titled(str(body.words[0].value), note, extras.and_of(body[1:]))
    inner, around = _trimmed(body)
    extras = extras.and_of(around)
    if not extras.times:
        extras = extras.and_of(_passing(inner))
    title = written(inner)
    is_quoted = bool(inner.words) and inner.words[0].form == "QUOTE"
    return Titled(title if is_quoted or title is None else _begun_large(title), note, extras)


def _begun_large(title: str) -> str:
    """A title begins as a sentence does, unless its first word is written in its own way (eBay, a.py)."""
    first = PLAIN.match(title)
    return title[0].title() + title[1:] if first and first[0].islower() else title


def beside(reading: Reading, extras: Extras) -> tuple[str | None, Extras]:
    """The description, and the times and priorities, that stand behind a title."""
    body, note, rest = _described(reading)
    return note, extras.and_of(body).and_of(rest)


def written(reading: Reading) -> str | None:
    """The words as they were written, without quotes around them; None where they name nothing."""
    if not reading.words or NOTHING.match(reading.line):
        return None
    if len(reading) == 1 and reading.words[0].form == "QUOTE":
        return str(reading.words[0].value) or None
    return reading.text


def note_of(reading: Reading) -> str | None:
    """A description: the quote it begins with, or all of its words."""
    if reading.words and reading.words[0].form == "QUOTE":
        return str(reading.words[0].value) or None
    return reading.text.strip(" .!?,;:()") or None


def _described(reading: Reading) -> tuple[Reading, str | None, Reading]:
    """What stands before a description, the description, and what stands behind it where it is quoted."""
    found = next(filter(None, (pattern.search(reading.line) for pattern in DESCRIBING)), None)
    nothing = reading.only(())
    if not found:
        return reading, None, nothing
    held = reading.span(*found.span("note"))
    quoted = held.words[0].form == "QUOTE"
    return reading.span(0, found.start()), note_of(held), held[1:] if quoted else nothing


def _trimmed(reading: Reading) -> tuple[Reading, Reading]:
    """The words without what stands at their edges, and the times and priorities among that."""
    beside = reading.only(())
    inner = reading
    while inner.words:
        shorter = _shortened(inner)
        if len(shorter) == len(inner):
            break
        start, end = shorter.words[0].start, shorter.words[-1].end
        cut = tuple(word for word in inner.words if not start <= word.start < end)
        beside = replace(beside, words=(*beside.words, *cut))
        inner = shorter
    return inner, beside


def _shortened(reading: Reading) -> Reading:
    first, last = reading.words[0], reading.words[-1]
    if last.form in BESIDE and _may_go(last.value) and len(reading) > 1:
        return reading[:-1]
    if first.form in BESIDE and _may_go(first.value) and len(reading) > 1:
        return reading[1:]
    if found := BEFORE.match(reading.line):
        return reading.span(found.end(), len(reading.line)) if found.end() < len(reading.line) else reading
    ends = (found.start() for pattern in AFTER if (found := pattern.search(reading.line)))
    end = next(filter(None, ends), None)
    return reading.span(0, end) if end else reading


def _may_go(value: object) -> bool:
    return not getattr(value, "recurring", False)


def _passing(reading: Reading) -> Reading:
    """The times in the middle of a title that say when to do it: those behind "at", "on", "by", "before"."""
    return reading.only(
        word
        for word in reading.words
        if word.form == "WHEN" and getattr(word.value, "relation", "") in ("at", "on", "by", "before")
    )
