"""The tool by which a model asks the person whom it works for."""

from __future__ import annotations

from typing import Any

from db import interrupts as rows
from db.executions import ExecutionRow
from db.session import Session
from engine.json_schemas import issues_of, schema_problem
from engine.runs.interrupts import Ask, open_interrupt
from engine.states import Decision, InterruptReason
from engine.steps import Outcome
from engine.tools.tool import Asked, Effect, EngineTool, Wait

LONGEST_QUESTION = 4_000

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string", "minLength": 1, "maxLength": LONGEST_QUESTION},
        "schema": {
            "type": "object",
            "description": "JSON Schema that the answer must satisfy; any text when left out.",
        },
    },
    "required": ["question"],
    "additionalProperties": False,
}
_ANY_TEXT = {"type": "string"}


def ask_user(expires_seconds: float) -> EngineTool:
    """The tool; a person has so many seconds to answer."""

    async def answer(asked: Asked) -> Outcome | Wait:
        row = await rows.last_interrupt(asked.session, asked.run, InterruptReason.QUESTION, asked.step.id)
        if row is None:
            return _ask(asked, expires_seconds)
        match row.decision:
            case Decision.RESPOND:
                return Outcome(result={"answer": row.answer, **_comment(row.comment)})
            case Decision.DENY:
                return Outcome(error=f"The person did not want to answer. {row.comment or ''}".strip())
            case _:
                return Wait(for_person=True)

    return EngineTool(
        name="ask_user",
        description="Asks the person whom you work for, and waits for the answer.",
        parameters=_PARAMETERS,
        effect=Effect.READ,
        answer=answer,
    )


def _ask(asked: Asked, expires_seconds: float) -> Outcome | Wait:
    given = asked.step.input or {}
    if issues := issues_of(_PARAMETERS, given):
        return Outcome(error="; ".join(issue.message for issue in issues))
    schema = given.get("schema", _ANY_TEXT)
    if (problem := schema_problem(schema)) is not None:
        return Outcome(error=f"The schema of the answer is not sound: {problem}")
    ask = Ask(
        reason=InterruptReason.QUESTION,
        prompt=given["question"],
        step_id=asked.step.id,
        tool_name="ask_user",
        response_schema=schema,
    )

    async def open_(session: Session, run: ExecutionRow) -> None:
        await open_interrupt(session, run, ask, expires_seconds)

    return Wait(for_person=True, open=open_)


def _comment(comment: str | None) -> dict[str, str]:
    return {} if comment is None else {"comment": comment}
