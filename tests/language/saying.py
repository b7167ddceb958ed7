"""Says things to the task agent on a Wednesday morning."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.language import Understanding, understand

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
"A Wednesday."


def said(text: str, zone: str = "UTC") -> Understanding:
    return understand(text, NOW, zone)


def meant(text: str) -> tuple[str, object]:
    """The intent and, as labelled sentences write them, the arguments."""
    labels = said(text).labels()
    return str(labels["intent"]), labels["args"]
