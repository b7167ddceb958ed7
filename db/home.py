"""Where the rows live: the operator's Postgres, or a private one beside us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from db.embedded.postgres import EmbeddedPostgres
from db.migrate import migrate
from settings import Settings


@asynccontextmanager
async def database(settings: Settings, *, migrated: bool = False) -> AsyncGenerator[str, None]:
    """The address of the database, there as long as the block lasts.

    A private one is started, or shared with who started it, and always migrated; the operator's own
    only where `migrated` asks for it, since a deployment migrates once and not at every start.
    """
    if settings.database_url is not None:
        if migrated:
            await migrate(settings.direct_url or settings.database_url)
        yield settings.database_url
        return
    postgres = EmbeddedPostgres(settings.data_dir)
    await asyncio.to_thread(postgres.start)
    try:
        await migrate(postgres.url())
        yield postgres.url()
    finally:
        await asyncio.to_thread(postgres.stop)
