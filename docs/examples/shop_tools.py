"""Tools of a shop, as an operator would add them: BATON_TOOLS_MODULE=shop_tools."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import Field

from engine.tools.operators import tool
from engine.tools.tool import Call, ToolFailed, Transient

STOCK = {"apple": 12, "pear": 0}
ORDERS: dict[str, dict[str, object]] = {}
"By effect key: what a real shop would keep in its own database, under a unique index."


@tool(effect="READ", timeout_seconds=5)
async def stock_of(item: Annotated[str, Field(description="Singular, in lower case.")]) -> dict[str, object]:
    """How many of an item are in stock."""
    if item not in STOCK:
        raise ToolFailed(f"We don't sell {item}.")
    return {"item": item, "left": STOCK[item]}


@tool(effect="IDEMPOTENT_WRITE")
async def order(
    item: str, call: Call, count: int = 1, speed: Literal["slow", "fast"] = "slow"
) -> dict[str, object]:
    """Orders an item for the user."""
    # The same key in every attempt: a call that is made again after a crash finds its own order.
    placed = {"item": item, "count": count, "speed": speed, "user": str(call.user_id)}
    return ORDERS.setdefault(call.effect_key, placed)


@tool(effect="NON_IDEMPOTENT", timeout_seconds=60)
async def ring_the_bell(times: Annotated[int, Field(ge=1, le=10)], call: Call) -> str:
    """Rings the bell in the shop."""
    for rung in range(times):
        await asyncio.sleep(0.1)
        call.report(100 * (rung + 1) / times, f"Rung {rung + 1} of {times} times")
    return "It was heard."


@tool(effect="READ")
async def delivery_days(town: str) -> int:
    """How many days a delivery takes."""
    if town == "nowhere":
        raise Transient("The carrier is busy.", retry_after=2)
    return 3
