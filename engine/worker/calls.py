"""The calls of one turn: those that were just begun, and those that a lost attempt left open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.progress import Progress
from engine.states import StepStatus
from engine.steps import UNKNOWN, Outcome, Step
from engine.tools.tool import (
    AnyTool,
    Asked,
    EngineTool,
    ExternalTool,
    NeedsApproval,
    Toolbox,
    TransactionalTool,
)
from engine.versions import AgentVersion
from engine.worker.desk import Desk, Verdict
from engine.worker.journal import Journal, Parked
from engine.worker.making import LookAhead, Making
from engine.worker.patience import Patience
from engine.worker.verdicts import Verdicts
from errors import Problem
from telemetry import tracing


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a run that is held.

    Everything below raises Parked where something must be waited for, Ends, and what a Journal raises.
    """

    journal: Journal
    agent: AgentVersion
    tools: Toolbox
    desk: Desk
    patience: Patience
    look_ahead: LookAhead | None
    "Given where there is one call only: what follows is known as soon as it has ended."

    async def carry_out(self, steps: Sequence[Step], progress: Mapping[int, Progress]) -> list[Step]:
        """Make these calls, and answer them with their outcomes, in order.

        People are asked first, for all calls at once; then calls are made, side by side where all of them
        may; then those are answered that the engine carries out itself.
        """
        known = {step.number: step for step in steps}
        while open_steps := [step for step in known.values() if not step.has_ended]:
            for part in (self._settle, self._make, self._answer):
                done = await part([known[step.number] for step in open_steps], progress)
                known |= {step.number: step for step in done}
        return [known[number] for number in sorted(known)]

    # What needs a word from a person, or needs no call.

    async def _settle(self, steps: Sequence[Step], _: Mapping[int, Progress]) -> list[Step]:
        unclear = [step for step in steps if self._is_unclear(step)]
        if not unclear:
            return []
        return await self._judged(await self._with_unknown(unclear), self._verdict)

    def _is_unclear(self, step: Step) -> bool:
        is_there = self.tools.get(step.tool_name) is not None
        return not is_there or step.is_hidden or step.tool_name in self.agent.approval_required

    async def _with_unknown(self, steps: Sequence[Step]) -> list[Step]:
        """The same steps; those of hidden calls are UNKNOWN from now on, and say since when."""
        entry = self.journal.entry()
        known = [
            entry.finish(step, UNKNOWN) if step.is_hidden and step.status is StepStatus.RUNNING else step
            for step in steps
        ]
        await self.journal.write(entry)
        return known

    async def _verdict(self, asked: Asked) -> Verdict:
        tool = self.tools.get(asked.step.tool_name)
        if asked.step.is_hidden:
            return await self.desk.verify(asked, tool)
        if tool is None:
            return Outcome(error=f"There is no tool {asked.step.tool_name!r}.")
        return await self._approval(asked, tool)

    async def _approval(self, asked: Asked, tool: AnyTool) -> Verdict:
        if not isinstance(tool, TransactionalTool):
            return await self.desk.approve(asked, tool)
        try:
            need = await tool.look(asked.session, asked.run.user_id, asked.step.input or {})
        except Problem as problem:
            return Outcome(error=problem.message)
        return await self.desk.approve(asked, tool, need)

    # Calls of tools that work by themselves.

    async def _make(self, steps: Sequence[Step], progress: Mapping[int, Progress]) -> list[Step]:
        due = [
            (step, tool)
            for step in steps
            if not step.has_ended and not isinstance(tool := self._tool(step), EngineTool)
        ]
        making = [self._one(step, tool, progress.get(step.number)) for step, tool in due]
        if len(due) > 1 and all(tool.effect.may_overlap for _, tool in due):
            return await _side_by_side(making)
        return [await one for one in making]

    def _tool(self, step: Step) -> AnyTool:
        tool = self.tools.get(step.tool_name)
        if tool is None:
            raise LookupError(step.tool_name)
        return tool

    async def _one(
        self, step: Step, tool: TransactionalTool | ExternalTool, progress: Progress | None
    ) -> Step:
        with tracing.span(
            f"execute_tool {tool.name}",
            expected=Parked,
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=tool.name,
            baton__step__number=step.number,
        ) as span:
            made = await self._made(step, tool, progress)
            span.set(baton__step__status=made.status.value)
            return made

    async def _made(
        self, step: Step, tool: TransactionalTool | ExternalTool, progress: Progress | None
    ) -> Step:
        making = Making(self.journal, self.patience, self.journal.again(step), progress, self.look_ahead)
        if isinstance(tool, ExternalTool):
            return await making.external(tool)
        try:
            return await making.transactional(tool)
        except NeedsApproval as need:
            return await self._one_approved(step, tool, need, progress)

    async def _one_approved(
        self, step: Step, tool: TransactionalTool, need: NeedsApproval, progress: Progress | None
    ) -> Step:
        """Make the call with just the arguments that a person agreed to; park until somebody has."""
        (judged,) = await self._judged([step], lambda asked: self.desk.approve(asked, tool, need))
        if judged.has_ended:
            return judged
        making = Making(self.journal, self.patience, judged, progress, self.look_ahead, is_approved=True)
        return await making.transactional(tool)

    # Calls that the engine carries out itself.

    async def _answer(self, steps: Sequence[Step], _: Mapping[int, Progress]) -> list[Step]:
        engine_steps = [
            step for step in steps if not step.has_ended and isinstance(self._tool(step), EngineTool)
        ]
        return await self._judged(engine_steps, self._engine_answer) if engine_steps else []

    async def _engine_answer(self, asked: Asked) -> Verdict:
        tool = self._tool(asked.step)
        assert isinstance(tool, EngineTool)
        return await tool.answer(asked)

    async def _judged(
        self, steps: Sequence[Step], judge: Callable[[Asked], Awaitable[Verdict]]
    ) -> list[Step]:
        return await Verdicts(self.journal, self.agent, steps, judge).gather()


async def _side_by_side(making: Sequence[Coroutine[Any, Any, Step]]) -> list[Step]:
    """All of them; where one fails, the others are stopped."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in making]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
