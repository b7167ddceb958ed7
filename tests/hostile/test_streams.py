"""Streams with hostile ids and cursors: refused in words, and a page of events refuses the same."""

from __future__ import annotations

from uuid import UUID

import pytest

from events.cursor import LAST_SEQ, Cursor
from ids import Kind, decode, new_id
from tests.api import Api, User
from tests.conftest import working
from tests.hostile.places import answers, codes, send

pytestmark = pytest.mark.anyio

STREAM = """
subscription ($id: ID!, $after: String) {
  executionStream(id: $id, after: $after) { __typename ... on Resumable { cursor } }
}"""
EVENTS = "query ($id: ID!, $after: String) { execution(id: $id) { events(after: $after) { nodes { seq } } } }"
FOREIGN = ["", "=", "x", "é", "😀" * 9, "A" * 33, "A" * 34, "-_" * 17, "\n" * 34, "A" * 5_000, "\x7f" * 34]


def cursors(run: UUID) -> dict[str, str]:
    """Cursors that are not good for this run, with the code that says why."""
    good = Cursor(run, 1).encode()
    wrong = [
        *FOREIGN,
        good[:-1],
        f"{good}A",
        good.swapcase(),
        f"{good}=",
        f" {good}",
        Cursor(new_id(), 1).encode(),
    ]
    ahead = [Cursor(run, seq).encode() for seq in (1_000, LAST_SEQ)]
    beyond = [Cursor(run, LAST_SEQ + 1).encode(), Cursor(run, 2**32 - 1).encode()]
    return dict.fromkeys(wrong + beyond, "INVALID_CURSOR") | dict.fromkeys(ahead, "FUTURE_CURSOR")


async def test_a_cursor_that_is_none_is_refused_with_its_code(api: Api) -> None:
    """By the stream and by the page alike."""
    ada = await api.user()
    run = await a_run_that_is_over(api, ada)

    for after, code in cursors(decode(Kind.EXECUTION, run)).items():
        for document in (STREAM, EVENTS):
            response = await send(ada, {"query": document, "variables": {"id": run, "after": after}})
            assert codes(response) == [code], (after, response.text)


async def test_every_good_cursor_is_taken_by_both(api: Api) -> None:
    """Each that the stream gave leads to the rest of it, the last one to nothing but the end."""
    ada = await api.user()
    run = await a_run_that_is_over(api, ada)
    stream = await send(ada, {"query": STREAM, "variables": {"id": run}})
    given = [answer["data"]["executionStream"]["cursor"] for answer in answers(stream)]

    for after in given:
        for document in (STREAM, EVENTS):
            response = await send(ada, {"query": document, "variables": {"id": run, "after": after}})
            assert codes(response) == []


async def a_run_that_is_over(api: Api, user: User) -> str:
    async with working(api.services):
        run = (await user.start("Add a task to buy milk, then show my tasks"))["execution"]["id"]
        await user.finished(run)
    return run
