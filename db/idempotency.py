"""Idempotency keys: recorded with the effect, in its transaction, and good for 24 hours."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg

from db.query import Query, Row
from db.session import Session
from errors import IdempotencyInFlight


class KeyRow(Row):
    """What was asked with a key, and the rows that answer it."""

    fingerprint: bytes
    reference: dict[str, Any] | None


# Waits for a twin's transaction on the primary key; `lock_timeout` bounds the wait.
_CLAIM = Query(
    """
    insert into idempotency_keys (user_id, mutation, key, fingerprint)
    values (:user_id, :mutation, :key, :fingerprint)
    on conflict (user_id, mutation, key) do update
    set fingerprint = excluded.fingerprint, reference = null, created_at = now()
    where idempotency_keys.created_at < now() - interval '24 hours'
    """
)
_BOUND = Query("select set_config('lock_timeout', :wait, true)")
_GET = Query(
    """
    select fingerprint, reference from idempotency_keys
    where user_id = :user_id and mutation = :mutation and key = :key
    """,
    KeyRow,
)
_KEEP = Query(
    """
    update idempotency_keys set reference = :reference
    where user_id = :user_id and mutation = :mutation and key = :key
    """
)


_COUNT_KNOWN = Query(
    """
    select count(*) as known
    from unnest(cast(:mutations as text[]), cast(:keys as text[])) as asked (mutation, key)
    join idempotency_keys as kept using (mutation, key)
    where kept.user_id = :user_id and kept.reference is not null
      and kept.created_at > now() - interval '24 hours'
    """
)


async def are_known(session: Session, user_id: UUID, pairs: list[tuple[str, str]]) -> bool:
    """Whether each of these mutations was carried out before with its key."""
    mutations, keys = [mutation for mutation, _ in pairs], [key for _, key in pairs]
    row = await session.one(_COUNT_KNOWN, user_id=user_id, mutations=mutations, keys=keys)
    return row["known"] == len(pairs)


async def claim_key(
    session: Session, user_id: UUID, mutation: str, key: str, fingerprint: bytes, wait_ms: int
) -> KeyRow | None:
    """None where the key is ours now; else what it stands for. Raises IdempotencyInFlight after `wait_ms`."""
    await session.one(_BOUND, wait=f"{wait_ms}ms")
    try:
        claimed = await session.run(
            _CLAIM, user_id=user_id, mutation=mutation, key=key, fingerprint=fingerprint
        )
    except asyncpg.LockNotAvailableError as error:
        raise IdempotencyInFlight from error
    await session.one(_BOUND, wait="0")
    return None if claimed else await session.one(_GET, user_id=user_id, mutation=mutation, key=key)


async def keep_reference(
    session: Session, user_id: UUID, mutation: str, key: str, reference: dict[str, Any]
) -> None:
    """Remember which rows answer this key."""
    await session.run(_KEEP, user_id=user_id, mutation=mutation, key=key, reference=reference)
