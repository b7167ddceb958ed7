"""Tools that leave a row in `calls` for each call, in the tests' own database: BATON_TOOLS_MODULE."""

from __future__ import annotations

import asyncio
import os

import asyncpg

from engine.tools.operators import tool
from engine.tools.tool import Call

TABLE = "create table calls (tool text, effect_key text, at timestamptz default clock_timestamp())"


@tool(effect="IDEMPOTENT_WRITE")
async def order(item: str, call: Call) -> str:
    """Orders something."""
    await _note("order", call)
    return item


@tool(effect="NON_IDEMPOTENT")
async def pay(amount: int, call: Call, seconds: float = 0.2) -> int:
    """Pays."""
    await _note("pay", call)
    await asyncio.sleep(seconds)
    return amount


@tool(effect="READ")
async def look(call: Call) -> str:
    """Looks for something, for as long as it may; whoever comes after the first finds it."""
    if await _note("look", call) == 1:
        await asyncio.Event().wait()
    return "found"


async def _note(name: str, call: Call) -> int:
    """How many calls of this step there were by now."""
    db = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        await db.execute("insert into calls (tool, effect_key) values ($1, $2)", name, call.effect_key)
        return await db.fetchval("select count(*) from calls where effect_key = $1", call.effect_key)
    finally:
        await db.close()
