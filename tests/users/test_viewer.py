"""Who people are to themselves, and users that the operator makes."""

from __future__ import annotations

import asyncio

import pytest

from auth import Tokens
from db.connection import Database
from db.query import Query
from errors import InvalidInput, Unauthenticated
from ids import new_id
from resolvers.users import ensure_user, sign_in, sign_up, users_by_ids, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("hasher")]

EMAIL = "ann@example.com"
PASSWORD = "correct horse battery"

DELETE = Query("delete from users where id = :id")


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
