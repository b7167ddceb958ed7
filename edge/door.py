"""What an application hands to the edge: who asks, and what one operation carries with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from auth import Principal
from edge.access import NO_ACCESS, Access
from edge.guard import Purse
from edge.registry import Store

C = TypeVar("C")


class RequestFacts(NamedTuple):
    """What the edge knows of one operation. A fresh one per operation, also on a shared socket."""

    request_id: str
    "Stands in the response header `X-Request-ID` and in our log."
    idempotency_key: str | None
    "The header `Idempotency-Key`; only ever set where the operation is a mutation with one root field."
    address: str
    "Where the request comes from; see `edge.address`."
    more_time: Callable[[float], None]
    """Lets the operation run so many seconds longer than the operation timeout, for fields that wait by
    contract. Calls add up, to 30 s in all. Without effect in a subscription: those have no timeout."""


@dataclass(frozen=True, slots=True)
class Door(Generic[C]):
    """What is the application's to say."""

    authenticate: Callable[[str | None], Awaitable[Principal | None]]
    """Gets the bearer token, or None where there is none. Answers None for an anonymous caller; raises
    errors.Unauthenticated for a token that is not valid."""
    context: Callable[[Principal | None, RequestFacts], C]
    "Makes the `info.context` of one operation."
    access: Access = field(default_factory=lambda: NO_ACCESS)
    store: Callable[[], Store] | None = None
    "Of automatic persisted queries; without one each is not found."
    purse: Callable[[], Purse] | None = None
    "Without one operations have a limit each, and callers no budget."
