"""What a process holds while it runs: connections and keys, nothing that matters."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auth import Tokens, load_secret
from db.connection import Database
from db.events import FoundRow
from engine.tools.offer import offered_tools
from events.feed import Feed
from events.hub import Hub, open_hub
from resolvers.budgets import Budgets
from resolvers.documents import Documents
from resolvers.logs import Logs
from resolvers.purse import Purse
from settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Handed to every operation."""

    settings: Settings
    db: Database
    hub: Hub
    logs: Logs
    feed: Feed[FoundRow]
    tokens: Tokens
    budgets: Budgets
    purse: Purse
    documents: Documents


@asynccontextmanager
async def open_services(settings: Settings, dsn: str, name: str) -> AsyncGenerator[Services, None]:
    """Connect to the database and to its hints; `name` is how Postgres lists our connections.

    Raises SettingsError where the operator's tools cannot be used, and Unavailable where the database does
    not answer.
    """
    offered_tools(settings)  # they are loaded here, or nowhere
    db = Database(
        dsn,
        size=settings.pool_size,
        name=name,
        idle_seconds=settings.lease_seconds,
        through_pooler=settings.direct_url is not None,
    )
    await db.open()
    try:
        async with open_hub(settings.direct_url or dsn, name, settings.broadcast_url) as hub:
            db.on_commit = hub.publish
            tokens = Tokens(settings, load_secret(settings))
            budgets = Budgets(db)
            purse = Purse(settings, db, budgets)
            logs = Logs(db)
            await logs.start()
            async with _feeding(settings, logs, hub) as feed:
                yield Services(settings, db, hub, logs, feed, tokens, budgets, purse, Documents(db))
    finally:
        await db.close()


@asynccontextmanager
async def _feeding(settings: Settings, logs: Logs, hub: Hub) -> AsyncGenerator[Feed[FoundRow], None]:
    feed = Feed(
        logs,
        poll_seconds=settings.poll_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        slow_seconds=settings.slow_consumer_seconds,
    )
    hub.lend(feed)
    feed.start()
    try:
        yield feed
    finally:
        await feed.stop()
