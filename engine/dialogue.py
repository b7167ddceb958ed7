"""What a run knows of its conversation: the messages before, as many as fit, and what comes meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from db import messages as rows
from db.connection import Database, Session
from db.executions import ExecutionRow
from db.messages import HistoryRow
from engine.entry import Entry
from engine.journal import Journal
from engine.models.model import Said, Steered
from events.kinds import MessageSteered
from settings import Settings

_MOST_MESSAGES = 2_000
"Of the newest, that are looked at."
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4

History: TypeAlias = Sequence[Said]


@dataclass(frozen=True, slots=True)
class Dialogues:
    """The conversations of the runs of one worker. Nothing is kept: each run reads the rows."""

    db: Database
    settings: Settings

    async def history(self, run: ExecutionRow, model: str) -> History:
        """What was said up to the run's own message, that included; empty outside of a conversation."""
        if run.conversation_id is None:
            return []
        found = await rows.history(
            self.db.reading(run.user_id), run.user_id, run.conversation_id, run.id, _MOST_MESSAGES
        )
        return within_budget(found, self.settings.tokens_of(model))

    async def heard(self, run: ExecutionRow) -> list[Steered]:
        """What the run took up before, in earlier attempts."""
        if run.conversation_id is None:
            return []
        found = await rows.steered(self.db.reading(run.user_id), run.user_id, run.id)
        return [Steered(row.steered_step or 1, Said(row.role, row.content)) for row in found]

    async def hear(self, journal: Journal, before_step: int) -> list[Steered]:
        """Take up what has come to the run since, with a receipt for each.

        Raises what a Journal raises.
        """
        run = journal.run
        if run.conversation_id is None:
            return []
        if not await rows.pending(self.db.reading(run.user_id), run.user_id, run.id):
            return []
        taken: list[Steered] = []

        async def take(session: Session) -> Entry:
            entry = journal.entry()
            for row in await rows.take_pending(session, run.user_id, run.id, before_step):
                taken.append(Steered(before_step, Said(row.role, row.content)))
                entry.talk(MessageSteered(execution_id=run.id, message_id=row.id))
            return entry

        await journal.carry_out(take)
        return taken


def within_budget(found: Sequence[HistoryRow], tokens: int) -> History:
    """As much as fits: system messages and the newest message always, then from the newest back.

    A message is told whole or not at all, and the first one told is never an answer. Tokens are estimated: a
    quarter of the bytes, and four for each message.
    """
    kept, left = set[int](), tokens - sum(_size(row) for row in found if row.role == "SYSTEM")
    for place in range(len(found) - 1, -1, -1):
        row = found[place]
        left -= 0 if row.role == "SYSTEM" else _size(row)
        if row.role != "SYSTEM" and left < 0 and place < len(found) - 1:
            break
        kept.add(place)
    system = [place for place, row in enumerate(found) if row.role == "SYSTEM"]
    talk = list(_from_a_question(found, sorted(kept - set(system))))
    left_out = len(found) - len(system) - len(talk)
    note = [Said("SYSTEM", f"{left_out} earlier messages are left out here.")] if left_out else []
    said = [Said(found[place].role, found[place].content) for place in system]
    return [*said, *note, *(Said(found[place].role, found[place].content) for place in talk)]


def _from_a_question(found: Sequence[HistoryRow], places: Sequence[int]) -> Iterable[int]:
    has_begun = False
    for place in places:
        has_begun = has_begun or found[place].role != "ASSISTANT"
        if has_begun:
            yield place


def _size(row: HistoryRow) -> int:
    return len(row.content.encode()) // _BYTES_PER_TOKEN + _TOKENS_PER_MESSAGE
