"""Reads a misspelt word as the word the grammar knows, one slip at most."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz.distance import OSA

from engine.language.data import strings, texts

TARGETS = strings("spelling", "targets")
KNOWN = frozenset(TARGETS) | frozenset(strings("spelling", "keep"))
SLIPS = texts("spelling", "slips")
SHORTEST = 5
"Shorter words have too many neighbours to guess."


@lru_cache(maxsize=8_192)
def corrected(word: str) -> str:
    """The known word that `word` is a slip of (same first letter), or `word` itself."""
    if word in SLIPS:
        return SLIPS[word]
    if len(word) < SHORTEST or word in KNOWN or not word.isalpha():
        return word
    return next((target for target in TARGETS if _is_slip(word, target)), word)


def _is_slip(word: str, target: str) -> bool:
    return (
        word[0] == target[0]
        and abs(len(word) - len(target)) <= 1
        and OSA.distance(word, target, score_cutoff=1) <= 1
    )
