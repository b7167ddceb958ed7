"""Signing up: who gets an account, and what is told to those who don't."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from auth import Tokens
from db.connection import Database
from db.query import Query
from errors import EmailTaken, InvalidInput
from resolvers.users import identify, refresh_session, sign_in, sign_up
from tests.users.parts import NOWHERE, START, our_tokens

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("hasher")]

EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"
COUNT = Query("select count(*) as count from users")


async def count_users(db: Database) -> int:
    async with db.as_system() as session:
        return (await session.one(COUNT))["count"]


async def test_a_new_account_is_signed_in(db: Database, tokens: Tokens) -> None:
    made = await sign_up(db, tokens, EMAIL, PASSWORD, "Ann")
    assert (made.user.email, made.user.name) == (EMAIL, "Ann")
    assert made.access_token_expires_at == START + timedelta(minutes=15)
    who = await identify(db, tokens, made.access_token)
    assert who.user_id == made.user.id
    assert (await refresh_session(db, tokens, made.refresh_token)).user == made.user


async def test_neither_password_nor_tokens_are_kept(db: Database, tokens: Tokens) -> None:
    made = await sign_up(db, tokens, EMAIL, PASSWORD)
    async with db.as_system() as session:
        rows = [
            *await session.all(Query("select * from users")),
            *await session.all(Query("select * from refresh_tokens")),
        ]
    text = repr(rows) + repr(made)
    assert not [secret for secret in (PASSWORD, made.refresh_token, made.access_token) if secret in text]


async def test_the_address_is_kept_as_everybody_writes_it(db: Database, tokens: Tokens) -> None:
    made = await sign_up(db, tokens, "  Ann@EXAMPLE.Com ", PASSWORD, "  ")
    assert (made.user.email, made.user.name) == ("Ann@example.com", None)


async def test_an_address_is_taken_in_any_case(db: Database, tokens: Tokens) -> None:
    await sign_up(db, tokens, EMAIL, PASSWORD)
    with pytest.raises(EmailTaken) as caught:
        await sign_up(db, tokens, "ANN@Example.COM", PASSWORD)
    assert caught.value.path == ("input", "email")
    assert await count_users(db) == 1


async def test_of_many_at_once_one_gets_the_address(db: Database, tokens: Tokens) -> None:
    tries = [sign_up(db, tokens, EMAIL, PASSWORD) for _ in range(8)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, EmailTaken) for answer in answers) == 7
    assert await count_users(db) == 1


async def test_every_problem_is_told_at_once(db: Database, tokens: Tokens) -> None:
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
async def test_what_is_no_address_is_refused(tokens: Tokens, email: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await sign_up(NOWHERE, tokens, email, PASSWORD)
    assert [issue.path for issue in caught.value.issues] == [("input", "email")]


@pytest.mark.parametrize("email", ["ann@example.test", "ann+baton@mail.corp.local", "jürgen@exämple.de"])
async def test_unusual_addresses_are_addresses(db: Database, tokens: Tokens, email: str) -> None:
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
async def test_other_texts_are_checked_too(tokens: Tokens, field: str, value: str) -> None:
    fields = {"email": EMAIL, "password": PASSWORD, "name": "Ann", field: value}
    with pytest.raises(InvalidInput) as caught:
        await sign_up(NOWHERE, tokens, **fields)
    assert [issue.path for issue in caught.value.issues] == [("input", field)]


@pytest.mark.parametrize("password", ["x" * 12, "x" * 1_000, "пароль пароль", "😀" * 12, " " * 12])
async def test_any_long_password_will_do(db: Database, tokens: Tokens, password: str) -> None:
    await sign_up(db, tokens, EMAIL, password)
    await sign_in(db, tokens, EMAIL, password)


@examples(max_examples=200, deadline=None, database=None)
@given(email=st.text() | st.emails() | st.from_regex(r"[^@]{0,9}@[^@]{1,9}\.[^@]{1,5}", fullmatch=True))
async def test_any_text_is_an_address_or_invalid_input(email: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await sign_up(NOWHERE, our_tokens(), email, "")
    assert ("input", "password") in [issue.path for issue in caught.value.issues]
