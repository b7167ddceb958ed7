"""Reading what runs ask people, and answering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from db import interrupts as rows
from db.connection import Database
from db.interrupts import INTERRUPTS, InterruptRow
from db.paging import Slice
from db.session import Session
from engine.commands.answers import Accepted, Answer, Result, answer_interrupts
from errors import AlreadyAnswered, BadUserInput, InterruptExpired, InvalidInput, Issue, NotFound, Problem
from resolvers.idempotency import Reference
from resolvers.paging import Window

MOST_ANSWERS = 100


async def interrupts_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, InterruptRow]:
    """Those of the interrupts that are there and this user's."""
    return {row.id: row for row in await rows.get_interrupts(db.reading(user_id), user_id, ids)}


async def interrupts_by_executions(
    db: Database, user_id: UUID, execution_ids: list[UUID]
) -> dict[UUID, list[InterruptRow]]:
    """What each of these runs has asked, oldest first."""
    found: defaultdict[UUID, list[InterruptRow]] = defaultdict(list)
    for row in await rows.interrupts_of(db.reading(user_id), user_id, execution_ids):
        found[row.execution_id].append(row)
    return found


async def interrupt_page(
    db: Database, user_id: UUID, filters: dict[str, object], window: Window
) -> Slice[InterruptRow]:
    """One page of what the user's runs ask, newest first. Raises BadUserInput and InvalidCursor."""
    page = window.page("CREATED_AT", descending=True)
    return await INTERRUPTS.page(db.reading(user_id), page, {**filters, "user_id": user_id})


async def interrupt_count(db: Database, user_id: UUID, filters: dict[str, object]) -> int:
    """How many interrupts the filters let through."""
    return await INTERRUPTS.count(db.reading(user_id), {**filters, "user_id": user_id})


async def answer(session: Session, user_id: UUID, given: Sequence[Answer | Problem]) -> list[Result]:
    """A result for each answer, in order; what could not even be read stays the problem that it is.

    Raises BadUserInput for more than 100.
    """
    if len(given) > MOST_ANSWERS:
        raise BadUserInput(f"At most {MOST_ANSWERS} answers.")
    places = [place for place, one in enumerate(given) if isinstance(one, Answer)]
    results: list[Any] = list(given)
    found = await answer_interrupts(
        session, user_id, {n: one for n, one in enumerate(given) if isinstance(one, Answer)}
    )
    for place in places:
        results[place] = found[place]
    return results


def refer_to(results: Sequence[Result]) -> Reference:
    """What `recall` builds them from again."""
    return {"results": [_reference(one) for one in results]}


def _reference(result: Result) -> dict[str, Any]:
    match result:
        case Accepted(row):
            return {"accepted": str(row.id)}
        case AlreadyAnswered():
            row: Any = result.interrupt
            return {"answered": str(row.id), "path": result.path}
        case InvalidInput():
            return {"issues": [[issue.path, issue.message] for issue in result.issues]}
        case _:
            return {"code": result.code, "message": result.message, "path": result.path}


async def recall(session: Session, user_id: UUID, reference: Reference) -> list[Result]:
    """What an earlier request was answered, with the interrupts as they stand now."""
    kept: list[dict[str, Any]] = reference["results"]
    ids = [UUID(one) for told in kept if (one := told.get("accepted") or told.get("answered"))]
    known = {row.id: row for row in await rows.get_interrupts(session, user_id, ids)}
    return [_recalled(told, known) for told in kept]


def _recalled(told: dict[str, Any], known: dict[UUID, InterruptRow]) -> Result:
    path = tuple(told.get("path") or ())
    if "accepted" in told:
        return Accepted(known[UUID(told["accepted"])], replayed=True)
    if "answered" in told:
        return AlreadyAnswered(known[UUID(told["answered"])], path)
    if "issues" in told:
        return InvalidInput([Issue(tuple(at), message) for at, message in told["issues"]])
    problem = NotFound if told["code"] == NotFound.code else InterruptExpired
    return problem(told["message"], path)
