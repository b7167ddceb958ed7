"""What runs ask people: the inbox."""

from __future__ import annotations

import strawberry

from engine.states import InterruptStatus
from resolvers import interrupts
from schema.arguments import window
from schema.connection import Connection, ordered_by
from schema.context import Info
from schema.types import Interrupt


@strawberry.type
class InterruptQueries:
    @strawberry.field(description="The approval inbox, across runs.")
    async def interrupts(
        self,
        info: Info,
        status: InterruptStatus | None = InterruptStatus.OPEN,
        first: int | None = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: int | None = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
    ) -> Connection[Interrupt]:
        db, user_id = info.context.services.db, info.context.user_id
        filters: dict[str, object] = {} if status is None else {"status": status.value}
        page = await interrupts.interrupt_page(db, user_id, filters, window(first, after, last, before))
        return Connection[Interrupt].of(
            page,
            node=Interrupt.of,
            cursor=ordered_by("CREATED_AT"),
            count=lambda: interrupts.interrupt_count(db, user_id, filters),
        )
