"""The built-in model: understands plain sentences about tasks, offline, and the same way each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.language import KnownTask, MessageError, Understanding, answers, plan
from engine.language.resolution import Candidate
from engine.models.model import Answer, AnyDecision, CallTools, Think, ToolCall, Turn
from engine.progress import Progress
from engine.states import StepKind
from engine.steps import Step
from engine.tasks.errands import Outcome
from engine.tasks.replies import Told, reply, reply_without_tool


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
        calls = together(wanted)
        done = [step for step in turn.steps if step.kind == StepKind.TOOL_CALL]
        if len(done) == len(calls) or not len(turn.tools):
            return Answer(_account(calls, done), progress=_progress(len(done), len(calls)))
        if not turn.steps:
            return Think(_intention(calls), Progress(0, "Understood"))
        return CallTools([_call(calls, len(done))])


# A run asks at each of its steps, and understanding a sentence takes longer than writing a step. What was
# said in the same minute means the same: no sentence of ours speaks of seconds.
_plan = lru_cache(maxsize=1_000)(plan)


@dataclass(frozen=True, slots=True)
class Planned:
    """One call, and what was understood: of the first, where one thing is asked of several tasks."""

    understanding: Understanding
    arguments: dict[str, Any]

    def with_(self, other: Planned) -> Planned | None:
        """Both as one call; None where they are not the same, done to other tasks."""
        mine, theirs = (dict(one.arguments) for one in (self, other))
        refs = [mine.pop("ref", {}), theirs.pop("ref", {})]
        is_same = self.understanding.tool == other.understanding.tool and mine == theirs
        if not is_same or not all(refs) or any("all" in ref for ref in refs):
            return None
        return Planned(self.understanding, {**mine, "ref": _joined(refs)})


def _joined(refs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    named: dict[str, list[Any]] = {}
    for ref in refs:
        for one, several in (("number", "numbers"), ("title", "titles")):
            if given := [*([ref[one]] if one in ref else []), *ref.get(several, [])]:
                named.setdefault(several, []).extend(given)
    return named


def together(wanted: Sequence[Understanding]) -> list[Planned]:
    """What is to be called. The same thing done to task after task is one call: all of it, or nothing."""
    calls: list[Planned] = []
    for one in wanted:
        call = Planned(one, one.tool_arguments() or {})
        if calls and (both := calls[-1].with_(call)) is not None:
            calls[-1] = both
        else:
            calls.append(call)
    return calls


def _intention(calls: Sequence[Planned]) -> str:
    names = ", then ".join(str(one.understanding.tool) for one in calls)
    return f"{len(calls)} {'thing' if len(calls) == 1 else 'things'} to do: {names}."


def _call(calls: Sequence[Planned], index: int) -> ToolCall:
    one = calls[index]
    return ToolCall(str(one.understanding.tool), one.arguments, progress=_progress(index + 1, len(calls)))


def _progress(done: int, wanted: int) -> Progress:
    return Progress(round(100 * done / wanted, 1), f"{done} of {wanted} done")


def _account(calls: Sequence[Planned], done: Sequence[Step]) -> str:
    """A line for each call that was made, and one for those that were not."""
    lines = [_told(one.understanding, step) for one, step in zip(calls, done, strict=False)]
    left = len(calls) - len(done)
    return "\n".join([*lines, answers.not_done(left)] if left else lines)


def _told(understanding: Understanding, step: Step) -> str:
    """What the rows say of an operation."""
    if step.error is not None:
        return step.error
    result = step.result
    line = reply(
        understanding,
        Told(
            Outcome(result["outcome"]),
            [_known(task) for task in result["tasks"]],
            [_known(task) for task in result.get("before", ())],
            [Candidate(_known(one["task"]), one["similarity"]) for one in result.get("candidates", ())],
        ),
    )
    return f"{answers.about(result['about'], line)}\n{answers.NOTHING_DONE}" if "about" in result else line


def _known(task: dict[str, Any]) -> KnownTask:
    return KnownTask(task["id"], task["number"], task["title"], task["completed"])
