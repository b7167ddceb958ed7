"""The built-in model: understands plain sentences about tasks, offline, and the same way each time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from engine.errands import Outcome
from engine.language import KnownTask, MessageError, Understanding, answers, plan
from engine.language.resolution import Candidate
from engine.models.model import Answer, AnyDecision, CallTools, Think, ToolCall, Turn
from engine.progress import Progress
from engine.replies import Told, reply, reply_without_tool
from engine.states import StepKind
from engine.steps import Step


class Rules:
    """Plans a run's operations from its input, does one after another, and tells what came of them."""

    is_instant = True

    async def next(self, turn: Turn) -> AnyDecision:
        """A thought that says the plan, a call for each operation, an answer: all of it follows from rows."""
        run = turn.run
        try:
            planned = _plan(run.input, run.created_at.replace(second=0, microsecond=0), run.time_zone)
        except MessageError as error:
            return Answer(str(error))
        wanted = [one for one in planned if one.tool is not None]
        if not wanted:
            return Answer(" ".join(reply_without_tool(one) for one in planned))
        done = [step for step in turn.steps if step.kind == StepKind.TOOL_CALL]
        if len(done) == len(wanted) or not len(turn.tools):
            return Answer(_account(wanted, done), progress=_progress(len(done), len(wanted)))
        if not turn.steps:
            return Think(_intention(wanted), Progress(0, "Understood"))
        return CallTools([_call(wanted, len(done))])


# A run asks at each of its steps, and understanding a sentence takes longer than writing a step. What was
# said in the same minute means the same: no sentence of ours speaks of seconds.
_plan = lru_cache(maxsize=1_000)(plan)


def _intention(calls: Sequence[Understanding]) -> str:
    names = ", then ".join(str(one.tool) for one in calls)
    return f"{len(calls)} {'thing' if len(calls) == 1 else 'things'} to do: {names}."


def _call(calls: Sequence[Understanding], index: int) -> ToolCall:
    one = calls[index]
    return ToolCall(str(one.tool), one.tool_arguments() or {}, progress=_progress(index + 1, len(calls)))


def _progress(done: int, wanted: int) -> Progress:
    return Progress(round(100 * done / wanted, 1), f"{done} of {wanted} done")


def _account(wanted: Sequence[Understanding], done: Sequence[Step]) -> str:
    """A line for each operation that was done, and one for those that were not."""
    lines = [_told(one, step) for one, step in zip(wanted, done, strict=False)]
    left = len(wanted) - len(done)
    return "\n".join([*lines, answers.not_done(left)] if left else lines)


def _told(understanding: Understanding, step: Step) -> str:
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
