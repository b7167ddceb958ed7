"""What a field may know of who asks: one context for each operation, never shared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import strawberry

from auth import Principal
from errors import Unauthenticated
from resolvers.services import Services


@dataclass(slots=True)
class Context:
    """One operation's."""

    services: Services
    principal: Principal | None = None
    idempotency_key: str | None = None
    "From the HTTP header; only there for a document with a single mutation field."
    more_time: Callable[[float], None] = lambda _: None
    "Lets the operation run longer, by seconds: for fields that wait by contract."

    @property
    def user_id(self) -> UUID:
        """Who asks. Raises Unauthenticated."""
        if self.principal is None:
            raise Unauthenticated
        return self.principal.user_id


Info: TypeAlias = strawberry.Info[Context, None]
