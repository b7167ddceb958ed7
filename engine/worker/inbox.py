"""The desk at which runs ask people: approvals, unknown effects, budgets. The rows say what was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from db import interrupts as rows
from db.executions import ExecutionRow
from db.interrupts import InterruptRow
from db.session import Session
from engine.endings import Ending, failed
from engine.json_schemas import issues_of
from engine.limits import Overrun
from engine.runs.budgets import proposal
from engine.runs.interrupts import Ask, open_interrupt
from engine.states import Decision, EndReason, InterruptReason, InterruptStatus
from engine.steps import Outcome
from engine.tools.tool import AnyTool, Asked, NeedsApproval, Wait
from engine.worker.desk import Desk, GoAhead, Verdict


@dataclass(frozen=True, slots=True)
class Inbox(Desk):
    """Asks the run's user, who has so many seconds to answer."""

    expires_seconds: float

    @override
    async def approve(self, asked: Asked, tool: AnyTool, need: NeedsApproval | None = None) -> Verdict:
        """Bound to the exact arguments: only what a person saw, or wrote, is called."""
        given = asked.step.input or {}
        if issues := issues_of(tool.parameters, given):
            return Outcome(error="; ".join(issue.message for issue in issues))
        row = await self._asked(asked, InterruptReason.TOOL_APPROVAL)
        if row is None or (given not in (row.arguments, row.answer) and row.scope != _scope(given)):
            return self._wait(_approval(asked, tool, given, need))
        match row.decision:
            case Decision.APPROVE:
                return GoAhead(row.arguments)
            case Decision.EDIT:
                return GoAhead(row.answer)
            case Decision.DENY:
                return Outcome(error=_with_comment("A person denied this call.", row))
            case _:
                return Wait(for_person=True)

    @override
    async def verify(self, asked: Asked, tool: AnyTool | None) -> Verdict:
        """Asked anew each time that a call of the step has become unknown."""
        scope = {"unknown_since": str(asked.step.finished_at)}
        row = await self._asked(asked, InterruptReason.EFFECT_VERIFICATION)
        if row is None or row.scope != scope:
            return self._wait(
                Ask(
                    reason=InterruptReason.EFFECT_VERIFICATION,
                    prompt=f"{asked.step.tool_name} was called, and nobody knows whether it took effect. "
                    "APPROVE calls it again; RESPOND tells what it answered; DENY leaves it at that.",
                    step_id=asked.step.id,
                    tool_name=asked.step.tool_name,
                    arguments=asked.step.input,
                    scope=scope,
                )
            )
        match row.decision:
            case Decision.APPROVE:
                return GoAhead(asked.step.input or {})
            case Decision.RESPOND:
                return Outcome(result=row.answer)
            case Decision.DENY:
                return Outcome(
                    error=_with_comment("It was called once, and nobody knows what came of it.", row)
                )
            case _:
                return Wait(for_person=True)

    @override
    async def afford(self, session: Session, run: ExecutionRow, overrun: Overrun) -> Wait | Ending:
        """A budget that was raised enough is not overrun. A denial ends the run."""
        if overrun.needed is None:
            return failed(EndReason.BUDGET_EXCEEDED, overrun.message)
        asked = await rows.last_interrupt(session, run, InterruptReason.BUDGET, None)
        if asked is not None and asked.decision == Decision.DENY:
            return failed(EndReason.BUDGET_EXCEEDED, _with_comment(overrun.message, asked))
        if asked is not None and asked.status == InterruptStatus.OPEN:
            return Wait(for_person=True)
        arguments, schema = proposal(run, overrun)
        prompt = (
            f"{overrun.message} APPROVE raises the budget as proposed, EDIT as you say, DENY ends the run."
        )
        return self._wait(
            Ask(
                reason=InterruptReason.BUDGET,
                prompt=prompt,
                arguments=arguments,
                response_schema=schema,
            )
        )

    def _wait(self, ask: Ask) -> Wait:
        async def open_(session: Session, run: ExecutionRow) -> None:
            await open_interrupt(session, run, ask, self.expires_seconds)

        return Wait(for_person=True, open=open_)

    async def _asked(self, asked: Asked, reason: InterruptReason) -> InterruptRow | None:
        return await rows.last_interrupt(asked.session, asked.run, reason, asked.step.id)


def _approval(asked: Asked, tool: AnyTool, given: dict[str, Any], need: NeedsApproval | None) -> Ask:
    """The question whether a call may be made. Its scope is what the model said, where that says less."""
    question = f"May {asked.agent.name} call {tool.name}?"
    return Ask(
        reason=InterruptReason.TOOL_APPROVAL,
        prompt=question if need is None else f"{question} {need.prompt}",
        step_id=asked.step.id,
        tool_name=tool.name,
        arguments=given if need is None else need.arguments,
        response_schema=tool.parameters,
        scope=None if need is None else _scope(given),
    )


def _scope(given: dict[str, Any]) -> dict[str, Any]:
    return {"said": given}


def _with_comment(message: str, row: InterruptRow) -> str:
    return message if row.comment is None else f"{message} {row.comment}"
