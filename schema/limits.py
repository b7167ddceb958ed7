"""What the caller may still ask for."""

from __future__ import annotations

from datetime import datetime

import strawberry

from auth import utc_now
from schema.context import Info


@strawberry.type(
    description="Each user has points, which come back evenly; what an operation may bring is taken from "
    "them before it runs."
)
class RateLimit:
    limit: int = strawberry.field(
        description="Points in a minute: about the objects that operations bring, lists at their full size."
    )
    remaining: int = strawberry.field(description="What is left of them now.")
    reset_at: datetime = strawberry.field(
        description="When all of it is there again, if nothing is spent until then; it comes back evenly."
    )


@strawberry.type
class LimitQueries:
    @strawberry.field(
        description="What the caller may still spend; the cost of each operation is in `extensions.cost`."
    )
    async def rate_limit(self, info: Info) -> RateLimit:
        balance, after = await info.context.services.purse.standing(info.context.user_id)
        return RateLimit(limit=balance.limit, remaining=balance.remaining, reset_at=utc_now() + after)
