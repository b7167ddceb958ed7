"""A model that says what its name says: for tests, demonstrations and clients' first steps, offline.

`fake:echo` repeats what it was asked. `fake:[…]` is a script, a JSON list with an entry for each turn:
`{"say": "…"}` thinks aloud, `{"call": "tool", "arguments": {…}}` calls a tool, `{"calls": [{…}, {…}]}`
several at once, `{"answer": "…"}` ends, `{"fail": "…"}` fails. Behind its last entry it answers `Done.`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from engine.models.model import Answer, AnyDecision, CallTools, ModelFailed, Said, Think, ToolCall, Turn
from engine.models.transcript import transcript
from engine.states import StepKind
from engine.steps import Usage

_PIECES = re.compile(r"\s*\S+|\s+$")
_DONE: dict[str, Any] = {"answer": "Done."}


@dataclass(frozen=True, slots=True)
class FakeModel:
    """Follows its script. Nothing is remembered: how far it is can be seen in the steps."""

    script: str
    is_instant: bool = False

    async def next(self, turn: Turn) -> AnyDecision:
        """Part of Model."""
        usage = Usage(len(_heard(turn)), 1, 1, 0.0)
        if self.script == "echo":
            return _answer(turn, f"You said: {_heard(turn)}", usage)
        done = sum(step.kind is not StepKind.TOOL_CALL for step in turn.steps)
        entry = dict([*_entries(self.script), *[_DONE] * (done + 1)][done])
        match entry:
            case {"say": text}:
                return Think(str(text), usage=usage)
            case {"answer": text}:
                return _answer(turn, str(text), usage)
            case {"fail": text}:
                raise ModelFailed(str(text))
            case {"calls": [*calls]}:
                numbered = enumerate(cast("list[object]", calls))
                return CallTools([_call(one, f"call_{done}_{at}") for at, one in numbered], usage=usage)
            case {"call": _}:
                return CallTools([_call(entry, f"call_{done}")], usage=usage)
            case _:
                raise ModelFailed("The script has an entry that is none.")


def script_problem(script: str) -> str | None:
    """Why this is no script, in a sentence; None where it is one."""
    try:
        if script != "echo":
            _entries(script)
    except ModelFailed as problem:
        return problem.message
    return None


def _entries(script: str) -> Sequence[dict[str, Any]]:
    try:
        entries = orjson.loads(script)
    except orjson.JSONDecodeError:
        raise ModelFailed("A script is `echo` or a JSON list of entries.") from None
    if not isinstance(entries, list) or not all(
        isinstance(one, dict) for one in cast("list[object]", entries)
    ):
        raise ModelFailed("A script is `echo` or a JSON list of entries.")
    return cast("list[dict[str, Any]]", entries)


def _answer(turn: Turn, text: str, usage: Usage) -> Answer:
    for piece in _PIECES.findall(text):
        turn.say(piece)
    return Answer(text, usage=usage)


def _call(entry: object, call_id: str) -> ToolCall:
    match entry:
        case {"call": str(name)}:
            arguments = cast("dict[str, Any]", entry).get("arguments")
            return ToolCall(name, arguments or {}, call_id)
        case _:
            raise ModelFailed("The script has a call that is none.")


def _heard(turn: Turn) -> str:
    said = [line.text for line in transcript(turn) if isinstance(line, Said) and line.role == "USER"]
    return said[-1] if said else ""
