"""Finds a model by the name that an agent's version gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.models.model import Model, ModelFailed
from engine.models.rules import Rules


class Models:
    """`rules` is a name, `openai:gpt-5` a family and what it makes of the rest."""

    def __init__(
        self,
        named: Mapping[str, Model] | None = None,
        families: Mapping[str, Callable[[str], Model]] | None = None,
        closers: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._named = {"rules": Rules(), **(named or {})}
        self._families = dict(families or {})
        self._closers = closers

    def get(self, name: str) -> Model:
        """The model. Raises ModelFailed where there is none of this name."""
        if model := self._named.get(name):
            return model
        family, _, rest = name.partition(":")
        if rest and (make := self._families.get(family)):
            return make(rest)
        raise ModelFailed(f"There is no model {name!r} here.")

    async def close(self) -> None:
        """Let go of what is kept for the families' models."""
        for close in self._closers:
            await close()
