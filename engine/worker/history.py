"""How much of a conversation a model is told: whole turns from the newest back, and a summary of the rest.

Tokens are estimated: a quarter of the bytes, and four for each message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from db.messages import HistoryRow
from engine.models.model import Said

_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4

History: TypeAlias = Sequence[Said]
Talk: TypeAlias = Sequence[HistoryRow]


@dataclass(frozen=True, slots=True)
class Past:
    """What was said up to a run's own message, that included."""

    rows: Talk = ()
    tokens: int = 0
    "What the model takes."
    summary: str | None = None
    "Of what was said before."

    def told(self) -> History:
        """As much as fits: system messages, the summary and the newest turn always, then from the newest
        back. A turn is told whole or not at all, and what is left out is said to be so.
        """
        turns = _turns(self._talk())
        kept = turns[len(turns) - _fitting(turns[::-1], self._room()) :]
        left_out = sum(map(len, turns)) - sum(map(len, kept))
        note = [Said("SYSTEM", f"{left_out} earlier messages are left out here.")] if left_out else []
        return [
            *self._told_always(),
            *note,
            *self.recalled(),
            *(_said(row) for turn in kept for row in turn),
        ]

    def excess(self) -> Talk:
        """What is to be summarised next: the oldest turns; none where all of it fits.

        The newest stay whole in half of the room, so that it is not done again with each turn. No more is
        given at once than fits beside the last summary, but one turn always.
        """
        turns = _turns(self._talk())
        if _size(self._talk()) <= self._room():
            return ()
        old = turns[: len(turns) - _fitting(turns[::-1], self._room() // 2)]
        return [row for turn in old[: _fitting(old, self._room())] for row in turn]

    def summarized(self, excess: Talk, summary: str) -> Past:
        """The same with a summary in the place of its oldest turns."""
        gone = {id(row) for row in excess}
        return replace(self, rows=[row for row in self.rows if id(row) not in gone], summary=summary)

    def _talk(self) -> Talk:
        return [row for row in self.rows if row.role != "SYSTEM"]

    def _told_always(self) -> History:
        return [_said(row) for row in self.rows if row.role == "SYSTEM"]

    def recalled(self) -> History:
        """The summary, in a person's role: what people said must not speak with the house's voice."""
        return [Said("USER", f"What was said before, in short:\n{self.summary}")] if self.summary else []

    def _room(self) -> int:
        return self.tokens - sum(tokens_of(one.text) for one in [*self._told_always(), *self.recalled()])


def tokens_of(text: str) -> int:
    """About as many tokens as a model makes of a message."""
    return len(text.encode()) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE


def _said(row: HistoryRow) -> Said:
    return Said(row.role, row.content)


def _size(rows: Talk) -> int:
    return sum(tokens_of(row.content) for row in rows)


def _turns(talk: Talk) -> list[Talk]:
    """Messages with their answers. None begins with an answer, but where nothing is left of its message."""
    turns: list[list[HistoryRow]] = []
    for row in talk:
        if not turns or (row.place != turns[-1][0].place and row.role != "ASSISTANT"):
            turns.append([])
        turns[-1].append(row)
    return list(turns)


def _fitting(turns: Sequence[Talk], room: int) -> int:
    """How many of the first turns fit; one in any case, where there is one."""
    count, left = 0, room
    while count < len(turns) and ((left := left - _size(turns[count])) >= 0 or count == 0):
        count += 1
    return count
