"""What a user's tool server offers, as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.tools.tool import Effect, Tool


class ServerFailed(Exception):
    """A tool server did not do what was asked; `is_final`: asking again would change nothing."""

    def __init__(self, message: str, *, is_final: bool) -> None:
        super().__init__(message)
        self.message, self.is_final = message, is_final


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """One tool, by the name that its server gives it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    effect: Effect

    def as_json(self) -> dict[str, Any]:
        """As it is kept in the server's row."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
            "effect": self.effect.value,
        }

    def tool(self, server: str) -> Tool:
        """What it says of itself as a tool of this server."""
        return Tool(
            name=f"{server}.{self.name}",
            description=self.description,
            parameters=self.parameters,
            effect=self.effect,
            source=server,
        )

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> ToolOffer:
        """As it was kept."""
        return cls(kept["name"], kept["description"], kept["parameters"], Effect(kept["effect"]))
