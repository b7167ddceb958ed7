"""People as a client of the API meets them: documents, variables, and the JSON they give."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from auth import Principal
from errors import Unauthenticated
from ids import Kind, encode, new_id
from resolvers.services import Services, open_services
from resolvers.users import identify
from schema.context import Context
from schema.root import schema
from settings import Settings

pytestmark = pytest.mark.anyio

EMAIL, PASSWORD = "ann@example.com", "correct horse battery"

REFRESHED = """
  __typename
  ... on SignInSuccess {
    session { accessToken accessTokenExpiresAt refreshToken }
    user { id email name createdAt }
  }
  ... on UserError { code message path }
"""
RESULT = f"{REFRESHED} ... on InvalidInput {{ issues {{ path message }} }}"
SIGN_UP = f"mutation ($input: SignUpInput!) {{ signUp(input: $input) {{ {RESULT} }} }}"
SIGN_IN = f"mutation ($input: SignInInput!) {{ signIn(input: $input) {{ {RESULT} }} }}"
REFRESH = f"mutation ($input: RefreshSessionInput!) {{ refreshSession(input: $input) {{ {REFRESHED} }} }}"
SIGN_OUT = "mutation ($input: RefreshSessionInput!) { signOut(input: $input) { signedOut } }"
VIEWER = "{ viewer { id email name createdAt } }"

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def services(dsn: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(database_url=None, data_dir=tmp_path)
    async with open_services(settings, dsn, "test") as services:
        yield services


@pytest.fixture
def ask(services: Services) -> Ask:
    """The value of a document's only root field, for whoever the token speaks for."""

    async def ask(document: str, token: str | None = None, **input: Any) -> Any:
        principal: Principal | None = None
        if token is not None:
            principal = await identify(services.db, services.tokens, token)
        variables = {"input": input} if input else {}
        result = await schema.execute(document, variables, Context(services, principal))
        if result.errors:
            raise result.errors[0]
        (value,) = (result.data or {}).values()
        return value

    return ask


async def test_signing_up_answers_a_session_and_the_user(ask: Ask) -> None:
    made = await ask(SIGN_UP, email="Ann@EXAMPLE.com", password=PASSWORD, name="Ann")
    assert made["__typename"] == "SignInSuccess"
    assert (made["user"]["email"], made["user"]["name"]) == ("Ann@example.com", "Ann")
    assert made["user"]["id"].startswith("user_")
    assert datetime.fromisoformat(made["session"]["accessTokenExpiresAt"]) > datetime.fromisoformat(
        made["user"]["createdAt"]
    )
    assert await ask(VIEWER, made["session"]["accessToken"]) == made["user"]


async def test_the_name_may_be_left_out_or_null(ask: Ask) -> None:
    assert (await ask(SIGN_UP, email=EMAIL, password=PASSWORD))["user"]["name"] is None
    assert (await ask(SIGN_UP, email="b@example.com", password=PASSWORD, name=None))["user"]["name"] is None


async def test_an_address_that_is_taken_is_an_answer(ask: Ask) -> None:
    await ask(SIGN_UP, email=EMAIL, password=PASSWORD)
    assert await ask(SIGN_UP, email=EMAIL.upper(), password=PASSWORD) == {
        "__typename": "EmailTaken",
        "code": "EMAIL_TAKEN",
        "message": "There is an account with this email address already.",
        "path": ["input", "email"],
    }


async def test_every_problem_of_an_input_is_told(ask: Ask) -> None:
    assert await ask(SIGN_UP, email="ann", password="short", name="\x00") == {
        "__typename": "InvalidInput",
        "code": "INVALID_INPUT",
        "message": "The input is not valid.",
        "path": ["input", "email"],
        "issues": [
            {"path": ["input", "email"], "message": "An email address must have an @-sign."},
            {"path": ["input", "password"], "message": "Must be at least 12 characters."},
            {"path": ["input", "name"], "message": "Must not hold NUL characters."},
        ],
    }


async def test_signing_in_answers_a_session_or_invalid_credentials(ask: Ask) -> None:
    made = await ask(SIGN_UP, email=EMAIL, password=PASSWORD)
    back = await ask(SIGN_IN, email=EMAIL, password=PASSWORD)
    assert (back["__typename"], back["user"]) == ("SignInSuccess", made["user"])
    refusal = {
        "__typename": "InvalidCredentials",
        "code": "INVALID_CREDENTIALS",
        "message": "The credentials are not valid.",
        "path": None,
    }
    assert await ask(SIGN_IN, email=EMAIL, password="wrong horse battery") == refusal
    assert await ask(SIGN_IN, email="bob@example.com", password=PASSWORD) == refusal


async def test_signing_in_with_what_is_no_address_is_invalid_input(ask: Ask) -> None:
    assert (await ask(SIGN_IN, email="ann", password=PASSWORD))["__typename"] == "InvalidInput"


async def test_a_session_is_refreshed_once_and_reuse_ends_it(ask: Ask) -> None:
    first = (await ask(SIGN_UP, email=EMAIL, password=PASSWORD))["session"]["refreshToken"]
    fresh = await ask(REFRESH, refreshToken=first)
    second = fresh["session"]["refreshToken"]
    assert (await ask(VIEWER, fresh["session"]["accessToken"]))["email"] == EMAIL
    for token in (first, second, "unknown"):
        assert await ask(REFRESH, refreshToken=token) == {
            "__typename": "InvalidCredentials",
            "code": "INVALID_CREDENTIALS",
            "message": "The credentials are not valid.",
            "path": ["input", "refreshToken"],
        }


async def test_signing_out_ends_the_session_once(ask: Ask) -> None:
    token = (await ask(SIGN_UP, email=EMAIL, password=PASSWORD))["session"]["refreshToken"]
    assert await ask(SIGN_OUT, refreshToken=token) == {"signedOut": True}
    assert await ask(SIGN_OUT, refreshToken=token) == {"signedOut": False}
    assert (await ask(REFRESH, refreshToken=token))["__typename"] == "InvalidCredentials"


async def test_nobody_is_no_viewer(ask: Ask) -> None:
    with pytest.raises(GraphQLError) as caught:
        await ask(VIEWER)
    assert isinstance(caught.value.original_error, Unauthenticated)


async def test_people_find_themselves_by_id_and_nobody_else(ask: Ask) -> None:
    ann = await ask(SIGN_UP, email=EMAIL, password=PASSWORD)
    bob = await ask(SIGN_UP, email="bob@example.com", password=PASSWORD)
    asked = [bob["user"]["id"], ann["user"]["id"], encode(Kind.USER, new_id())]
    found = await ask(f"{{ nodes(ids: {json.dumps(asked)}) {{ id }} }}", ann["session"]["accessToken"])
    assert found == [None, {"id": ann["user"]["id"]}, None]


async def test_no_log_line_holds_a_password_or_a_token(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session = (await ask(SIGN_UP, email=EMAIL, password=PASSWORD))["session"]
    await ask(SIGN_IN, email=EMAIL, password="wrong horse battery")
    await ask(REFRESH, refreshToken=session["refreshToken"])
    await ask(REFRESH, refreshToken=session["refreshToken"])
    secrets = [PASSWORD, "wrong horse battery", session["refreshToken"], session["accessToken"]]
    assert not [secret for secret in secrets if secret in caplog.text]
