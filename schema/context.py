"""What a field may know of who asks: one context for each operation, never shared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from auth import Principal
from db.connection import Database
from db.gathering import Gathered, Rounds
from errors import Forbidden, Unauthenticated
from projection import ForAll
from resolvers.services import Services
from scopes import Scope

V = TypeVar("V")
Find: TypeAlias = Callable[[Database, UUID, list[UUID]], Awaitable[Mapping[UUID, V]]]
"A resolver that finds a user's objects by their ids."


@dataclass(slots=True)
class Context:
    """One operation's."""

    services: Services
    principal: Principal | None = None
    idempotency_key: str | None = None
    "From the HTTP header; only there for a document with a single mutation field."
    address: str = "unknown"
    "Where the request comes from; of IPv6 the network of 64 bits."
    more_time: Callable[[float], None] = lambda _: None
    "Lets the operation run longer, by seconds: for fields that wait by contract."
    _loaders: dict[Find[Any], DataLoader[UUID, Any]] = field(
        default_factory=dict[Find[Any], DataLoader[UUID, Any]]
    )

    _together: Gathered | None = None
    _rounds: Rounds = field(default_factory=Rounds)

    async def load(self, find: Find[V], one: UUID) -> V | None:
        """What is found for this id; asked in one statement with what other fields look for just now."""
        return (await self.load_many(find, [one]))[0]

    async def load_many(self, find: Find[V], ids: Sequence[UUID]) -> list[V | None]:
        """The same for several ids, in their order."""
        loader = self._loaders.get(find)
        if loader is None:
            # Nothing is kept: a mutation changes what the next field asks for, and a subscription is long.
            loader = self._loaders[find] = DataLoader(self._load(find), cache=False)
        return await loader.load_many(ids)

    def _load(self, find: Find[V]) -> Callable[[list[UUID]], Awaitable[list[V | None]]]:
        async def load(ids: list[UUID]) -> list[V | None]:
            found = await find(self.services.db, self.user_id, ids)
            return [found.get(one) for one in ids]

        return load

    async def one_of(self, find: ForAll, source: object, info: Info, **arguments: Any) -> Any:
        """A field for one object, found with those that ask the same for other objects just now."""
        kind = (find, *arguments.values())
        return await self._rounds.answer(kind, source, lambda sources: find(sources, info, **arguments))

    @property
    def together(self) -> Gathered:
        """Where lists within lists are read: those of all objects of a list in one statement."""
        if self._together is None:
            self._together = Gathered(self.services.db)
        return self._together

    @property
    def user_id(self) -> UUID:
        """Who asks. Raises Unauthenticated."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal.user_id

    def require(self, scope: Scope) -> None:
        """For fields whose scope depends on what is asked for; all others are in `schema.scopes`.

        Raises Forbidden.
        """
        if self.principal is not None and not self.principal.allows(scope):
            raise Forbidden([scope])


Info: TypeAlias = strawberry.Info[Context, None]
