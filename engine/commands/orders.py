"""The operations of one message: all are looked at before the first of them is carried out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from db.session import Session
from db.tasks import TaskRow
from engine.language import Understanding
from engine.tasks.errands import Errand, Outcome, standing
from engine.tools.tasks import Arguments, DeleteTask, OfTasks, read


@dataclass(frozen=True, slots=True)
class Order:
    """One operation, and the tasks that it meant before anything was done."""

    understanding: Understanding
    arguments: Arguments
    found: Errand

    async def look(self, session: Session, user_id: UUID) -> Errand:
        """What it would be about, with nothing done."""
        if isinstance(self.arguments, OfTasks):
            return self.found if not self.found.tasks else Errand(Outcome.DONE, self.found.tasks)
        return await self.arguments.look(session, user_id)

    async def carry_out(self, session: Session, user_id: UUID) -> Errand:
        """Do it to the tasks that it meant, as they stand by now; whoever had to agree has agreed."""
        if not isinstance(self.arguments, OfTasks):
            return await self.arguments.errand(session, user_id)
        if self.found.tasks:
            rows = await standing(session, user_id, self.found.tasks)
            return await self.arguments.carry_out(session, user_id, rows)
        # An earlier order may have made it; but several tasks would be news to the person who agreed.
        done = await self.arguments.errand(session, user_id)
        return self.found if done.outcome is Outcome.CONFIRMATION_REQUIRED else done


async def look_at(session: Session, user_id: UUID, understandings: Iterable[Understanding]) -> list[Order]:
    """The orders that these are; each has a tool. What is deleted already is not deleted again."""
    orders: list[Order] = []
    gone = set[UUID]()
    for one in understandings:
        arguments = read(str(one.tool), one.tool_arguments() or {})
        found = Errand(Outcome.DONE)
        if isinstance(arguments, OfTasks):
            found = await arguments.look(session, user_id)
        if isinstance(arguments, DeleteTask) and found.tasks:
            found = replace(found, tasks=[row for row in found.tasks if row.id not in gone])
            gone |= {row.id for row in found.tasks}
            if not found.tasks:
                continue
        orders.append(Order(one, arguments, found))
    return orders


def are_one_change(orders: Sequence[Order]) -> bool:
    """Whether they do one and the same thing to tasks that are there: all of it is done, or nothing."""
    tools = {type(order.arguments) for order in orders}
    return len(tools) == 1 and all(isinstance(order.arguments, OfTasks) for order in orders)


def of_several(orders: Iterable[Order]) -> list[Order]:
    """Those of a tool by which more than one task would be changed, or deleted."""
    by_tool: dict[str | None, list[Order]] = defaultdict(list)
    for order in orders:
        by_tool[order.understanding.tool].append(order)
    return [order for alike in by_tool.values() if len(rows_of(alike)) > 1 for order in alike]


def rows_of(orders: Iterable[Order]) -> list[TaskRow]:
    """The tasks that they mean, each once."""
    return list({row.id: row for order in orders for row in order.found.tasks}.values())
