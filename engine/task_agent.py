"""The task agent: one sentence in, one task operation done, and what a person reads of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from db.connection import Session
from engine.errands import Agreed, Errand, Outcome, known
from engine.language import Candidate, Understanding
from engine.replies import Told, intention, reply, reply_without_tool
from engine.tools.builtin import BUILTIN


class AgentOutcome(StrEnum):
    """How a message to the task agent went."""

    DONE = "DONE"
    PLANNED = "PLANNED"
    UNKNOWN_INTENT = "UNKNOWN_INTENT"
    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    AMBIGUOUS_TASK = "AMBIGUOUS_TASK"
    CONFIRMATION_REQUIRED = "CONFIRMATION_REQUIRED"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person reads, and the rows that it speaks of."""

    response: str
    outcome: AgentOutcome
    errand: Errand = field(default_factory=lambda: Errand(Outcome.DONE))


async def answer(
    session: Session, user_id: UUID, understanding: Understanding, agreed: Agreed, *, dry_run: bool
) -> Reply:
    """Do what was understood, in this transaction; with `dry_run` only say what would be done.

    More than one task is changed or deleted only where the person agreed to just these. Raises InvalidInput.
    """
    if understanding.tool is None:
        return Reply(reply_without_tool(understanding), AgentOutcome.UNKNOWN_INTENT)
    arguments = BUILTIN[understanding.tool].read(understanding.tool_arguments())
    if dry_run:
        errand = await arguments.look(session, user_id)
        return Reply(intention(understanding, _told(errand)), _planned(errand), errand)
    errand = await arguments.errand(session, user_id, agreed)
    return Reply(reply(understanding, _told(errand)), AgentOutcome(errand.outcome), errand)


def _planned(errand: Errand) -> AgentOutcome:
    return AgentOutcome.PLANNED if errand.outcome is Outcome.DONE else AgentOutcome(errand.outcome)


def _told(errand: Errand) -> Told:
    return Told(
        errand.outcome,
        [known(row) for row in errand.tasks],
        [known(row) for row in errand.before],
        [Candidate(known(row), similarity) for row, similarity in errand.candidates],
    )
