"""What operations are paid from: a user's budget, an address's where nobody is named, and repetitions'."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from auth import Principal
from db.connection import Database
from db.idempotency import are_known
from errors import CostLimitExceeded
from resolvers.budgets import Budgets
from settings import Settings

UNLIMITED = 2**31 - 1
"What is shown where there is no limit."


class Balance(NamedTuple):
    """Of one caller."""

    limit: int
    remaining: int


class Purse:
    """Pays for operations. A limit of 0 in the settings means that there is none."""

    def __init__(self, settings: Settings, db: Database, budgets: Budgets) -> None:
        self._by_user, self._by_address = settings.cost_per_minute, settings.anonymous_cost_per_minute
        self._db, self._budgets = db, budgets

    async def spend(self, principal: Principal | None, address: str, points: int) -> Balance | None:
        """Take so much from the caller's budget; None where there is none.

        Raises RateLimited, and CostLimitExceeded for more than a full budget holds.
        """
        if principal is None:
            return await self._spend(f"address {address}", points, self._by_address)
        return await self._spend(_of_user(principal.user_id), points, self._by_user)

    async def spend_on_replay(
        self, principal: Principal, mutations: list[tuple[str, str]], points: int
    ) -> Balance | None:
        """What is set aside for repetitions, as much again as the budget, once that is spent.

        None where one of the mutations was not carried out before with its key. Raises RateLimited.
        """
        async with self._db.as_user(principal.user_id) as session:
            if not await are_known(session, principal.user_id, mutations):
                return None
        return await self._spend(f"replays of {principal.user_id}", points, self._by_user)

    async def _spend(self, account: str, points: int, limit: int) -> Balance | None:
        if not limit:
            return None
        if points > limit:
            raise CostLimitExceeded(points, limit)
        return Balance(limit, await self._budgets.spend(account, points, limit))

    async def standing(self, user_id: UUID) -> tuple[Balance, timedelta]:
        """What a user may still spend, by the database, and after what time it is all there again."""
        if not self._by_user:
            return Balance(UNLIMITED, UNLIMITED), timedelta()
        left, after = await self._budgets.left(_of_user(user_id), self._by_user)
        return Balance(self._by_user, left), after


@lru_cache(4_096)
def _of_user(user_id: UUID) -> str:
    """The account. Kept, because to write out a UUID takes longer than to spend from it."""
    return f"user {user_id}"
