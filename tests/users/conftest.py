"""What the tests of people and keys may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from auth import Tokens
from resolvers import passwords
from tests.users.hashing import CountingHasher
from tests.users.parts import Clock, Issuer, our_tokens, running_issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return our_tokens(clock)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """An identity provider with a real HTTP server."""
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    return hasher
