"""The task agent: a message in, its task operations done, and what a person reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from db.session import Session
from db.tasks import TaskRow
from engine.commands.orders import Order, are_one_change, look_at, of_several, rows_of
from engine.language import Candidate, Intent, Understanding, answers
from engine.tasks.errands import Agreed, Errand, Outcome, known
from engine.tasks.replies import Told, intention, reply, reply_without_tool
from engine.tools.tasks import OfTasks


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
    session: Session, user_id: UUID, planned: Sequence[Understanding], agreed: Agreed, *, dry_run: bool
) -> Reply:
    """Do what was understood, in order, in this transaction; with `dry_run` only say what would be done.

    More than one task is changed or deleted by one tool only where the person agreed to just these. Of
    several operations of one tool on tasks all are done, or none; others end with the first that can't be
    done. Raises InvalidInput.
    """
    if unclear := next((one for one in planned if one.tool is None), None):
        return Reply(reply_without_tool(unclear), AgentOutcome.UNKNOWN_INTENT)
    orders = await look_at(session, user_id, planned)
    if are_one_change(orders) and (hindered := next((one for one in orders if not one.found.tasks), None)):
        return _hindered(hindered, is_alone=len(planned) == 1)
    several = of_several(orders)
    if several and frozenset(row.id for row in rows_of(several)) != agreed:
        return _unconfirmed(several)
    return await _answered(session, user_id, orders, dry_run=dry_run)


def _hindered(order: Order, *, is_alone: bool) -> Reply:
    told = _line(order, order.found, is_alone=is_alone)
    response = told if is_alone else f"{told}\n{answers.NOTHING_DONE}"
    return Reply(response, AgentOutcome(order.found.outcome), order.found)


def _unconfirmed(several: Sequence[Order]) -> Reply:
    errand = Errand(Outcome.CONFIRMATION_REQUIRED, rows_of(several))
    intents = {order.understanding.intent for order in several}
    intent = intents.pop() if len(intents) == 1 else Intent.UPDATE
    response = answers.confirm(intent, [known(row) for row in errand.tasks])
    return Reply(response, AgentOutcome.CONFIRMATION_REQUIRED, errand)


async def _answered(session: Session, user_id: UUID, orders: Sequence[Order], *, dry_run: bool) -> Reply:
    """A line for each order, up to the first that can't be carried out."""
    lines: list[str] = []
    rows: dict[UUID, TaskRow] = {}
    errand = Errand(Outcome.DONE)
    for order in orders:
        errand = await (order.look if dry_run else order.carry_out)(session, user_id)
        lines.append(_line(order, errand, is_alone=len(orders) == 1, dry_run=dry_run))
        rows |= {row.id: row for row in errand.tasks}
        if errand.outcome is not Outcome.DONE:
            break
    if left := len(orders) - len(lines):
        lines.append(answers.not_done(left))
    is_planned = dry_run and errand.outcome is Outcome.DONE
    outcome = AgentOutcome.PLANNED if is_planned else AgentOutcome(errand.outcome)
    return Reply("\n".join(lines), outcome, replace(errand, tasks=list(rows.values())))


def _line(order: Order, errand: Errand, *, is_alone: bool, dry_run: bool = False) -> str:
    line = (intention if dry_run else reply)(order.understanding, _told(errand))
    if is_alone or errand.outcome is Outcome.DONE or not isinstance(order.arguments, OfTasks):
        return line
    return answers.about(str(order.arguments.ref.refs()[0]), line)


def _told(errand: Errand) -> Told:
    return Told(
        errand.outcome,
        [known(row) for row in errand.tasks],
        [known(row) for row in errand.before],
        [Candidate(known(row), similarity) for row, similarity in errand.candidates],
    )
