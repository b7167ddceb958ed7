"""Conversations that are longer than what their model takes: trimmed, or summarised in a step of the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.messages import HistoryRow
from db.query import Query
from engine.models.model import Turn
from engine.worker.history import Past, tokens_of
from engine.worker.summarizing import asking_for_summary
from settings import Settings
from tests.api import Api, User
from tests.conftest import working
from tests.conversations.test_talking import ada, held, model, over, running, said, send, settings, until_held
from tests.models.server import Body, ModelServer, Reply, said_last
from tests.retry.test_retry import RETRY

pytestmark = pytest.mark.anyio

__all__ = ["ada", "model", "running", "settings"]

ROOM = 1_000
TURN = Turn(cast("Any", None), [])
LONG = "x" * 600
STEPS = """
query ($id: ID!) {
  execution(id: $id) {
    status result usage { requests inputTokens }
    steps(first: 20) { nodes { number kind status text error } }
  }
}"""


@pytest.fixture
def summarist(model: ModelServer) -> Iterator[ModelServer]:
    """Summarises where it is asked to; else says what it heard, at length."""
    before, model.answer = model.answer, _answer
    yield model
    model.answer = before


def _answer(body: Body) -> Reply:
    if _asks_for_summary(body):
        heard = [one["content"][:1] for one in body["messages"] if one["role"] == "user"]
        return Reply(f"They said {', '.join(heard)}.")
    return Reply(f"You said: {said_last(body)}")


def _asks_for_summary(body: Body) -> bool:
    return said_last(body).startswith("Summarise the conversation")


async def talk_of(user: User, settings: Settings, **fields: Any) -> dict[str, Any]:
    """A conversation with an agent that summarises, and whose model takes very little."""
    settings.model_tokens["test:"] = ROOM
    agent = await user.agent("Ben", model="test:gpt", toolNames=[], longHistory="SUMMARIZE", **fields)
    return await user.conversation(agentId=agent["id"], systemPrompt="You are a pirate.")


def told(seen: Body) -> list[tuple[str, str]]:
    return [(one["role"], one["content"][:8]) for one in seen["messages"]]


async def test_what_is_too_long_is_summarised_in_a_step_and_kept(
    api: Api, ada: User, summarist: ModelServer
) -> None:
    """The model is told the system prompt, the summary and the newest; the next turn has it from its row."""
    talk = await talk_of(ada, api.services.settings)
    async with working(api.services):
        runs = [
            (await send(ada, talk, f"{turn} {LONG}", waitMs=20_000))["execution"]["id"] for turn in range(6)
        ]

    kinds = [[step["kind"] for step in (await ada.one(STEPS, id=run))["steps"]["nodes"]] for run in runs]
    summarised = [turn for turn, steps in enumerate(kinds) if "SUMMARY" in steps]
    assert summarised == [3, 5]
    assert kinds[3] == ["SUMMARY", "FINAL_ANSWER"]
    run = await ada.one(STEPS, id=runs[3])
    assert run["steps"]["nodes"][0]["text"] == "They said 0, 1, S."
    assert (run["usage"]["requests"], run["usage"]["inputTokens"]) == (2, 24)
    answered = [seen for seen in summarist.seen if not _asks_for_summary(seen)]
    assert told(answered[3]) == [
        ("system", "You are "),
        ("user", "What was"),
        ("user", "2 xxxxxx"),
        ("assistant", "You said"),
        ("user", "3 xxxxxx"),
    ]
    assert "They said 0, 1, S." in answered[3]["messages"][1]["content"]
    assert told(answered[4])[:3] == told(answered[3])[:3], "the same summary, from its row"
    again = next(seen for seen in reversed(summarist.seen) if _asks_for_summary(seen))
    assert "They said 0, 1, S." in again["messages"][1]["content"], "the next one is told of the last"


async def test_a_summary_that_fails_is_a_failed_step_and_its_part_is_left_out(
    api: Api, ada: User, summarist: ModelServer
) -> None:
    """The person is answered all the same."""
    talk = await talk_of(ada, api.services.settings)
    async with working(api.services):
        for turn in range(3):
            await send(ada, talk, f"{turn} {LONG}", waitMs=20_000)
        summarist.replies.append(Reply(refusal="I will not."))
        done = await send(ada, talk, f"3 {LONG}", waitMs=20_000)

    assert done["reply"]["content"].startswith("You said: 3")
    first = (await ada.one(STEPS, id=done["execution"]["id"]))["steps"]["nodes"][0]
    assert (first["kind"], first["status"], first["error"]) == (
        "SUMMARY", "FAILED", "The model refused to answer.",
    )  # fmt: skip
    assert ("system", "2 earlie") in told(summarist.seen[-1])


async def test_an_answer_within_what_a_summary_covers_makes_it_void(
    api: Api, ada: User, summarist: ModelServer
) -> None:
    """A turn was done again: the next run has what is true now summarised."""
    talk = await talk_of(ada, api.services.settings)
    async with working(api.services):
        runs = [
            (await send(ada, talk, f"{turn} {LONG}", waitMs=20_000))["execution"]["id"] for turn in range(4)
        ]
        assert await summaries(api) == 1
        summarist.replies.append(Reply("Better."))
        again = await ada.one(RETRY, input={"id": runs[0]})
        await over(ada, again["execution"]["id"])
        assert await summaries(api) == 0
        await send(ada, talk, f"4 {LONG}", waitMs=20_000)

    asked = next(seen for seen in reversed(summarist.seen) if _asks_for_summary(seen))
    assert [text for _, text in told(asked)][1:3] == ["0 xxxxxx", "Better."]


async def test_a_lost_attempt_leaves_no_second_summary(api: Api, ada: User, summarist: ModelServer) -> None:
    """The worker goes away between the summary and the answer: the next one reads it from its row."""
    talk = await talk_of(ada, api.services.settings)
    async with working(api.services):
        for turn in range(3):
            await send(ada, talk, f"{turn} {LONG}", waitMs=20_000)
    async with held(summarist), working(api.services):
        summarist.replies += [Reply("They said 0 and 1."), Reply("never heard", hold_after=0)]
        sent = await send(ada, talk, f"3 {LONG}")
        await until_held(summarist)
    async with working(api.services):
        await over(ada, sent["execution"]["id"])

    run = await ada.one(STEPS, id=sent["execution"]["id"])
    assert [step["kind"] for step in run["steps"]["nodes"]] == ["SUMMARY", "FINAL_ANSWER"]
    assert sum(map(_asks_for_summary, summarist.seen)) == 1
    assert (await said(ada, talk))[-1].startswith("You said: 3")


async def summaries(api: Api) -> int:
    async with api.services.db.as_system() as session:
        return (await session.one(Query("select count(*) as count from summaries")))["count"]


class Row:
    """A message, as a history has it."""

    def __init__(self, place: int, role: str, content: str) -> None:
        self.place, self.role, self.content = place, role, content


def rows(lengths: list[tuple[int, int | None]]) -> list[HistoryRow]:
    """Turns of so many characters: a message, and its answer where it has one."""
    made = [Row(0, "SYSTEM", "Be kind.")]
    for place, (asked, answered) in enumerate(lengths, 1):
        made.append(Row(place, "USER", "u" * asked))
        made += [Row(place, "ASSISTANT", "a" * answered)] if answered is not None else []
    return cast("list[HistoryRow]", made)


_LENGTHS = st.integers(0, 3_000)
_TURNS = st.lists(st.tuples(_LENGTHS, st.none() | _LENGTHS), min_size=1, max_size=12)


@given(turns=_TURNS, tokens=st.integers(1_000, 3_000))
def test_what_is_told_fits_and_has_the_prompt_and_the_newest(
    turns: list[tuple[int, int | None]], tokens: int
) -> None:
    past = Past(rows(turns), tokens)
    told = past.told()

    assert told[0].text == "Be kind."
    assert told[-1].text == past.rows[-1].content
    talk = [one for one in told if one.role != "SYSTEM"]
    assert talk[0].role == "USER"
    newest = sum(tokens_of(row.content) for row in past.rows if row.place == len(turns))
    assert sum(tokens_of(one.text) for one in talk) <= max(tokens, newest)


@given(turns=_TURNS, tokens=st.integers(1_000, 3_000))
def test_summaries_come_to_an_end_and_leave_nothing_out(
    turns: list[tuple[int, int | None]], tokens: int
) -> None:
    """Each covers whole turns, the oldest first, and no request is longer than what the model takes."""
    past, covered = Past(rows(turns), tokens), list[HistoryRow]()
    while excess := past.excess():
        asked = asking_for_summary(TURN, past, excess)
        assert sum(tokens_of(one.text) for one in asked.history[:-1]) <= tokens
        covered += excess
        past = past.summarized(excess, "s" * (tokens // 2))

    talk = [row for row in rows(turns) if row.role != "SYSTEM"]
    rest = [row for row in past.rows if row.role != "SYSTEM"]
    assert [row.content for row in [*covered, *rest]] == [row.content for row in talk]
    assert rest
    assert {row.place for row in covered}.isdisjoint({row.place for row in rest})
