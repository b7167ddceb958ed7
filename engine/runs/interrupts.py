"""What a run asks a person: opened when it parks, closed by an answer, its expiry, or the end of its run.

Everything here is called with the run locked; the row, its event and the entry in the user's activity
are written in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db import executions
from db import interrupts as rows
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.session import Session
from engine.facts import interrupt_facts
from engine.log import append, append_activity
from engine.states import Decision, InterruptReason, InterruptStatus
from events.kinds import InterruptClosed, InterruptOpened
from ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a person is asked. `response_schema` is what edited arguments or a value must satisfy."""

    reason: InterruptReason
    prompt: str
    step_id: UUID | None = None
    tool_name: str | None = None
    arguments: Mapping[str, Any] | None = None
    response_schema: Mapping[str, Any] | bool | None = None
    scope: Mapping[str, Any] | None = None
    "What the answer is bound to, for whoever asked: an interrupt of another scope is another question."


@dataclass(frozen=True, slots=True)
class Said:
    """A person's answer: what was decided, the arguments or the value that go with it, and a remark."""

    decision: Decision
    content: Any = None
    comment: str | None = None

    def is_what_was_said(self, row: InterruptRow) -> bool:
        """Whether this very answer was accepted before."""
        return (row.decision, row.answer, row.comment) == (self.decision.value, self.content, self.comment)


async def open_interrupt(
    session: Session, run: ExecutionRow, ask: Ask, expires_seconds: float
) -> InterruptRow:
    """Ask, until it expires by Postgres' clock."""
    run = await executions.advance(session, run, 1)
    row = await rows.insert_interrupt(
        session,
        {
            "id": new_id(),
            "user_id": run.user_id,
            "execution_id": run.id,
            "step_id": ask.step_id,
            "reason": ask.reason.value,
            "prompt": ask.prompt,
            "tool_name": ask.tool_name,
            "arguments": ask.arguments,
            "response_schema": ask.response_schema,
            "scope": ask.scope,
            "seq": run.last_seq,
            "expires_seconds": expires_seconds,
        },
    )
    await _tell(session, run, InterruptOpened(interrupt=interrupt_facts(row)))
    return row


async def answer_interrupt(
    session: Session, run: ExecutionRow, row: InterruptRow, said: Said
) -> InterruptRow:
    """Close an open interrupt with an answer that was checked."""
    return await _close(session, run, row, InterruptStatus.ANSWERED, said)


async def close_interrupts(
    session: Session, run: ExecutionRow, asked: Sequence[InterruptRow], status: InterruptStatus
) -> None:
    """Close what nobody has answered: EXPIRED, or CANCELLED because the run asks no more."""
    for row in asked:
        await _close(session, run, row, status, None)


async def _close(
    session: Session, run: ExecutionRow, row: InterruptRow, status: InterruptStatus, said: Said | None
) -> InterruptRow:
    run = await executions.advance(session, run, 1)
    fields = {
        "status": status.value,
        "decision": said and said.decision.value,
        "answer": said and said.content,
        "comment": said and said.comment,
        "seq": run.last_seq,
    }
    closed = await rows.close_interrupt(session, row, fields)
    await _tell(session, run, InterruptClosed(interrupt=interrupt_facts(closed)))
    return closed


async def _tell(session: Session, run: ExecutionRow, fact: InterruptOpened | InterruptClosed) -> None:
    await append(session, run.id, run.user_id, run.last_seq, [fact])
    await append_activity(session, run.user_id, fact)
