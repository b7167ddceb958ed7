"""The little language frames are written in, and its translation to regular expressions.

    remind me [WHEN] to <title>      a word, an optional part, a chunk, a slot (one word or more)
    (at|on) {board} [my|the]         alternatives; a class of words (words_*.toml)
    <n:number>                       a slot that takes only what the class `number` takes
    {changing}+  !{things}           one or more of a class; none of a class here
    ...                              any words, or none

Patterns run over `Reading.line`, where every word is followed by one space. There, brackets of every
kind are ‹ and ›, and every arrow is →, because the plain characters have a meaning of their own here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property

from engine.language.data import string_lists
from engine.language.numerals import CARDINALS, ORDINALS, SMALL

WORDS = ("time", "tasks", "orders", "making", "asking", "refusing", "joining")
CLASSES = {
    name: entries for words in WORDS for name, entries in string_lists(f"words_{words}", "classes").items()
}

PIECE = re.compile(
    r"(?P<sign>!?)\{(?P<cls>\w+)\}(?P<many>\+?)|<(?P<slot>\w+)(?::(?P<only>\w+))?>|(?P<any>\.\.\.)|(?P<op>[\[\]()|])|(?P<word>[^\s\[\]()|{}<>]+)"
)
OPERATORS = {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}


def _spelled(words: Iterable[str]) -> str:
    longest_first = sorted(words, key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word) for word in longest_first) + ") "


DIGITS = r"\d{1,9} "
NTH = r"\d{1,2}(?:st|nd|rd|th) "
SHAPES = {
    "digits": DIGITS,
    "number": f"(?:{DIGITS}|{_spelled(CARDINALS)})",
    "amount": f"(?:{DIGITS}|{_spelled(CARDINALS | SMALL)})",
    "nth": f"(?:{NTH}|{_spelled(ORDINALS)})",
    "day_number": f"(?:\\d{{1,2}} |{NTH}|{_spelled(ORDINALS)})",
    "day_nth": NTH,
    "year": r"20\d\d ",
    "clock": r"\d{1,2}(?:[:.]\d\d)?(?:am|pm|a|p) ",
    "hhmm": r"\d{1,2}[:.]\d\d ",
    "iso": r"\d{4}-\d{1,2}-\d{1,2} ",
    "slashed": r"\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})? ",
    "numbers": r"#?\d{1,9} (?:(?:, and |, |and |& )#?\d{1,9} )+",
    "hash": r"#\d{1,9} ",
    "few": r"(?:\S+ ){0,8}?",
    "emoji": r"[^\w\s\x00-\x7f‹›→¦–—…“”‘’«»¿¡€£¥°] ",
    "open_word": r"(?![A-Z])[^\W\d][^\sA-Z]* ",
}
"Classes that a list of words can't hold."

NEW_TASK = "an? (?:new )?(?:task|reminder|todo|to-do|to|item|note|memo) "
PERSON = "(?:me|us|myself|you|he|she|they|its) "
SLOTS = {"ref": rf"(?!{NEW_TASK}|{PERSON})\S.*? "}
"Slots that don't take just anything: who speaks of *a* new task, or of people, doesn't point at a task."


def source(pattern: str) -> str:
    """The regular expression that `pattern` stands for. Raises ValueError where it isn't well formed."""
    if PIECE.sub("", pattern).strip():
        raise ValueError(f"not a pattern: {pattern}")
    return "(?:" + "".join(_piece(piece) for piece in PIECE.finditer(pattern)) + ")"


def _piece(piece: re.Match[str]) -> str:
    if word := piece["word"]:
        return re.escape(word) + " "
    if op := piece["op"]:
        return OPERATORS[op]
    if piece["any"]:
        return r"(?:\S.*? )??"
    if cls := piece["cls"]:
        return f"(?!{class_source(cls)})" if piece["sign"] else class_source(cls) + piece["many"]
    inside = class_source(piece["only"]) if piece["only"] else SLOTS.get(piece["slot"], r"\S.*? ")
    return f"(?P<{piece['slot']}>{inside})"


@cache
def class_source(name: str) -> str:
    """The regular expression of one word (or phrase) of a class."""
    if name in SHAPES:
        return SHAPES[name]
    longest_first = sorted(CLASSES[name], key=len, reverse=True)
    return "(?:" + "|".join(source(entry) for entry in longest_first) + ")"


class Pattern:
    """An expression over lines, compiled when it is first looked for.

    All 650 of the grammar take a second, and most commands need none. `said` is how the grammar has it,
    for the ValueError of one that is not well formed.
    """

    def __init__(self, expression: str, said: str) -> None:
        self.expression, self._said = expression, said
        _MADE.append(self)

    @cached_property
    def match(self) -> Callable[..., re.Match[str] | None]:
        """As of `re.Pattern`, and so are `search` and `finditer`."""
        return self._compiled.match

    @cached_property
    def search(self) -> Callable[..., re.Match[str] | None]:
        return self._compiled.search

    @cached_property
    def finditer(self) -> Callable[..., Iterator[re.Match[str]]]:
        return self._compiled.finditer

    @cached_property
    def sub(self) -> Callable[..., str]:
        return self._compiled.sub

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        try:
            return re.compile(self.expression)
        except re.error as error:
            raise ValueError(f"not a pattern: {self._said}") from error

    def compile(self) -> None:
        """Now, so that nobody waits for it later."""
        _ = self._compiled


_MADE: list[Pattern] = []


def compile_all() -> None:
    """Compile the whole grammar, as processes do that will read sentences. Takes about a second."""
    for pattern in _MADE:
        pattern.compile()


def whole(pattern: str) -> Pattern:
    """A pattern whose `match` takes all of a line, or nothing."""
    return Pattern(source(pattern) + r"\Z", pattern)


def anywhere(pattern: str, behind: str = "") -> Pattern:
    """A pattern that `search` and `finditer` find from the beginning of any word, and then `behind`."""
    return Pattern(r"(?<!\S)" + source(pattern) + behind, pattern)


def at_start(*patterns: str) -> Pattern:
    """A pattern whose `match` takes what one of the patterns takes of the beginning of a line."""
    return Pattern("|".join(source(pattern) for pattern in patterns), " | ".join(patterns))


def at_end(pattern: str) -> Pattern:
    """A pattern that `search` finds only at the end of a line."""
    return Pattern(r"(?<!\S)" + source(pattern) + r"\Z", pattern)
