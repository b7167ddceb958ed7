"""Refresh tokens: each works once, and one that comes twice ends its family."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta

import pytest

from auth import Tokens
from db import users as rows
from db.connection import Database
from db.query import Query
from errors import InvalidCredentials
from ids import new_id
from resolvers.users import SignedIn, ensure_user, identify, refresh_session, sign_out
from tests.users.parts import our_tokens

pytestmark = pytest.mark.anyio

AGE = Query("update refresh_tokens set expires_at = now() where hash = :hash")
LIFETIMES = Query("select expires_at - created_at as lifetime from refresh_tokens")
WAITING = Query(
    """
    select count(*) as count from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
    """
)


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@pytest.fixture
async def first(db: Database) -> str:
    """The refresh token of a fresh sign-in."""
    return await start(db)


async def start(db: Database, token: str = "the first token of a family") -> str:
    user = await ensure_user(db, "ann@example.com")
    async with db.as_system() as session:
        await rows.start_family(session, user.id, new_id(), hashed(token), timedelta(days=30))
    return token


async def count_waiting(db: Database) -> int:
    """In a transaction of its own: Postgres shows the same picture all through one."""
    async with db.as_system() as session:
        return (await session.one(WAITING))["count"]


async def refused(db: Database, tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidCredentials) as caught:
        await refresh_session(db, tokens, token)
    assert caught.value.message == "The credentials are not valid."


async def test_a_token_is_exchanged_for_new_ones(db: Database, tokens: Tokens, first: str) -> None:
    second = await refresh_session(db, tokens, first)
    third = await refresh_session(db, tokens, second.refresh_token)
    assert len({first, second.refresh_token, third.refresh_token}) == 3
    assert third.user == second.user
    assert (await identify(db, tokens, third.access_token)).user_id == second.user.id


async def test_a_token_that_comes_twice_ends_its_family(db: Database, tokens: Tokens, first: str) -> None:
    second = await refresh_session(db, tokens, first)
    await refused(db, tokens, first)
    await refused(db, tokens, second.refresh_token)


async def test_any_old_token_ends_its_family(db: Database, tokens: Tokens, first: str) -> None:
    newest = first
    for _ in range(4):
        newest = (await refresh_session(db, tokens, newest)).refresh_token
    await refused(db, tokens, first)
    await refused(db, tokens, newest)


async def test_other_families_live_on(db: Database, tokens: Tokens, first: str) -> None:
    other = await start(db, "the first token of another family")
    await refresh_session(db, tokens, first)
    await refused(db, tokens, first)
    await refresh_session(db, tokens, other)


async def test_what_is_no_token_is_refused(db: Database, tokens: Tokens, first: str) -> None:
    for token in ("", "unknown", "\x00", "é", "\ud800", first + " ", first.upper(), "x" * 1_000_000):
        await refused(db, tokens, token)
    await refresh_session(db, tokens, first)


async def test_an_expired_token_is_refused(db: Database, tokens: Tokens, first: str) -> None:
    async with db.as_system() as session:
        await session.run(AGE, hash=hashed(first))
    await refused(db, tokens, first)


async def test_an_expired_token_that_was_used_before_still_ends_its_family(
    db: Database, tokens: Tokens, first: str
) -> None:
    second = await refresh_session(db, tokens, first)
    async with db.as_system() as session:
        await session.run(AGE, hash=hashed(first))
    await refused(db, tokens, first)
    await refused(db, tokens, second.refresh_token)


async def test_each_successor_lasts_as_long_as_was_set(db: Database, first: str) -> None:
    await refresh_session(db, our_tokens(refresh_token_days=7), first)
    async with db.as_system() as session:
        lifetimes = {row["lifetime"] for row in await session.all(LIFETIMES)}
    assert lifetimes == {timedelta(days=30), timedelta(days=7)}


async def test_of_many_at_once_exactly_one_wins(db: Database, tokens: Tokens, first: str) -> None:
    tries = [refresh_session(db, tokens, first) for _ in range(10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    winners = [answer for answer in answers if isinstance(answer, SignedIn)]
    assert len(winners) == 1
    assert sum(isinstance(answer, InvalidCredentials) for answer in answers) == 9
    await refused(db, tokens, winners[0].refresh_token)


async def test_a_twin_waits_for_the_first_and_is_refused(db: Database, tokens: Tokens, first: str) -> None:
    async with db.as_system() as session:
        await rows.rotate(session, hashed(first), hashed("second"), timedelta(days=30))
        twin = asyncio.create_task(refresh_session(db, tokens, first))
        while not await count_waiting(db):
            assert not twin.done()
    with pytest.raises(InvalidCredentials):
        await twin


async def test_a_successor_that_is_added_while_its_family_ends_is_dead_too(
    db: Database, tokens: Tokens, first: str
) -> None:
    """A thief refreshes at the very moment in which the owner's old token ends the family."""
    second = (await refresh_session(db, tokens, first)).refresh_token
    async with db.as_system() as thief:
        assert await rows.rotate(thief, hashed(second), hashed("third"), timedelta(days=30))
        await refused(db, tokens, first)
    await refused(db, tokens, "third")


async def test_a_refresh_that_is_rolled_back_leaves_the_token_good(
    db: Database, tokens: Tokens, first: str
) -> None:
    async def fail() -> None:
        async with db.as_system() as session:
            await rows.rotate(session, hashed(first), hashed("second"), timedelta(days=30))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await refresh_session(db, tokens, first)


class TestSignOut:
    async def test_it_ends_the_family(self, db: Database, tokens: Tokens, first: str) -> None:
        assert await sign_out(db, first)
        await refused(db, tokens, first)

    async def test_an_old_token_of_the_family_will_do(self, db: Database, tokens: Tokens, first: str) -> None:
        second = await refresh_session(db, tokens, first)
        assert await sign_out(db, first)
        await refused(db, tokens, second.refresh_token)

    async def test_the_second_time_there_is_nothing_to_end(
        self, db: Database, tokens: Tokens, first: str
    ) -> None:
        second = await refresh_session(db, tokens, first)
        assert await sign_out(db, second.refresh_token)
        assert not await sign_out(db, second.refresh_token)
        assert not await sign_out(db, first)

    async def test_a_family_that_was_ended_by_reuse_is_over(
        self, db: Database, tokens: Tokens, first: str
    ) -> None:
        second = await refresh_session(db, tokens, first)
        await refused(db, tokens, first)
        assert not await sign_out(db, second.refresh_token)

    async def test_a_family_that_expired_is_over(self, db: Database, first: str) -> None:
        async with db.as_system() as session:
            await session.run(AGE, hash=hashed(first))
        assert not await sign_out(db, first)

    async def test_an_unknown_token_ends_nothing(self, db: Database, tokens: Tokens, first: str) -> None:
        for token in ("", "unknown", "\x00", "\ud800"):
            assert not await sign_out(db, token)
        await refresh_session(db, tokens, first)

    async def test_other_families_live_on(self, db: Database, tokens: Tokens, first: str) -> None:
        other = await start(db, "the first token of another family")
        assert await sign_out(db, first)
        await refresh_session(db, tokens, other)
