"""Whether this process can serve: its database, the migrations and its ear for hints."""

from __future__ import annotations

import asyncio

from db.migrate import newest
from db.query import Query, Row
from errors import Unavailable
from resolvers.services import Services

_SECONDS = 1.5


class VersionRow(Row):
    """The migration that the database stands at."""

    version_num: str


_VERSION = Query("select version_num from alembic_version", VersionRow)
_TABLE = Query("select to_regclass('alembic_version') is not null as is_there")


async def troubles(services: Services) -> list[str]:
    """What keeps this process from serving, in words; empty when it is ready. Answers within 2 s."""
    found = [] if services.hub.healthy else ["The listener for hints is not connected."]
    try:
        async with asyncio.timeout(_SECONDS):
            version = await _version(services)
    except (Unavailable, TimeoutError):
        return ["The database does not answer.", *found]
    if version != newest():
        found.insert(0, f"The database stands at migration {version}; this version needs {newest()}.")
    return found


async def _version(services: Services) -> str | None:
    async with services.db.as_system() as session:
        if not (await session.one(_TABLE))["is_there"]:
            return None
        row = await session.first(_VERSION)
        return None if row is None else row.version_num
