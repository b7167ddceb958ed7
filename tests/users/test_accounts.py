"""Signing up and in: who gets in, and what is told to those who don't."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from auth import Tokens
from db.connection import Database, Session
from db.query import Query
from errors import EmailTaken, InvalidCredentials, InvalidInput, Unauthenticated
from ids import new_id
from resolvers import passwords
from resolvers.users import (
    ensure_user,
    identify,
    refresh_session,
    sign_in,
    sign_up,
    users_by_ids,
    viewer,
)
from tests.users.parts import START, our_tokens

pytestmark = pytest.mark.anyio

EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"

HASH = Query("select password_hash from users where lower(email) = lower(:email)")
SET_HASH = Query("update users set password_hash = :hash where lower(email) = lower(:email)")
COUNT = Query("select count(*) as count from users")
DELETE = Query("delete from users where id = :id")


class CountingHasher(PasswordHasher):
    """Hashes with small costs, and counts how often; `watched` must have no transaction open meanwhile."""

    watched: WatchedDatabase | None = None

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.calls = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self._count()
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self._count()
        return super().verify(hash, password)

    def _count(self) -> None:
        self.calls += 1
        assert self.watched is None or self.watched.open_transactions == 0


class WatchedDatabase(Database):
    """Knows how many of its transactions are open."""

    open_transactions = 0

    @asynccontextmanager
    async def as_system(self) -> AsyncIterator[Session]:
        async with super().as_system() as session:
            self.open_transactions += 1
            try:
                yield session
            finally:
                self.open_transactions -= 1


NOWHERE = Database("postgresql://nowhere", size=1, name="nowhere")


@pytest.fixture
def closed() -> Database:
    """For input that is refused before anything else is touched."""
    return NOWHERE


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    return hasher


async def kept_hash(db: Database) -> str:
    async with db.as_system() as session:
        return (await session.one(HASH, email=EMAIL))["password_hash"]


async def count_users(db: Database) -> int:
    async with db.as_system() as session:
        return (await session.one(COUNT))["count"]


class TestSignUp:
    async def test_a_new_account_is_signed_in(self, db: Database, tokens: Tokens) -> None:
        made = await sign_up(db, tokens, EMAIL, PASSWORD, "Ann")
        assert (made.user.email, made.user.name) == (EMAIL, "Ann")
        assert made.access_token_expires_at == START + timedelta(minutes=15)
        who = await identify(db, tokens, made.access_token)
        assert who.user_id == made.user.id
        assert (await refresh_session(db, tokens, made.refresh_token)).user == made.user

    async def test_neither_password_nor_tokens_are_kept(self, db: Database, tokens: Tokens) -> None:
        made = await sign_up(db, tokens, EMAIL, PASSWORD)
        async with db.as_system() as session:
            rows = [
                *await session.all(Query("select * from users")),
                *await session.all(Query("select * from refresh_tokens")),
            ]
        text = repr(rows) + repr(made)
        assert not [secret for secret in (PASSWORD, made.refresh_token, made.access_token) if secret in text]

    async def test_the_address_is_kept_as_everybody_writes_it(self, db: Database, tokens: Tokens) -> None:
        made = await sign_up(db, tokens, "  Ann@EXAMPLE.Com ", PASSWORD, "  ")
        assert (made.user.email, made.user.name) == ("Ann@example.com", None)

    async def test_an_address_is_taken_in_any_case(self, db: Database, tokens: Tokens) -> None:
        await sign_up(db, tokens, EMAIL, PASSWORD)
        with pytest.raises(EmailTaken) as caught:
            await sign_up(db, tokens, "ANN@Example.COM", PASSWORD)
        assert caught.value.path == ("input", "email")
        assert await count_users(db) == 1

    async def test_of_many_at_once_one_gets_the_address(self, db: Database, tokens: Tokens) -> None:
        tries = [sign_up(db, tokens, EMAIL, PASSWORD) for _ in range(8)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(answer, EmailTaken) for answer in answers) == 7
        assert await count_users(db) == 1

    async def test_every_problem_is_told_at_once(self, db: Database, tokens: Tokens) -> None:
        with pytest.raises(InvalidInput) as caught:
            await sign_up(db, tokens, "ann", "short", "x" * 201)
        assert [(issue.path, issue.message) for issue in caught.value.issues] == [
            (("input", "email"), "An email address must have an @-sign."),
            (("input", "password"), "Must be at least 12 characters."),
            (("input", "name"), "Must be at most 200 characters."),
        ]
        assert await count_users(db) == 0

    @pytest.mark.parametrize(
        "email",
        [
            "",
            " ",
            "ann",
            "@",
            "ann@",
            "@example.com",
            "ann@gmail",
            "a b@example.com",
            "ann@example..com",
            "a@b@example.com",
            "ann@-example.com",
            "ann@[127.0.0.1]",
            '"a b"@example.com',
            "Ann <ann@example.com>",
            "ann@example.com\x00",
            "ann\x00@example.com",
            "ann\n@example.com",
            "\ud800@example.com",
            "ann@\udfff.com",
            "x" * 250 + "@example.com",
            "ann@" + "x" * 300 + ".com",
            "@" * 100_000,
        ],
        ids="{!r:.24}".format,
    )
    async def test_what_is_no_address_is_refused(self, closed: Database, tokens: Tokens, email: str) -> None:
        with pytest.raises(InvalidInput) as caught:
            await sign_up(closed, tokens, email, PASSWORD)
        assert [issue.path for issue in caught.value.issues] == [("input", "email")]

    @pytest.mark.parametrize("email", ["ann@example.test", "ann+baton@mail.corp.local", "jürgen@exämple.de"])
    async def test_unusual_addresses_are_addresses(self, db: Database, tokens: Tokens, email: str) -> None:
        assert (await sign_up(db, tokens, email, PASSWORD)).user.email == email

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("password", ""),
            ("password", "x" * 11),
            ("password", "x" * 1_001),
            ("password", "x" * 12 + "\x00"),
            ("password", "x" * 12 + "\ud800"),
            ("name", "x" * 201),
            ("name", "A\x00nn"),
            ("name", "\udfff"),
        ],
        ids="{!r:.24}".format,
    )
    async def test_other_texts_are_checked_too(
        self, closed: Database, tokens: Tokens, field: str, value: str
    ) -> None:
        fields = {"email": EMAIL, "password": PASSWORD, "name": "Ann", field: value}
        with pytest.raises(InvalidInput) as caught:
            await sign_up(closed, tokens, **fields)
        assert [issue.path for issue in caught.value.issues] == [("input", field)]

    @pytest.mark.parametrize("password", ["x" * 12, "x" * 1_000, "пароль пароль", "😀" * 12, " " * 12])
    async def test_any_long_password_will_do(self, db: Database, tokens: Tokens, password: str) -> None:
        await sign_up(db, tokens, EMAIL, password)
        await sign_in(db, tokens, EMAIL, password)


@examples(max_examples=200, deadline=None, database=None)
@given(email=st.text() | st.emails() | st.from_regex(r"[^@]{0,9}@[^@]{1,9}\.[^@]{1,5}", fullmatch=True))
async def test_any_text_is_an_address_or_invalid_input(email: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await sign_up(NOWHERE, our_tokens(), email, "")
    assert ("input", "password") in [issue.path for issue in caught.value.issues]


class TestSignIn:
    async def test_the_right_password_opens_a_session(self, db: Database, tokens: Tokens) -> None:
        made = await sign_up(db, tokens, EMAIL, PASSWORD)
        back = await sign_in(db, tokens, "ANN@example.com", PASSWORD)
        assert back.user.id == made.user.id
        assert (await identify(db, tokens, back.access_token)).user_id == made.user.id
        assert back.refresh_token != made.refresh_token

    async def test_each_sign_in_is_a_family_of_its_own(self, db: Database, tokens: Tokens) -> None:
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
        self, db: Database, tokens: Tokens, email: str, password: str
    ) -> None:
        await sign_up(db, tokens, EMAIL, PASSWORD)
        with pytest.raises(InvalidCredentials) as caught:
            await sign_in(db, tokens, email, password)
        assert (caught.value.message, caught.value.path) == ("The credentials are not valid.", None)

    @pytest.mark.parametrize("email", [EMAIL, "nobody@example.com", "token@example.com"])
    async def test_every_refusal_takes_one_hash(
        self, db: Database, tokens: Tokens, hasher: CountingHasher, email: str
    ) -> None:
        """A wrong password, an unknown address and an account without a password cost the same time."""
        await sign_up(db, tokens, EMAIL, PASSWORD)
        await ensure_user(db, "token@example.com")
        hasher.calls = 0
        with pytest.raises(InvalidCredentials):
            await sign_in(db, tokens, email, "wrong horse battery")
        assert hasher.calls == 1

    async def test_an_account_without_a_password_has_no_password(self, db: Database, tokens: Tokens) -> None:
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
        self, closed: Database, tokens: Tokens, hasher: CountingHasher, email: str, password: str, path: str
    ) -> None:
        with pytest.raises(InvalidInput) as caught:
            await sign_in(closed, tokens, email, password)
        assert [issue.path for issue in caught.value.issues] == [("input", path)]
        assert hasher.calls == 0

    async def test_a_hash_of_other_costs_is_replaced(self, db: Database, tokens: Tokens) -> None:
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
        self, dsn: str, tokens: Tokens, hasher: CountingHasher
    ) -> None:
        hasher.watched = WatchedDatabase(dsn, size=1, name="watched")
        await hasher.watched.open()
        await sign_up(hasher.watched, tokens, EMAIL, PASSWORD)
        await sign_in(hasher.watched, tokens, EMAIL, PASSWORD)
        assert hasher.calls == 2
        await hasher.watched.close()


class TestViewer:
    async def test_the_caller_sees_themselves(self, db: Database, tokens: Tokens) -> None:
        ann = (await sign_up(db, tokens, EMAIL, PASSWORD, "Ann")).user
        assert await viewer(db, ann.id) == ann

    async def test_a_token_outlives_its_account_in_vain(self, db: Database, tokens: Tokens) -> None:
        ann = (await sign_up(db, tokens, EMAIL, PASSWORD)).user
        async with db.as_system() as session:
            await session.run(DELETE, id=ann.id)
        with pytest.raises(Unauthenticated):
            await viewer(db, ann.id)

    async def test_nobody_sees_anybody_else(self, db: Database) -> None:
        ann, bob = await ensure_user(db, EMAIL), await ensure_user(db, "bob@example.com")
        assert await users_by_ids(db, ann.id, [bob.id, new_id(), ann.id]) == {ann.id: ann}
        assert await users_by_ids(db, ann.id, [bob.id]) == {}


class TestEnsureUser:
    async def test_it_makes_a_user_once(self, db: Database) -> None:
        made = await ensure_user(db, EMAIL)
        assert await ensure_user(db, "Ann@Example.com") == made

    async def test_it_finds_whoever_has_the_address(self, db: Database, tokens: Tokens) -> None:
        made = await sign_up(db, tokens, EMAIL, PASSWORD)
        assert await ensure_user(db, EMAIL) == made.user
        await sign_in(db, tokens, EMAIL, PASSWORD)

    async def test_many_at_once_get_the_same_user(self, db: Database) -> None:
        found = await asyncio.gather(*(ensure_user(db, EMAIL) for _ in range(8)))
        assert len({user.id for user in found}) == 1

    async def test_it_refuses_what_is_no_address(self, db: Database) -> None:
        with pytest.raises(InvalidInput) as caught:
            await ensure_user(db, "ann")
        assert caught.value.path == ("email",)
