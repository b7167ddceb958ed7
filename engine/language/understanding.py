"""What one sentence was understood to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from engine.language.arguments import Arguments
from engine.language.intents import TOOLS, Intent


@dataclass(frozen=True, slots=True)
class Understanding:
    """An intent, and the arguments of its tool as far as the sentence says them.

    `arguments` is None for UNKNOWN, and where there is nothing to call yet ("set a reminder",
    "delete that item"): then ask back. `confidence` (0 to 1) is calibrated on labelled sentences.
    `rule` names what decided, for logs and for people who extend the grammar.
    """

    intent: Intent
    arguments: Arguments | None
    confidence: float
    rule: str
    zone: tzinfo

    @property
    def tool(self) -> str | None:
        """The tool to call, or None when there is nothing to call (yet)."""
        return None if self.arguments is None else TOOLS[self.intent]

    def tool_arguments(self) -> dict[str, object] | None:
        """The arguments as the API gives them."""
        return None if self.arguments is None else self.arguments.as_api(self.zone)

    def labels(self) -> dict[str, object]:
        """Intent, tool and arguments as labelled sentences give them."""
        args = None if self.arguments is None else self.arguments.as_labels()
        return {"intent": str(self.intent), "tool": self.tool, "args": args}
