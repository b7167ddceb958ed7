"""Splits a message into words and marks; quoted stretches stay whole."""

from __future__ import annotations

import re

from engine.language.reading import Reading, Word
from engine.language.spelling import corrected

SAME = str.maketrans("‘’‚‛´`“”„–—\u00a0()[]{}<>|", "''''''\"\"\"-- ‹›‹›‹›‹›¦")
"One character for one character, so that places in the message stay what they are."

QUOTED = re.compile(
    r"""(?<![\w'"])(?:"(?P<double>[^"\n]+)"|'(?P<single>(?:[^'\n]|'(?=\w))+?)'|«(?P<angle>[^»]+)»)(?![\w'])"""
)
ARROW = re.compile(r"[-=]+›")
WORD = re.compile(r"[-=]+›|\d+(?='s\b)|'s\b|\d+(?:[:./-]\d+)+(?!\w)|[#@]?\w+(?:['.&/+-]\w+)*|[^\w\s]")


def folded(text: str) -> str:
    """`text` in lower case with plain quotes, character for character."""
    lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return lowered.translate(SAME)


def read(message: str) -> Reading:
    """The words of a message, quotes as QUOTE chunks with their inner text as value."""
    plain = folded(message)
    words: list[Word] = []
    done = 0
    for quote in QUOTED.finditer(plain):
        words += _words(plain, done, quote.start())
        inner = slice(*quote.span(quote.lastgroup or 0))
        words.append(Word("QUOTE", quote.start(), quote.end(), message[inner].strip()))
        done = quote.end()
    words += _words(plain, done, len(plain))
    respelled = tuple(words)
    spelled = tuple(_spelled(word) for word in words)
    changed = sum(a is not b for a, b in zip(respelled, spelled, strict=True))
    return Reading(message, spelled, corrections=changed)


def _words(plain: str, start: int, end: int) -> list[Word]:
    return [Word(ARROW.sub("→", found[0]), *found.span()) for found in WORD.finditer(plain, start, end)]


def _spelled(word: Word) -> Word:
    form = corrected(word.form)
    return word if form == word.form else Word(form, word.start, word.end)
