"""Numbers as people write them: 5, five, 5th, fifth, twenty second."""

from __future__ import annotations

from collections.abc import Sequence

UNITS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
FIRSTS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
    *("eighteenth", "nineteenth"),
)
TENTHS = ("twentieth", "thirtieth")


def _named(units: Sequence[str], tens: Sequence[str]) -> dict[str, int]:
    small = {word: n for n, word in enumerate(units, start=1)}
    round_ = {word: 10 * n for n, word in enumerate(tens, start=2)}
    return _compounds(units[:9]) | small | round_


def _compounds(units: Sequence[str]) -> dict[str, int]:
    return {
        f"{ten}{joint}{unit}": 10 * tens + n
        for tens, ten in enumerate(TENS, start=2)
        for n, unit in enumerate(units, start=1)
        for joint in (" ", "-")
    }


CARDINALS = _named(UNITS, TENS)
ORDINALS = _named(FIRSTS, TENTHS)
SMALL = {"a": 1, "an": 1, "a couple of": 2, "a couple": 2, "couple of": 2, "couple": 2, "a few": 3}


def number_of(words: str) -> int:
    """The number that the words of a match of `number`, `amount` or `nth` stand for."""
    plain = words.strip().lstrip("#")
    for known in (CARDINALS, ORDINALS, SMALL):
        if plain in known:
            return known[plain]
    return int("".join(filter(str.isdigit, plain)))
