"""A message as a row of words that grammar can be written over, each tied to its place in the message.

A word of a reading is a lower-cased word, a punctuation mark, or a chunk: a stretch of the message that was
recognised as one thing and stands under an UPPER-case name (QUOTE, WHEN, LIST …). Nothing is ever lost: what
a slot of the grammar holds is cut out of the message itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Word:
    """`form` is what grammar sees, `start` and `end` are places in the message; a chunk has a `value`."""

    form: str
    start: int
    end: int
    value: object = None

    @property
    def is_chunk(self) -> bool:
        return self.form.isascii() and self.form.isupper()


@dataclass(frozen=True)
class Reading:
    """Some words of a message; usually all of them."""

    message: str
    words: tuple[Word, ...]
    corrections: int = field(default=0, kw_only=True)
    "How many words had to be respelled to be understood."

    @cached_property
    def line(self) -> str:
        """The words in a row, each followed by one space, for patterns to run over."""
        return "".join(f"{word.form} " for word in self.words)

    @cached_property
    def _offsets(self) -> list[int]:
        offsets, at = [0], 0
        for word in self.words:
            at += len(word.form) + 1
            offsets.append(at)
        return offsets

    def span(self, start: int, end: int) -> Reading:
        """The words between two offsets of `line`."""
        first = bisect_right(self._offsets, start) - 1
        last = bisect_right(self._offsets, max(start, end - 1))
        return self[first : last if end > start else first]

    def __getitem__(self, part: slice) -> Reading:
        return replace(self, words=self.words[part])

    def only(self, words: Iterable[Word]) -> Reading:
        """A reading of these of its words."""
        return replace(self, words=tuple(words))

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Word]:
        return iter(self.words)

    @property
    def text(self) -> str:
        """The stretch of the message the words cover, as it was written."""
        return self.message[self.words[0].start : self.words[-1].end] if self.words else ""

    def with_chunks(self, chunks: Iterable[tuple[int, int, str, object]]) -> Reading:
        """Each (start, end, name, value), offsets of `line` that don't overlap, becomes one word."""
        words: list[Word] = []
        done = 0
        for start, end, name, value in sorted(chunks, key=lambda chunk: chunk[0]):
            first = bisect_right(self._offsets, start) - 1
            last = bisect_right(self._offsets, end - 1)
            words += self.words[done:first]
            words.append(Word(name, self.words[first].start, self.words[last - 1].end, value))
            done = last
        return replace(self, words=(*words, *self.words[done:]))

    def spelled(self, name: str) -> str:
        """`line` with what the chunks of this name stand for in their place."""
        return "".join(str(word.value) if word.form == name else f"{word.form} " for word in self.words)

    def values(self, name: str) -> list[object]:
        """The values of the chunks of this name, in order."""
        return [word.value for word in self.words if word.form == name]
