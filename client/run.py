"""A run as a client puts it together from the frames of its stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from client.socket import Message

ENDED = {"COMPLETED", "FAILED", "CANCELLED"}


@dataclass(slots=True)
class Run:
    """What is known so far: by a snapshot, and by the events that came after it."""

    id: str
    input: str = ""
    status: str = "QUEUED"
    end_reason: str | None = None
    percent: float | None = None
    message: str | None = None
    questions: dict[str, str] = field(default_factory=dict[str, str])
    "What it waits for a person to answer, by the interrupt."
    steps: dict[int, Message] = field(default_factory=dict[int, Message])

    def take(self, frame: Message) -> list[Message]:
        """Bring it up to date; answers the events that the frame held."""
        if snapshot := frame.get("snapshot"):
            self._begin_from(snapshot)
        events: list[Message] = frame.get("events") or []
        for event in events:
            self._take_event(event)
        return events

    def _begin_from(self, snapshot: Message) -> None:
        self.input, self.status, self.end_reason = (
            snapshot["input"],
            snapshot["status"],
            snapshot["endReason"],
        )
        self._report(snapshot["progress"])
        self.steps = {step["number"]: step for step in snapshot["steps"]["nodes"]}

    def _take_event(self, event: Message) -> None:
        match event["__typename"]:
            case "ExecutionStatusChanged":
                self.status, self.end_reason = event["status"], event["endReason"]
            case "StepStarted" | "StepFinished":
                self.steps[event["step"]["number"]] = event["step"]
            case "ProgressReported":
                self._report(event["progress"])
            case "InterruptOpened":
                self.questions[event["interrupt"]["id"]] = event["interrupt"]["prompt"]
            case "InterruptClosed":
                self.questions.pop(event["interrupt"]["id"], None)
            case _:
                pass  # of a newer server

    def _report(self, progress: Message | None) -> None:
        if progress is not None:
            self.percent, self.message = progress["percent"], progress["message"]


def told(step: Message) -> str:
    """A step in a line."""
    if step["kind"] == "TOOL_CALL":
        arguments: Message = step["input"] or {}
        given = ", ".join(f"{name}: {_short(value)}" for name, value in arguments.items())
        return f"{step['toolName']}({given})"
    text = (step["text"] or "").strip()
    return text.splitlines()[0] if text else "…"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
