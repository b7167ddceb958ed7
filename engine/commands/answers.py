"""Answers of people to what runs ask: checked one by one, the first of each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast
from uuid import UUID

from db import interrupts as rows
from db.children import lock_families
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.session import Session
from engine.endings import Ending
from engine.json_schemas import issues_of
from engine.runs.budgets import raise_budget
from engine.runs.expiry import expire_run
from engine.runs.families import next_cause
from engine.runs.interrupts import Said, answer_interrupt
from engine.runs.moves import move
from engine.states import DECISIONS, Decision, InterruptReason, InterruptStatus
from errors import AlreadyAnswered, InterruptExpired, InvalidInput, Issue, NotFound, Problem

LONGEST_COMMENT = 1_000

_TOO_LATE = "Its run has ended, or was asked to stop: nothing is asked any more."


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given. None is also what was left out."""

    interrupt_id: UUID
    decision: Decision
    arguments: Any = None
    value: Any = None
    comment: str | None = None

    @property
    def said(self) -> Said:
        """What it comes to, once it is checked."""
        content = self.arguments if self.decision is Decision.EDIT else self.value
        return Said(self.decision, content, self.comment)

    def issues(self, row: InterruptRow) -> list[Issue]:
        """What is wrong with it as an answer to this interrupt; paths begin within the answer."""
        reason = InterruptReason(row.reason)
        if self.decision not in DECISIONS[reason]:
            allowed = ", ".join(sorted(DECISIONS[reason]))
            return [Issue(("decision",), f"A {reason} is answered with one of {allowed}.")]
        return [*self._misplaced(), *self._comment_issues(), *self._content_issues(row)]

    def _misplaced(self) -> list[Issue]:
        found: list[Issue] = []
        if self.arguments is not None and self.decision is not Decision.EDIT:
            found.append(Issue(("arguments",), "Only EDIT has arguments."))
        if self.value is not None and self.decision is not Decision.RESPOND:
            found.append(Issue(("value",), "Only RESPOND has a value."))
        return found

    def _comment_issues(self) -> list[Issue]:
        if self.comment is None or (len(self.comment) <= LONGEST_COMMENT and "\x00" not in self.comment):
            return []
        return [Issue(("comment",), f"At most {LONGEST_COMMENT:,} characters, no NUL.")]

    def _content_issues(self, row: InterruptRow) -> list[Issue]:
        """Edited arguments replace the proposed ones as a whole."""
        if self.decision is Decision.EDIT:
            given: object = self.arguments
            if not isinstance(given, dict):
                return [Issue(("arguments",), "An object with all the arguments.")]
            return issues_of(_schema(row), cast("object", given), ("arguments",))
        if self.decision is Decision.RESPOND:
            return issues_of(_schema(row), self.value, ("value",))
        return []


def _schema(row: InterruptRow) -> object:
    return True if row.response_schema is None else row.response_schema


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer that counts, and whether it had been given before."""

    interrupt: InterruptRow
    replayed: bool


Result: TypeAlias = Accepted | Problem


async def answer_interrupts(
    session: Session, user_id: UUID, answers: Mapping[int, Answer]
) -> dict[int, Result]:
    """A result for each answer, by its place in the list that was given.

    Accepted, AlreadyAnswered, InterruptExpired, NotFound, InvalidInput. A run whose last open interrupt is
    answered goes on, in this transaction.
    """
    ids = list({answer.interrupt_id for answer in answers.values()})
    runs = await _locked_runs(session, user_id, await rows.get_interrupts(session, user_id, ids))
    for run in runs.values():
        await expire_run(session, run)
    known = {row.id: row for row in await rows.get_interrupts(session, user_id, ids)}
    results: dict[int, Result] = {}
    for place, answer in answers.items():
        result = await _answer(session, runs, known, answer, ("input", "answers", str(place)))
        if isinstance(result, Accepted):
            known[answer.interrupt_id] = result.interrupt
        results[place] = result
    accepted = [one for one in results.values() if isinstance(one, Accepted)]
    fresh = {one.interrupt.execution_id for one in accepted if not one.replayed}
    for execution_id in sorted(fresh):
        await _go_on(session, runs[execution_id])
    return results


async def _locked_runs(
    session: Session, user_id: UUID, asked: Sequence[InterruptRow]
) -> dict[UUID, ExecutionRow]:
    ids = list({row.execution_id for row in asked})
    locked = await lock_families(session, user_id, ids) if ids else {}
    return {one: locked[one] for one in ids if one in locked}


async def _answer(
    session: Session,
    runs: dict[UUID, ExecutionRow],
    known: dict[UUID, InterruptRow],
    answer: Answer,
    path: tuple[str, ...],
) -> Result:
    row = known.get(answer.interrupt_id)
    if row is None or row.execution_id not in runs:
        return NotFound(path=(*path, "interruptId"))
    if row.status == InterruptStatus.ANSWERED:
        return Accepted(row, True) if answer.said.is_what_was_said(row) else AlreadyAnswered(row, path)
    if row.status != InterruptStatus.OPEN:
        return InterruptExpired(None if row.status == InterruptStatus.EXPIRED else _TOO_LATE, path)
    if issues := answer.issues(row):
        return InvalidInput([Issue((*path, *issue.path), issue.message) for issue in issues])
    run = runs[row.execution_id]
    closed = await answer_interrupt(session, run, row, answer.said)
    await raise_budget(session, run, closed)
    return Accepted(closed, False)


async def _go_on(session: Session, run: ExecutionRow) -> None:
    """Once nothing is open any more the run is queued again, or waits for its children only."""
    if (cause := await next_cause(session, run)) is not None:
        await move(session, run, Ending(cause))
