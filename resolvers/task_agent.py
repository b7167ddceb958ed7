"""Asking the task agent, and answering again what was asked before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from auth import Tokens
from db.session import Session
from db.tasks import TaskRow, get_tasks_or_tombstones
from engine.commands.executions import is_time_zone
from engine.commands.task_agent import AgentOutcome, Reply, answer
from engine.language import MessageError, Understanding, plan
from errors import InvalidInput, Issue
from resolvers import confirmations
from resolvers.idempotency import Reference


@dataclass(frozen=True, slots=True)
class Question:
    """A message as it was understood, and what the person agreed to."""

    message: str
    planned: list[Understanding]
    "Its operations in order, at least one."
    confirm_token: str | None
    dry_run: bool
    asked_at: datetime
    began: float
    "By the process's own clock: what the answer's executionTimeMs counts from."


@dataclass(frozen=True, slots=True)
class Answered:
    """All that an answer tells."""

    response: str
    outcome: AgentOutcome
    metadata: dict[str, Any]
    tasks: list[TaskRow]
    candidates: list[tuple[TaskRow, float]]
    confirm_token: str | None


def question(
    message: str,
    now: datetime,
    time_zone: str,
    confirm_token: str | None,
    dry_run: bool,
) -> Question:
    """What is asked, before any row is looked at. Raises InvalidInput."""
    began = perf_counter()
    if not is_time_zone(time_zone):
        raise InvalidInput([Issue(("input", "timeZone"), "Not an IANA time zone, such as Europe/Berlin.")])
    try:
        planned = plan(message, now, time_zone)
    except MessageError as error:
        raise InvalidInput([Issue(("input", "message"), str(error))]) from None
    return Question(message, planned, confirm_token, dry_run, now, began)


async def ask(session: Session, tokens: Tokens, user_id: UUID, asked: Question) -> Answered:
    """Do what was understood, in this transaction. Raises InvalidInput.

    The confirm token is looked at here and not before: a repeated request is answered when it has expired.
    """
    agreed = confirmations.agreed(tokens, user_id, asked.message, asked.confirm_token)
    reply = await answer(session, user_id, asked.planned, agreed, dry_run=asked.dry_run)
    return Answered(
        response=reply.response,
        outcome=reply.outcome,
        metadata=_metadata(asked),
        tasks=reply.errand.tasks,
        candidates=reply.errand.candidates,
        confirm_token=_token(tokens, user_id, asked, reply),
    )


def refer_to(answered: Answered) -> Reference:
    """What `recall` builds the answer from again."""
    return {
        "response": answered.response,
        "outcome": answered.outcome.value,
        "metadata": answered.metadata,
        "tasks": [str(row.id) for row in answered.tasks],
        "candidates": [[str(row.id), similarity] for row, similarity in answered.candidates],
        "confirm_token": answered.confirm_token,
    }


async def recall(session: Session, user_id: UUID, reference: Reference) -> Answered:
    """The answer that was given, with its tasks as they stand now or last stood."""
    ids = [UUID(one) for one in reference["tasks"]] + [UUID(one) for one, _ in reference["candidates"]]
    rows = {str(row.id): row for row in await get_tasks_or_tombstones(session, user_id, ids)}
    return Answered(
        response=reference["response"],
        outcome=AgentOutcome(reference["outcome"]),
        metadata=reference["metadata"],
        tasks=[rows[one] for one in reference["tasks"] if one in rows],
        candidates=[(rows[one], similarity) for one, similarity in reference["candidates"] if one in rows],
        confirm_token=reference["confirm_token"],
    )


def _metadata(asked: Question) -> dict[str, Any]:
    """What was understood of the first operation, and how sure all of them are."""
    understanding = asked.planned[0]
    return {
        "intent": understanding.intent.value,
        "tool": understanding.tool,
        "arguments": understanding.tool_arguments(),
        "confidence": round(min(one.confidence for one in asked.planned), 4),
        "milliseconds": round((perf_counter() - asked.began) * 1_000),
    }


def _token(tokens: Tokens, user_id: UUID, asked: Question, reply: Reply) -> str | None:
    if reply.outcome is not AgentOutcome.CONFIRMATION_REQUIRED:
        return None
    ids = [row.id for row in reply.errand.tasks]
    return confirmations.ask(tokens, user_id, asked.message, ids, asked.asked_at)
