"""The tool by which a model says how far it is."""

from __future__ import annotations

from typing import Any

from engine.steps import Outcome
from engine.tools.tool import Asked, Effect, EngineTool

_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "percent": {
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 100,
            "description": "How much is done; null when nobody knows.",
        },
        "message": {"type": ["string", "null"], "maxLength": 500, "description": "What is done just now."},
    },
    "additionalProperties": False,
}


async def _answer(asked: Asked) -> Outcome:
    given = asked.step.input or {}
    percent, message = given.get("percent"), given.get("message")
    if percent is not None and (isinstance(percent, bool) or not isinstance(percent, int | float)):
        return Outcome(error="percent is a number from 0 to 100, or null.")
    if message is not None and not isinstance(message, str):
        return Outcome(error="message is a text, or null.")
    asked.report(percent, message)
    return Outcome(result={"reported": True})


REPORT_PROGRESS = EngineTool(
    name="report_progress",
    description="Tells whoever watches how far the work is.",
    parameters=_PARAMETERS,
    effect=Effect.PURE,
    answer=_answer,
)
