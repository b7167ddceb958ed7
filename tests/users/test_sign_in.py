"""Signing in: who gets in, and what is told to those who don't."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from auth import Tokens
from db.connection import Database
from db.query import Query
from errors import InvalidCredentials, InvalidInput
from resolvers import passwords
from resolvers.users import ensure_user, identify, refresh_session, sign_in, sign_up
from tests.users.hashing import CountingHasher, WatchedDatabase
from tests.users.parts import NOWHERE

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("hasher")]

EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"

HASH = Query("select password_hash from users where lower(email) = lower(:email)")
SET_HASH = Query("update users set password_hash = :hash where lower(email) = lower(:email)")


async def kept_hash(db: Database) -> str:
    async with db.as_system() as session:
        return (await session.one(HASH, email=EMAIL))["password_hash"]


async def test_the_right_password_opens_a_session(db: Database, tokens: Tokens) -> None:
    made = await sign_up(db, tokens, EMAIL, PASSWORD)
    back = await sign_in(db, tokens, "ANN@example.com", PASSWORD)
    assert back.user.id == made.user.id
    assert (await identify(db, tokens, back.access_token)).user_id == made.user.id
    assert back.refresh_token != made.refresh_token


async def test_each_sign_in_is_a_family_of_its_own(db: Database, tokens: Tokens) -> None:
    phone = await sign_up(db, tokens, EMAIL, PASSWORD)
    laptop = await sign_in(db, tokens, EMAIL, PASSWORD)
    await refresh_session(db, tokens, phone.refresh_token)
    with pytest.raises(InvalidCredentials):
        await refresh_session(db, tokens, phone.refresh_token)
    await refresh_session(db, tokens, laptop.refresh_token)


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong horse battery"), (EMAIL, ""), (EMAIL, PASSWORD + " "), ("bob@example.com", PASSWORD)],
)
async def test_whoever_is_unknown_or_wrong_hears_the_same(
    db: Database, tokens: Tokens, email: str, password: str
) -> None:
    await sign_up(db, tokens, EMAIL, PASSWORD)
    with pytest.raises(InvalidCredentials) as caught:
        await sign_in(db, tokens, email, password)
    assert (caught.value.message, caught.value.path) == ("The credentials are not valid.", None)


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com", "token@example.com"])
async def test_every_refusal_takes_one_hash(
    db: Database, tokens: Tokens, hasher: CountingHasher, email: str
) -> None:
    """A wrong password, an unknown address and an account without a password cost the same time."""
    await sign_up(db, tokens, EMAIL, PASSWORD)
    await ensure_user(db, "token@example.com")
    hasher.calls = 0
    with pytest.raises(InvalidCredentials):
        await sign_in(db, tokens, email, "wrong horse battery")
    assert hasher.calls == 1


async def test_an_account_without_a_password_has_no_password(db: Database, tokens: Tokens) -> None:
    await ensure_user(db, EMAIL)
    with pytest.raises(InvalidCredentials):
        await sign_in(db, tokens, EMAIL, "")


@pytest.mark.parametrize(
    ("email", "password", "path"),
    [
        ("ann", PASSWORD, "email"),
        (EMAIL, "x" * 1_001, "password"),
        (EMAIL, "\x00" * 12, "password"),
        (EMAIL, "\ud800" * 12, "password"),
    ],
    ids="{!r:.24}".format,
)
async def test_what_cannot_be_read_is_invalid_input(
    tokens: Tokens, hasher: CountingHasher, email: str, password: str, path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await sign_in(NOWHERE, tokens, email, password)
    assert [issue.path for issue in caught.value.issues] == [("input", path)]
    assert hasher.calls == 0


async def test_a_hash_of_other_costs_is_replaced(db: Database, tokens: Tokens) -> None:
    await sign_up(db, tokens, EMAIL, PASSWORD)
    old = PasswordHasher(time_cost=2, memory_cost=128, parallelism=1).hash(PASSWORD)
    async with db.as_system() as session:
        await session.run(SET_HASH, email=EMAIL, hash=old)
    await sign_in(db, tokens, EMAIL, PASSWORD)
    newer = await kept_hash(db)
    assert newer != old
    assert not passwords.is_outdated(newer)
    await sign_in(db, tokens, EMAIL, PASSWORD)
    assert await kept_hash(db) == newer


async def test_no_transaction_is_open_while_a_password_is_hashed(
    dsn: str, tokens: Tokens, hasher: CountingHasher
) -> None:
    hasher.watched = WatchedDatabase(dsn, size=1, name="watched")
    await hasher.watched.open()
    await sign_up(hasher.watched, tokens, EMAIL, PASSWORD)
    await sign_in(hasher.watched, tokens, EMAIL, PASSWORD)
    assert hasher.calls == 2
    await hasher.watched.close()
