"""What commands do with the database alone: no server has to be there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from auth import Tokens, load_secret, utc_now
from db.connection import Database
from db.home import database
from engine.worker.retention import Retention
from resolvers.task_agent import Answered, question
from resolvers.task_agent import ask as ask_agent
from resolvers.users import ensure_user
from scopes import Scope
from settings import Settings


async def migrate(settings: Settings) -> None:
    """Bring the database to the newest migration."""
    async with database(settings, migrated=True):
        pass


async def prune(settings: Settings) -> dict[str, int]:
    """Delete what is older than it is to be kept; how much of each went."""
    async with _opened(settings) as db:
        return await Retention.of(settings).prune(db)


async def token(settings: Settings, email: str, seconds: int, scopes: list[Scope] | None) -> str:
    """An access token of this user's, who is made where there is none."""
    async with _opened(settings) as db:
        user = await ensure_user(db, email)
    tokens = Tokens(settings, load_secret(settings))
    return tokens.issue(user.id, seconds=seconds, scopes=scopes)[0]


async def ask(
    settings: Settings, email: str, message: str, time_zone: str, confirm: str | None, *, dry_run: bool
) -> Answered:
    """What the task agent answers this user. Raises InvalidInput."""
    tokens = Tokens(settings, load_secret(settings))
    async with _opened(settings) as db:
        user = await ensure_user(db, email)
        asked = question(message, utc_now(), time_zone, confirm, dry_run)
        return await db.transact(user.id, lambda session: ask_agent(session, tokens, user.id, asked))


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[Database, None]:
    async with database(settings) as dsn:
        pooled = settings.direct_url is not None
        db = Database(dsn, size=1, name="baton cli", through_pooler=pooled)
        await db.open()
        try:
            yield db
        finally:
            await db.close()
