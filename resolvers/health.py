"""Whether this process can serve: its database, the migrations and its ear for hints."""

from __future__ import annotations

import asyncio

from db.migrate import is_behind, newest, standing
from errors import Unavailable
from resolvers.services import Services

_SECONDS = 1.5


async def troubles(services: Services) -> list[str]:
    """What keeps this process from serving, in words; empty when it is ready. Answers within 2 s."""
    found = [] if services.hub.healthy else ["The listener for hints is not connected."]
    try:
        async with asyncio.timeout(_SECONDS):
            async with services.db.as_system() as session:
                version = await standing(session)
    except (Unavailable, TimeoutError):
        return ["The database does not answer.", *found]
    if is_behind(version):
        found.insert(0, f"The database stands at migration {version}; this version needs {newest()}.")
    return found
