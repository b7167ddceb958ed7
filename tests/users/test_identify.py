"""Who a token speaks for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from auth import Principal, Tokens
from db.connection import Database
from errors import Unauthenticated, Unavailable
from ids import new_id
from resolvers.users import ensure_user, identify, viewer
from tests.users.parts import NOWHERE, Clock, Issuer
from tests.users.test_tokens import NOW

pytestmark = pytest.mark.anyio


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> Tokens:
    return issuer.tokens(clock)


async def test_our_token_speaks_for_its_user_without_a_question_to_the_database(tokens: Tokens) -> None:
    ann = new_id()
    token, expires_at = tokens.issue(ann)
    assert await identify(NOWHERE, tokens, token) == Principal(UUID(int=ann.int), expires_at)


async def test_a_bad_token_speaks_for_nobody(db: Database, tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated):
        await identify(db, tokens, "a.b.c")


async def test_a_person_of_the_issuer_is_added_when_first_seen(
    db: Database, issuer: Issuer, tokens: Tokens
) -> None:
    seen = await identify(db, tokens, issuer.token(email="Ann@Example.com", name=" Ann "))
    ann = await viewer(db, seen.user_id)
    assert (ann.email, ann.name) == ("Ann@example.com", "Ann")
    assert seen.expires_at == datetime.fromtimestamp(NOW + 86_400, UTC)


async def test_and_is_the_same_person_ever_after(db: Database, issuer: Issuer, tokens: Tokens) -> None:
    ann = await identify(db, tokens, issuer.token())
    again = await identify(db, tokens, issuer.token(email="ann@example.com", name="Ann"))
    bob = await identify(db, tokens, issuer.token(sub="auth0|43"))
    assert ann.user_id == again.user_id
    assert ann.user_id != bob.user_id


async def test_many_first_requests_at_once_add_one_person(
    db: Database, issuer: Issuer, tokens: Tokens
) -> None:
    token = issuer.token(email="ann@example.com")
    seen = await asyncio.gather(*(identify(db, tokens, token) for _ in range(10)))
    assert len({principal.user_id for principal in seen}) == 1


async def test_an_address_never_joins_two_accounts(db: Database, issuer: Issuer, tokens: Tokens) -> None:
    """Whoever can choose an address at the issuer must not get at the account of its owner here."""
    owner = await ensure_user(db, "ann@example.com")
    seen = await identify(db, tokens, issuer.token(email="ANN@example.com"))
    assert seen.user_id != owner.id
    assert (await viewer(db, seen.user_id)).email is None


async def test_of_two_people_with_one_address_one_gets_it(
    db: Database, issuer: Issuer, tokens: Tokens
) -> None:
    people = [issuer.token(sub=f"auth0|{n}", email="ann@example.com") for n in range(6)]
    seen = await asyncio.gather(*(identify(db, tokens, token) for token in people))
    emails = [(await viewer(db, principal.user_id)).email for principal in seen]
    assert sorted(emails, key=str) == [None] * 5 + ["ann@example.com"]


@pytest.mark.parametrize(
    "claims",
    [{"email": "ann"}, {"email": "a\x00@example.com"}, {"name": "x" * 201}, {"name": "\x00"}],
    ids="{!r:.24}".format,
)
async def test_what_cannot_be_kept_of_a_person_is_left_out(
    db: Database, issuer: Issuer, tokens: Tokens, claims: dict[str, str]
) -> None:
    seen = await identify(db, tokens, issuer.token(**claims))
    person = await viewer(db, seen.user_id)
    assert (person.email, person.name) == (None, None)


async def test_an_issuer_that_is_away_is_told_as_such(db: Database, issuer: Issuer, tokens: Tokens) -> None:
    issuer.status = 503
    with pytest.raises(Unavailable):
        await identify(db, tokens, issuer.token())
