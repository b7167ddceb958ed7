"""Models of providers, whose library is only imported by workers that have one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.models.model import AnyDecision, ModelFailed, Turn
from engine.models.providers import NOT_INSTALLED, Provider, is_installed
from garbage import settle

if TYPE_CHECKING:
    from engine.models.wire import Wire


@dataclass(slots=True)
class Seller:
    """One provider: its models by name, over one client that is kept."""

    provider: Provider
    _opening: asyncio.Task[Wire] | None = field(default=None, repr=False)

    def model(self, name: str) -> RemoteModel:
        """The model that the provider knows by this name."""
        return RemoteModel(self, name)

    async def wire(self) -> Wire:
        """The client. Raises ModelFailed where the library is not installed."""
        if not is_installed():
            raise ModelFailed(NOT_INSTALLED)
        if self._opening is None:
            # Importing takes seconds: in a thread, so that leases are renewed meanwhile.
            self._opening = asyncio.create_task(asyncio.to_thread(_open, self.provider))
        return await asyncio.shield(self._opening)

    async def open(self) -> None:
        """Have the client there before it is asked for; nothing where the library is not installed."""
        if is_installed():
            await self.wire()

    async def close(self) -> None:
        """Let go of its connections."""
        if self._opening is not None:
            await (await self._opening).close()


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A provider's model."""

    seller: Seller
    name: str
    is_instant: bool = False

    async def next(self, turn: Turn) -> AnyDecision:
        """Part of Model."""
        wire = await self.seller.wire()
        return await wire.ask(self.name, turn)


def _open(provider: Provider) -> Wire:
    from engine.models.wire import Wire

    wire = Wire(provider)
    settle()
    return wire
