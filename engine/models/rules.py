"""The built-in model: understands plain sentences about tasks, offline, and the same way each time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db.executions import ExecutionRow
from db.steps import StepRow
from engine.errands import Outcome
from engine.language import KnownTask, MessageError, Understanding, plan
from engine.language.resolution import Candidate
from engine.models.decisions import Answer, CallTool, Decision, Progress, Think
from engine.replies import Told, reply, reply_without_tool
from engine.states import StepKind


class Rules:
    """Plans a run's operations from its input, does one after another, and tells what came of them."""

    async def decide(self, run: ExecutionRow, steps: Sequence[StepRow]) -> Decision:
        """A thought that says the plan, a call for each operation, an answer. Nothing is remembered."""
        try:
            planned = plan(run.input, run.created_at, run.time_zone)
        except MessageError as error:
            return Answer(str(error))
        calls = [one for one in planned if one.tool is not None]
        if not calls:
            return Answer(" ".join(reply_without_tool(one) for one in planned))
        if not steps:
            return Think(_intention(calls), Progress(0, "Understood"))
        done = [step for step in steps if step.kind == StepKind.TOOL_CALL]
        if len(done) < len(calls):
            return _call(calls, len(done))
        return Answer("\n".join(_told(one, step) for one, step in zip(calls, done, strict=True)))


def _intention(calls: Sequence[Understanding]) -> str:
    names = ", then ".join(str(one.tool) for one in calls)
    return f"{len(calls)} {'thing' if len(calls) == 1 else 'things'} to do: {names}."


def _call(calls: Sequence[Understanding], index: int) -> CallTool:
    one, after = calls[index], index + 1
    progress = Progress(round(100 * after / len(calls), 1), f"{after} of {len(calls)} done")
    return CallTool(str(one.tool), one.tool_arguments() or {}, progress)


def _told(understanding: Understanding, step: StepRow) -> str:
    """What the rows say of an operation."""
    if step.error is not None:
        return step.error
    result = step.result
    return reply(
        understanding,
        Told(
            Outcome(result["outcome"]),
            [_known(task) for task in result["tasks"]],
            [_known(task) for task in result.get("before", ())],
            [Candidate(_known(one["task"]), one["similarity"]) for one in result.get("candidates", ())],
        ),
    )


def _known(task: dict[str, Any]) -> KnownTask:
    return KnownTask(task["id"], task["number"], task["title"], task["completed"])
