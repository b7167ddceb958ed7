"""A request and its repetitions: the effect once, the same answer each time, rebuilt from today's rows."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson

from db.idempotency import claim_key, keep_reference
from db.session import Session
from errors import IdempotencyConflict, InvalidInput, Issue

T = TypeVar("T")
Reference = dict[str, Any]

_LONGEST_KEY = 255
_WAIT_MS = 5_000
"How long a twin waits for the first request before it is told to come back."


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked: the mutation, and if the caller gave a key, that and the coerced input (JSON-able)."""

    mutation: str
    input: object
    key: str | None

    @property
    def fingerprint(self) -> bytes:
        """Equal for equal inputs, whatever the order of their fields."""
        return hashlib.sha256(orjson.dumps(self.input, option=orjson.OPT_SORT_KEYS)).digest()


@dataclass(frozen=True, slots=True)
class Effect(Generic[T]):
    """What a mutation does, which rows tell of it, and how to find them when it is asked again."""

    carry_out: Callable[[Session], Awaitable[T]]
    refer: Callable[[T], Reference]
    recall: Callable[[Session, Reference], Awaitable[T]]


async def once(session: Session, user_id: UUID, call: Call, effect: Effect[T]) -> tuple[T, bool]:
    """The effect's outcome, and whether it is a replay.

    Raises InvalidInput for a bad key, IdempotencyConflict, IdempotencyInFlight, and what the effect
    raises: then nothing is recorded, since the transaction is the caller's to roll back.
    """
    if call.key is None:
        return await effect.carry_out(session), False
    _check_key(call.key)
    known = await claim_key(session, user_id, call.mutation, call.key, call.fingerprint, _WAIT_MS)
    if known is None:
        outcome = await effect.carry_out(session)
        await keep_reference(session, user_id, call.mutation, call.key, effect.refer(outcome))
        return outcome, False
    if known.fingerprint != call.fingerprint or known.reference is None:
        raise IdempotencyConflict(path=("input", "idempotencyKey"))
    return await effect.recall(session, known.reference), True


async def recall_deletion(_: Session, reference: Reference) -> bool:
    """What the first request of a deletion was told."""
    return bool(reference["deleted"])


def _check_key(key: str) -> None:
    if not (1 <= len(key) <= _LONGEST_KEY and key.isprintable()):
        message = f"An idempotency key has 1 to {_LONGEST_KEY} visible characters."
        raise InvalidInput([Issue(("input", "idempotencyKey"), message)])
