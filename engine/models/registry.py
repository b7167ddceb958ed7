"""Finds a model by the name that an agent's version gives it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.models.model import Model, ModelFailed
from engine.models.rules import Rules

log = logging.getLogger(__name__)


class Models:
    """`rules` is a name, `openai:gpt-5` a family and what it makes of the rest."""

    def __init__(
        self,
        named: Mapping[str, Model] | None = None,
        families: Mapping[str, Callable[[str], Model]] | None = None,
        openers: Sequence[Callable[[], Awaitable[None]]] = (),
        closers: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._named = {"rules": Rules(), **(named or {})}
        self._families = dict(families or {})
        self._openers, self._closers = openers, closers

    def get(self, name: str) -> Model:
        """The model. Raises ModelFailed where there is none of this name."""
        if model := self._named.get(name):
            return model
        family, _, rest = name.partition(":")
        if rest and (make := self._families.get(family)):
            return make(rest)
        raise ModelFailed(f"There is no model {name!r} here.")

    async def open(self) -> None:
        """Load what the families' models need, so that the first run does not wait for it. Never raises."""
        for open_one in self._openers:
            try:
                await open_one()
            except Exception:
                log.exception("a family of models cannot be loaded: its runs will fail")

    async def close(self) -> None:
        """Let go of what is kept for the families' models."""
        for close in self._closers:
            await close()
