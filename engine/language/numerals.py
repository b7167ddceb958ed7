"""Numbers as people write them: 5, five, 5th, fifth, twenty second."""

from __future__ import annotations

UNITS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
FIRSTS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
TENTHS = "twentieth thirtieth"


def _compounds(last: list[str]) -> dict[str, int]:
    return {
        f"{ten}{joint}{unit}": 10 * tens + units
        for tens, ten in enumerate(TENS.split(), start=2)
        for units, unit in enumerate(last[:9], start=1)
        for joint in (" ", "-")
    }


def _cardinals() -> dict[str, int]:
    plain = {word: n for n, word in enumerate(UNITS.split(), start=1)}
    tens = {word: 10 * n for n, word in enumerate(TENS.split(), start=2)}
    return _compounds(UNITS.split()) | plain | tens


def _ordinals() -> dict[str, int]:
    plain = {word: n for n, word in enumerate(FIRSTS.split(), start=1)}
    tenths = {word: 10 * n for n, word in enumerate(TENTHS.split(), start=2)}
    return _compounds(FIRSTS.split()) | plain | tenths


CARDINALS = _cardinals()
ORDINALS = _ordinals()
SMALL = {"a": 1, "an": 1, "a couple of": 2, "a couple": 2, "couple of": 2, "couple": 2, "a few": 3}


def number_of(words: str) -> int:
    """The number that the words of a match of `number`, `amount` or `ordinal` stand for."""
    plain = words.strip().lstrip("#")
    for known in (CARDINALS, ORDINALS, SMALL):
        if plain in known:
            return known[plain]
    return int("".join(filter(str.isdigit, plain)))
