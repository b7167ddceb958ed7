"""Carrying one run from where its rows stand to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from db.connection import Session
from db.steps import StepRow
from engine.journal import Journal, Outcome
from engine.models.decisions import Answer, CallTool, Model, Progress, Think
from engine.states import StepKind
from engine.tools.tool import AnyTool
from errors import Problem


class Carrier:
    """Carries the runs of one worker: asks the model, takes the step, asks again."""

    def __init__(self, model: Model, tools: Mapping[str, AnyTool], wants_to_stop: Callable[[], bool]) -> None:
        self._model, self._tools, self._wants_to_stop = model, tools, wants_to_stop

    async def carry(self, journal: Journal) -> bool:
        """Go on until the run has ended. False where it stopped at a step boundary, as was wanted.

        Raises LeaseLost and CancelRequested, and what the model raises.
        """
        steps = await journal.ended_steps()
        while not self._wants_to_stop():
            decision = await self._model.decide(journal.run, steps)
            if isinstance(decision, Answer):
                await self._conclude(journal, len(steps) + 1, decision)
                return True
            steps.append(await self._take(journal, len(steps) + 1, decision))
        return False

    async def _take(self, journal: Journal, number: int, decision: Think | CallTool) -> StepRow:
        match decision:
            case Think(text, progress):
                step = await journal.begin(number, StepKind.THINKING, {"text": text})
                return await journal.finish(step, _said, progress)
            case CallTool(name, arguments, progress):
                fields = {"tool_name": name, "input": arguments}
                step = await journal.begin(number, StepKind.TOOL_CALL, fields)
                return await self._call(journal, step, progress)

    async def _conclude(self, journal: Journal, number: int, answer: Answer) -> None:
        step = await journal.begin(number, StepKind.FINAL_ANSWER, {"text": answer.text})
        await journal.conclude(step, answer.text)

    async def _call(self, journal: Journal, step: StepRow, progress: Progress | None) -> StepRow:
        tool = self._tools.get(step.tool_name or "")
        if tool is None:
            return await journal.finish(step, _failed(f"There is no tool {step.tool_name!r}."), progress)
        try:
            return await journal.finish(step, tool.work(journal.run.user_id, step.input), progress)
        except Problem as problem:
            return await journal.finish(step, _failed(problem.message), progress)


async def _said(_: Session) -> Outcome:
    """A thought is done once it is written."""
    return Outcome()


def _failed(message: str) -> Callable[[Session], Awaitable[Outcome]]:
    async def work(_: Session) -> Outcome:
        return Outcome(error=message)

    return work
