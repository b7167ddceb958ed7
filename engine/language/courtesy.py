"""Takes off what people put around a request: greetings, "could you please", thanks."""

from __future__ import annotations

import re

from engine.language.data import strings
from engine.language.patterns import Pattern, at_end, source
from engine.language.reading import Reading


def _any(key: str) -> str:
    return "|".join(source(entry) for entry in strings("courtesy", key))


BEFORE = Pattern(f"(?:{_any('before')}|(?:{_any('before_request')})(?={_any('request')}))+", "courtesy")
AFTER = tuple(at_end(entry) for entry in strings("courtesy", "after"))
HANGING = at_end("{hanging}")
LONGEST = 80
"Characters that one piece of courtesy takes at most: looked for behind all the rest it would cost too much."


def core(reading: Reading) -> Reading:
    """The request itself. A message that is courtesy through and through stays as it is."""
    found = BEFORE.match(reading.line)
    start = found.end() if found else 0
    end = _end(reading.line)
    return reading.span(start, end) if start < end else reading


def unended(reading: Reading) -> Reading:
    """The words without the marks and thanks behind them."""
    return reading.span(0, _end(reading.line) or len(reading.line))


def _end(line: str) -> int:
    end = len(line)
    while (shorter := _shorter(line, end)) is not None:
        end = shorter
    return end


def _shorter(line: str, end: int) -> int | None:
    ends = (found.start() for pattern in AFTER if (found := _at_end(pattern, line, end)))
    shorter = next(ends, None)
    return None if shorter is None or _at_end(HANGING, line, shorter) else shorter


def _at_end(pattern: Pattern, line: str, end: int) -> re.Match[str] | None:
    return pattern.search(line, max(0, end - LONGEST), end)
