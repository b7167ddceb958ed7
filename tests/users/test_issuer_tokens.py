"""Tokens of an outside issuer, checked with the keys that its server publishes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth import Claims, Outsider, Tokens
from errors import Unauthenticated, Unavailable
from tests.users.parts import SECRET, START, Clock, Issuer, private_key
from tests.users.test_tokens import NOW, signed

pytestmark = pytest.mark.anyio


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> Tokens:
    return issuer.tokens(clock)


async def refusal(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.verify(token)


async def unavailable(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unavailable, match="issuer"):
        await tokens.verify(token)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_a_token_of_the_issuer_speaks_for_its_subject(
    issuer: Issuer, tokens: Tokens, algorithm: str
) -> None:
    issuer.keys = {"k": algorithm}
    claims = await tokens.verify(issuer.token("k", algorithm))
    expires_at = datetime.fromtimestamp(NOW + 86_400, UTC)
    assert claims == Claims(Outsider(issuer.name, "auth0|42"), expires_at)


async def test_our_own_tokens_go_on_beside_it(issuer: Issuer, tokens: Tokens) -> None:
    assert (await tokens.verify(signed())).expires_at > START
    assert issuer.fetches == 0


async def test_name_and_address_are_taken_where_they_are_said(issuer: Issuer, tokens: Tokens) -> None:
    said = await tokens.verify(issuer.token(email="ann@example.com", email_verified=True, name="Ann"))
    assert said.subject == Outsider(issuer.name, "auth0|42", "ann@example.com", "Ann")


@pytest.mark.parametrize(
    "claims",
    [{"email": "ann@example.com", "email_verified": False}, {"email": ["ann"], "name": {"first": 1}}],
)
async def test_an_unverified_address_or_one_that_is_no_text_is_left_out(
    issuer: Issuer, tokens: Tokens, claims: dict[str, Any]
) -> None:
    assert (await tokens.verify(issuer.token(**claims))).subject == Outsider(issuer.name, "auth0|42")


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://other.example"},
        {"iss": "baton"},
        {"aud": "another"},
        {"aud": ["another"]},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"iss": None},
        {"aud": None},
        {"sub": 42},
        {"sub": ""},
        {"sub": "a\x00b"},
        {"sub": "\ud800"},
        {"sub": "x" * 256},
        {"exp": NOW - 30},
        {"exp": "tomorrow"},
        {"iat": NOW + 31},
        {"nbf": NOW + 31},
        {"email": "x" * 4_096},
    ],
    ids="{!r:.40}".format,
)
async def test_a_wrong_claim_is_refused(issuer: Issuer, tokens: Tokens, change: dict[str, Any]) -> None:
    await refusal(tokens, issuer.token(**change))


async def test_one_of_several_audiences_may_be_ours(issuer: Issuer, tokens: Tokens) -> None:
    await tokens.verify(issuer.token(aud=["another", issuer.audience]))


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt"])
async def test_a_token_made_for_something_else_is_refused(issuer: Issuer, tokens: Tokens, kind: str) -> None:
    header = {"kid": "first", "typ": kind}
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    await refusal(tokens, jwt.encode(claims, private_key("first", "RS256"), "RS256", header))


class TestAlgorithms:
    async def test_another_key_under_a_known_name_is_refused(self, issuer: Issuer, tokens: Tokens) -> None:
        issuer.keys = {"first": "ES256"}
        await refusal(tokens, issuer.token("first", "RS256"))

    @pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
    async def test_another_algorithm_with_the_issuers_key_is_refused(
        self, issuer: Issuer, tokens: Tokens, algorithm: str
    ) -> None:
        claims = jwt.decode(issuer.token(), options={"verify_signature": False})
        token = jwt.encode(claims, private_key("first", "RS256"), algorithm, {"kid": "first"})
        await refusal(tokens, token)

    async def test_the_issuers_public_key_is_no_secret(self, issuer: Issuer, tokens: Tokens) -> None:
        """HS256 is checked with our secret, whatever key the token names."""
        public = private_key("first", "RS256").public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        claims = {"iss": issuer.name, "aud": issuer.audience}
        await refusal(tokens, signed(claims, key=pem, kid="first"))

    async def test_our_secret_does_not_speak_for_the_issuer(self, issuer: Issuer, tokens: Tokens) -> None:
        await refusal(tokens, signed({"iss": issuer.name, "aud": issuer.audience}, key=SECRET))

    async def test_a_shared_secret_that_the_issuer_publishes_is_no_key(
        self, issuer: Issuer, tokens: Tokens
    ) -> None:
        issuer.answer = (
            b'{"keys": [{"kty": "oct", "kid": "s", "k": "YSBzZWNyZXQgdGhhdCBldmVyeWJvZHkga25vd3M"}]}'
        )
        token = signed(
            {"iss": issuer.name, "aud": issuer.audience}, key=b"a secret that everybody knows", kid="s"
        )
        await refusal(tokens, token)
        await refusal(tokens, issuer.token("s"))

    async def test_a_key_that_is_too_short_is_refused(self, issuer: Issuer, tokens: Tokens) -> None:
        issuer.keys = {"short": "RS256"}
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            token = issuer.token("short")
        await refusal(tokens, token)

    async def test_a_token_that_names_no_key_is_refused(self, issuer: Issuer, tokens: Tokens) -> None:
        await refusal(tokens, issuer.token(None))


class TestKeys:
    async def test_keys_are_fetched_once(self, issuer: Issuer, tokens: Tokens) -> None:
        for _ in range(3):
            await tokens.verify(issuer.token())
        assert issuer.fetches == 1

    async def test_a_new_key_is_found(self, issuer: Issuer, tokens: Tokens, clock: Clock) -> None:
        await tokens.verify(issuer.token())
        issuer.keys = {"first": "RS256", "second": "ES256"}
        clock.advance(seconds=5)
        await tokens.verify(issuer.token("second", "ES256"))
        assert issuer.fetches == 2

    async def test_old_keys_are_fetched_again_beside_the_request_that_noticed(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        await tokens.verify(issuer.token())
        issuer.asked.clear()
        issuer.open.clear()
        clock.advance(minutes=5)
        await tokens.verify(issuer.token())
        assert await asyncio.to_thread(issuer.asked.wait, 10)
        issuer.open.set()

    async def test_a_key_that_was_taken_back_is_dropped(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        await tokens.verify(issuer.token())
        issuer.keys = {"second": "ES256"}
        clock.advance(minutes=5)
        await tokens.verify(issuer.token("second", "ES256"))
        await refusal(tokens, issuer.token())
        assert issuer.fetches == 2

    async def test_keys_of_an_hour_ago_are_not_used_before_the_issuer_was_asked(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        await tokens.verify(issuer.token())
        clock.advance(hours=1)
        await tokens.verify(issuer.token())
        issuer.keys = {"second": "ES256"}
        clock.advance(hours=1)
        await refusal(tokens, issuer.token())

    async def test_a_flood_of_unknown_keys_is_one_fetch(self, issuer: Issuer, tokens: Tokens) -> None:
        issuer.open.clear()
        flood = [asyncio.create_task(tokens.verify(issuer.token(f"k{n % 3}", "ES256"))) for n in range(200)]
        await asyncio.to_thread(issuer.open.set)
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unauthenticated}
        assert issuer.fetches == 1

    async def test_after_a_flood_known_keys_still_work(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        for _ in range(20):
            await refusal(tokens, issuer.token("unknown", "ES256"))
            clock.advance(seconds=1)
        await tokens.verify(issuer.token())
        assert issuer.fetches == 4

    async def test_who_goes_away_does_not_end_the_fetch_for_others(
        self, issuer: Issuer, tokens: Tokens
    ) -> None:
        issuer.open.clear()
        leaving = asyncio.create_task(tokens.verify(issuer.token()))
        staying = asyncio.create_task(tokens.verify(issuer.token()))
        await asyncio.sleep(0)
        leaving.cancel()
        issuer.open.set()
        assert (await staying).subject == Outsider(issuer.name, "auth0|42")
        assert leaving.cancelled()


class TestOutage:
    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"keys": []}',
            b'{"keys": 7}',
            b'{"keys": [7]}',
            b'{"keys": [{"kty": "RSA", "kid": "first", "alg": ["RS256"]}]}',
            b"\xff",
            b"[" * 100_000,
        ],
        ids="{!r:.30}".format,
    )
    async def test_an_answer_that_holds_no_keys_is_an_outage(
        self, issuer: Issuer, tokens: Tokens, answer: bytes
    ) -> None:
        issuer.answer = answer
        await unavailable(tokens, issuer.token())

    @pytest.mark.parametrize("status", [301, 404, 500, 503])
    async def test_a_server_that_answers_something_else_is_an_outage(
        self, issuer: Issuer, tokens: Tokens, status: int
    ) -> None:
        issuer.status = status
        await unavailable(tokens, issuer.token())

    async def test_a_server_that_is_not_there_is_an_outage(self, clock: Clock) -> None:
        issuer = Issuer()
        issuer.url = "http://127.0.0.1:1/jwks.json"
        await unavailable(issuer.tokens(clock), issuer.token())

    async def test_an_outage_is_asked_about_each_five_seconds_and_ends_by_itself(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        issuer.status = 503
        await unavailable(tokens, issuer.token())
        issuer.status = 200
        await unavailable(tokens, issuer.token())
        assert issuer.fetches == 1
        clock.advance(seconds=5)
        await tokens.verify(issuer.token())

    async def test_known_keys_bridge_an_outage_of_an_hour(
        self, issuer: Issuer, tokens: Tokens, clock: Clock
    ) -> None:
        await tokens.verify(issuer.token())
        issuer.status = 503
        clock.advance(minutes=59)
        await tokens.verify(issuer.token())
        await unavailable(tokens, issuer.token("second", "ES256"))
        clock.advance(minutes=1)
        await unavailable(tokens, issuer.token())

    async def test_our_own_tokens_work_through_an_outage(self, issuer: Issuer, tokens: Tokens) -> None:
        issuer.status = 503
        await unavailable(tokens, issuer.token())
        await tokens.verify(signed())


async def test_a_fetch_that_fails_is_logged_without_the_address(
    issuer: Issuer, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    """An address may hold a password."""
    issuer.status = 503
    await unavailable(tokens, issuer.token())
    assert "cannot be had: PyJWKClientConnectionError" in caplog.text
    assert "jwks.json" not in caplog.text
