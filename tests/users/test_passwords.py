"""Hashes of passwords."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from resolvers.passwords import hash_password, is_outdated, is_password

pytestmark = pytest.mark.anyio


async def test_a_hash_is_argon2id_with_the_recommended_costs() -> None:
    kept = await hash_password("correct horse battery")
    used = extract_parameters(kept)
    assert (used.type, used.memory_cost, used.time_cost, used.parallelism) == (Type.ID, 19_456, 2, 1)
    assert not is_outdated(kept)


async def test_only_the_password_fits_its_hash() -> None:
    kept = await hash_password("correct horse battery")
    assert await is_password("correct horse battery", kept)
    assert not await is_password("correct horse batterY", kept)
    assert not await is_password("", kept)


async def test_the_same_password_is_never_hashed_the_same() -> None:
    assert await hash_password("correct horse battery") != await hash_password("correct horse battery")


async def test_accents_fit_however_the_keyboard_writes_them() -> None:
    kept = await hash_password("caf\u00e9 caf\u00e9 caf\u00e9")
    assert await is_password("cafe\u0301 cafe\u0301 cafe\u0301", kept)


async def test_a_hash_of_other_costs_still_fits_and_is_outdated() -> None:
    kept = PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1).hash("correct horse battery")
    assert is_outdated(kept)
    assert await is_password("correct horse battery", kept)
