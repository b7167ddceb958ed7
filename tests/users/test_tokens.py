"""Our own access tokens: what is issued, and everything that is refused."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from auth import Claims, Tokens
from errors import BadUserInput, Unauthenticated
from ids import Kind, encode
from tests.users.parts import SECRET, START, Clock, our_tokens, private_key

pytestmark = pytest.mark.anyio

ANN = UUID("0198c0de-0000-7000-8000-000000000001")
NOW = int(START.timestamp())
VALID = {
    "iss": "baton",
    "aud": "baton",
    "sub": encode(Kind.USER, ANN),
    "iat": NOW,
    "exp": NOW + 900,
    "jti": "one",
}


def sealed(header: dict[str, Any], payload: dict[str, Any], key: bytes = SECRET) -> str:
    """A token signed by hand: a library refuses to write what we must refuse to read."""
    signing_input = by_hand(header, payload, b"").removesuffix(".")
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(str(header["alg"]), "sha256")
    return by_hand(header, payload, hmac.digest(key, signing_input.encode(), digest))


def signed(change: dict[str, Any] | None = None, key: bytes = SECRET, **header: Any) -> str:
    claims = {name: value for name, value in {**VALID, **(change or {})}.items() if value is not ...}
    return sealed({"typ": "at+jwt", "alg": "HS256", **header}, claims, key)


def by_hand(header: object, payload: object, signature: bytes = b"x" * 32) -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def refusal(tokens: Tokens, token: str) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        await tokens.verify(token)
    return caught.value


async def test_an_issued_token_speaks_for_its_user_until_it_expires(tokens: Tokens) -> None:
    token, expires_at = tokens.issue(ANN)
    assert expires_at == START + timedelta(minutes=15)
    assert await tokens.verify(token) == Claims(ANN, expires_at)


async def test_an_issued_token_says_what_it_is(tokens: Tokens) -> None:
    token, _ = tokens.issue(ANN)
    assert jwt.get_unverified_header(token) == {"typ": "at+jwt", "alg": "HS256"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.pop("jti")
    assert claims == {name: value for name, value in VALID.items() if name != "jti"}


def test_no_two_tokens_are_the_same(tokens: Tokens) -> None:
    assert tokens.issue(ANN)[0] != tokens.issue(ANN)[0]


async def test_a_token_lasts_as_long_as_was_asked(tokens: Tokens, clock: Clock) -> None:
    token, expires_at = tokens.issue(ANN, seconds=3_600)
    assert expires_at == START + timedelta(hours=1)
    clock.advance(minutes=59)
    assert (await tokens.verify(token)).expires_at == expires_at


@pytest.mark.parametrize("seconds", [0, -1, 366 * 86_400 + 1, 10**12])
def test_a_life_without_sense_is_refused(tokens: Tokens, seconds: int) -> None:
    with pytest.raises(BadUserInput, match="1 second to 366 days"):
        tokens.issue(ANN, seconds=seconds)


async def test_a_hand_made_token_with_every_claim_is_accepted(tokens: Tokens) -> None:
    """So that each refusal below is for its one difference."""
    assert (await tokens.verify(signed())).subject == ANN


async def test_clocks_may_differ_by_half_a_minute(tokens: Tokens, clock: Clock) -> None:
    token, _ = tokens.issue(ANN)
    clock.advance(seconds=-30)
    await tokens.verify(token)
    clock.advance(seconds=30 + 900 + 29)
    await tokens.verify(token)


@pytest.mark.parametrize("seconds", [-31, 930, 10**9])
async def test_a_token_is_refused_before_and_after_its_time(
    tokens: Tokens, clock: Clock, seconds: int
) -> None:
    token, _ = tokens.issue(ANN)
    clock.advance(seconds=seconds)
    await refusal(tokens, token)


@pytest.mark.parametrize("claim", ["exp", "iat", "sub", "iss", "aud", "jti"])
@pytest.mark.parametrize("value", [..., None])
async def test_a_token_without_a_claim_is_refused(tokens: Tokens, claim: str, value: object) -> None:
    await refusal(tokens, signed({claim: value}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "baton2"},
        {"iss": "bato"},
        {"aud": "another"},
        {"aud": []},
        {"aud": {"baton": 1}},
        {"sub": "42"},
        {"sub": ""},
        {"sub": encode(Kind.TASK, ANN)},
        {"sub": str(ANN)},
        {"sub": encode(Kind.USER, ANN).upper()},
        {"sub": encode(Kind.USER, ANN) + "\x00"},
        {"exp": str(NOW + 900)},
        {"exp": True},
        {"exp": [NOW + 900]},
        {"exp": 10**20},
        {"exp": 10**2_000},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": -1},
        {"iat": NOW + 31},
        {"iat": "now"},
        {"nbf": NOW + 31},
        {"nbf": "now"},
        {"jti": 7},
    ],
    ids="{!r:.40}".format,
)
async def test_a_token_with_a_wrong_claim_is_refused(tokens: Tokens, change: dict[str, Any]) -> None:
    await refusal(tokens, signed(change))


@pytest.mark.parametrize(
    "headers",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"typ": ["at+jwt"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": "b64"},
        {"b64": False, "crit": ["b64"]},
    ],
    ids="{!r:.40}".format,
)
async def test_a_token_of_another_type_or_with_unknown_demands_is_refused(
    tokens: Tokens, headers: dict[str, Any]
) -> None:
    """Signed with our secret all the same."""
    await refusal(tokens, signed(**headers))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_another_algorithm_with_our_secret_is_refused(algorithm: str) -> None:
    long = SECRET * 2
    tokens = our_tokens(secret=long)
    await tokens.verify(signed(key=long))
    await refusal(tokens, signed(key=long, alg=algorithm))


async def test_another_secret_is_refused(tokens: Tokens) -> None:
    await refusal(tokens, signed(key=b"another secret, and long enough too"))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, 256, ["HS256"], {"HS256": 1}], ids=repr
)
async def test_a_token_that_nobody_signed_is_refused(tokens: Tokens, algorithm: object) -> None:
    header = {"typ": "at+jwt", "alg": algorithm}
    await refusal(tokens, by_hand(header, VALID, b""))
    await refusal(tokens, by_hand(header, VALID))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_without_an_outside_issuer_its_algorithms_are_refused(tokens: Tokens, algorithm: str) -> None:
    token = jwt.encode(VALID, private_key("first", algorithm), algorithm, {"typ": "at+jwt", "kid": "first"})
    await refusal(tokens, token)


async def test_a_public_key_is_no_secret_of_ours(tokens: Tokens) -> None:
    """The confusion of algorithms: HS256 with the bytes of a public key that everybody knows."""
    public = private_key("first", "RS256").public_key()
    for encoding in (Encoding.PEM, Encoding.DER):
        await refusal(tokens, signed(key=public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)))


async def test_a_huge_token_is_refused(tokens: Tokens) -> None:
    await refusal(tokens, signed({"more": "x" * 4_096}))
    await refusal(tokens, "x" * 10_000_000)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer",
        "\x00",
        "é.é.é",
        "\ud800.a.b",
        "[" * 4_000,
        "=.=.=",
        "e30.e30.e30",
    ],
)
async def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    await refusal(tokens, token)


@pytest.mark.parametrize("header", [[], 1, None, "HS256", {}, {"alg": "HS256", "typ": "at+jwt", "kid": 7}])
async def test_a_header_that_is_none_is_refused(tokens: Tokens, header: object) -> None:
    await refusal(tokens, by_hand(header, VALID))


async def test_deep_json_is_refused(tokens: Tokens) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 3_000).decode()
    await refusal(tokens, f"{deep}.e30.e30")


async def test_a_refusal_never_tells_why(tokens: Tokens) -> None:
    refused = ["", signed({"exp": NOW - 900}), signed({"aud": "another"}), signed(key=b"x" * 32), "a.b.c"]
    answers = {(e.message, e.code) for e in [await refusal(tokens, token) for token in refused]}
    assert answers == {("Sign in: the access token is missing, expired or not valid.", "UNAUTHENTICATED")}


CHARACTERS = st.characters() | st.sampled_from("abcXYZ019-_.=")
FAST = settings(max_examples=300, deadline=None, database=None)


@FAST
@given(
    token=st.text(CHARACTERS)
    | st.from_regex(r"[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*\.[A-Za-z0-9_=-]*", fullmatch=True)
)
async def test_any_text_is_refused_and_nothing_worse(token: str) -> None:
    await refusal(our_tokens(), token)


@FAST
@given(data=st.data())
async def test_a_token_that_was_touched_never_says_anything_else(data: st.DataObject) -> None:
    tokens = our_tokens()
    token = signed()
    at = data.draw(st.integers(0, len(token)))
    cut = data.draw(st.integers(0, 3))
    changed = token[:at] + data.draw(st.text(CHARACTERS, max_size=3)) + token[at + cut :]
    try:
        assert await tokens.verify(changed) == await tokens.verify(token)
    except Unauthenticated:
        assert changed != token


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@FAST
@given(header=JSON, payload=JSON)
async def test_any_json_in_place_of_the_parts_is_refused(header: object, payload: object) -> None:
    await refusal(our_tokens(), by_hand(header, payload))


@FAST
@given(change=st.dictionaries(st.sampled_from([*VALID, "nbf", "email", "name"]), JSON, min_size=1))
async def test_whatever_we_signed_is_read_or_refused(change: dict[str, Any]) -> None:
    try:
        claims = await our_tokens().verify(signed(change))
    except Unauthenticated:
        return
    assert isinstance(claims.subject, UUID)
