"""An agent has other agents work for it: each call is a run, and it waits for them without a worker."""

from __future__ import annotations

from typing import Any

import pytest

from db.query import Query
from engine.commands.executions import Budget
from engine.steps import Usage
from ids import Kind, decode
from tests.api import Api, User
from tests.interrupts.asking import answer, asked, inbox, settled
from tests.runs.parts import CANCEL, until_status
from tests.scripted import Answer, Script, Think, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

TREE = """
query ($id: ID!) {
  execution(id: $id) {
    status error endReason parent { id }
    steps(first: 20) { nodes { number toolName status result error } }
    children { id input status endReason parent { id } children { id } }
    usage { inputTokens outputTokens requests }
    events(first: 100) { nodes { seq __typename ... on ExecutionStatusChanged { status } } }
  }
}"""
BOSS = Script(calls(call("ask_scout", input="Look left"), call("ask_scout", input="Look right")))


async def bossing(api: Api, ada: User, **fields: Any) -> str:
    """A run whose agent has its scout look at two sides at once."""
    db = api.services.db
    scout = await make_agent(db, ada.id, "Scout", model="script:scout")
    boss = await make_agent(db, ada.id, "boss", subagents=[scout])
    return await start(api.services, boss, **fields)


async def holders(api: Api, run: str) -> list[Any]:
    async with api.services.db.as_system() as session:
        found = await session.all(
            Query("select lease_owner from executions where id = :id"), id=decode(Kind.EXECUTION, run)
        )
    return [row["lease_owner"] for row in found]


async def test_what_the_children_answer_are_the_results_of_the_calls(api: Api) -> None:
    ada = await api.user()
    scripts = {"boss": BOSS, "scout": Script(Answer("All clear."))}
    async with scripted(api.services, scripts):
        run = await bossing(api, ada)
        await ada.finished(run)
    tree = await ada.one(TREE, id=run)

    assert tree["status"] == "COMPLETED"
    assert [step["result"] for step in tree["steps"]["nodes"][:2]] == [{"answer": "All clear."}] * 2
    assert sorted(child["input"] for child in tree["children"]) == ["Look left", "Look right"]
    assert all(child["parent"] == {"id": run} for child in tree["children"])
    assert tree["parent"] is None


async def test_a_person_can_be_asked_before_a_subagent_works(api: Api) -> None:
    """For each of its calls: one is made with other words, and one is not made."""
    ada, db = await api.user(), api.services.db
    async with scripted(api.services, {"boss": BOSS, "scout": Script(Answer("All clear."))}):
        scout = await make_agent(db, ada.id, "Scout", model="script:scout")
        boss = await make_agent(db, ada.id, "boss", subagents=[scout], approval_required=["ask_scout"])
        run = await start(api.services, boss)
        left, right = await asked(ada, run)
        assert [one["arguments"]["input"] for one in (left, right)] == ["Look left", "Look right"]
        assert (await ada.one(TREE, id=run))["children"] == []
        edited = {"decision": "EDIT", "arguments": {"input": "Look up"}}
        await answer(
            ada, {"interruptId": left["id"], **edited}, {"interruptId": right["id"], "decision": "DENY"}
        )
        await until_status(api, ada, run, "COMPLETED")
    tree = await ada.one(TREE, id=run)

    assert [child["input"] for child in tree["children"]] == ["Look up"]
    assert [step["status"] for step in tree["steps"]["nodes"][:2]] == ["COMPLETED", "FAILED"]


async def test_the_parent_holds_no_worker_while_it_waits(api: Api) -> None:
    """It stays RUNNING, since nobody need do anything; one slot is enough for all of them."""
    ada = await api.user()
    ask = Script(calls(call("ask_user", question="Which way?")))
    async with scripted(api.services, {"boss": BOSS, "scout": ask}, worker_slots=1):
        run = await bossing(api, ada)
        await _until_asked(api, ada, 2)
        assert (await ada.one(TREE, id=run))["status"] == "RUNNING"
        assert await holders(api, run) == [None]

        for question in await inbox(ada):
            assert question["execution"]["id"] != run
            await answer(ada, {"interruptId": question["id"], "decision": "RESPOND", "value": "left"})
        await ada.finished(run)

    assert (await ada.one(TREE, id=run))["status"] == "COMPLETED"


async def _until_asked(api: Api, ada: User, count: int) -> list[dict[str, Any]]:
    """Wait, woken by the user's activity, until their runs ask so much."""
    with api.services.hub.listen(ada.id.hex) as bell:
        while len(found := await inbox(ada)) < count:
            await bell.wait(1)
    return found


async def test_a_child_that_fails_is_a_failed_result(api: Api) -> None:
    """The parent's model reads why, and goes on."""
    ada = await api.user()
    async with scripted(api.services, {"boss": BOSS, "scout": Script(*[Think("Hm.")] * 30)}):
        run = await bossing(api, ada)
        await ada.finished(run)
    tree = await ada.one(TREE, id=run)

    assert tree["status"] == "COMPLETED"
    assert [child["endReason"] for child in tree["children"]] == ["MAX_STEPS"] * 2
    assert [step["status"] for step in tree["steps"]["nodes"][:2]] == ["FAILED"] * 2
    assert "no answer" in tree["steps"]["nodes"][0]["error"]


async def test_what_children_use_counts_for_their_parent(api: Api) -> None:
    ada = await api.user()
    spent = Answer("Seen.", usage=Usage(100, 10, 1, 0.01))
    async with scripted(api.services, {"boss": BOSS, "scout": Script(spent, is_instant=False)}):
        run = await bossing(api, ada, budget=Budget(tokens=1_000))
        await ada.finished(run)
        async with api.services.db.as_system() as session:
            shares = await session.all(Query("select budget_tokens from executions where depth = 1"))

    tree = await ada.one(TREE, id=run)
    assert (tree["usage"]["inputTokens"], tree["usage"]["outputTokens"]) == (200, 20)
    assert tree["usage"]["requests"] == 2
    assert [row["budget_tokens"] for row in shares] == [500, 500], "together no more than the parent has"


async def test_whoever_stops_the_parent_stops_the_children_first(api: Api) -> None:
    """Also those that wait for a person; and the parent has stopped last."""
    ada = await api.user()
    ask = Script(calls(call("ask_user", question="Which way?")))
    async with scripted(api.services, {"boss": BOSS, "scout": ask}):
        run = await bossing(api, ada)
        await _until_asked(api, ada, 2)
        cancelled = await ada.one(CANCEL, input={"id": run, "waitMs": 10_000})
    tree = await ada.one(TREE, id=run)

    assert cancelled["__typename"] == "CancelConfirmed"
    assert tree["status"] == "CANCELLED"
    assert [child["status"] for child in tree["children"]] == ["CANCELLED"] * 2
    assert await inbox(ada) == []
    told = [event["status"] for event in tree["events"]["nodes"] if "status" in event]
    assert told[-2:] == ["CANCELLING", "CANCELLED"]
    async with api.services.db.as_system() as session:
        ended = await session.all(Query("select depth from executions order by finished_at"))
    assert [row["depth"] for row in ended] == [1, 1, 0]


async def test_a_cancelled_child_is_a_failed_result(api: Api) -> None:
    ada = await api.user()
    ask = Script(calls(call("ask_user", question="Which way?")))
    async with scripted(api.services, {"boss": BOSS, "scout": ask}):
        run = await bossing(api, ada)
        for question in await _until_asked(api, ada, 2):
            await ada.one(CANCEL, input={"id": question["execution"]["id"]})
        await ada.finished(run)
    tree = await ada.one(TREE, id=run)

    assert (tree["status"], tree["steps"]["nodes"][0]["status"]) == ("COMPLETED", "FAILED")
    assert tree["steps"]["nodes"][0]["error"] == "It was stopped before it had an answer."


async def test_families_go_deep_and_not_without_end(api: Api) -> None:
    """The eighth below is the last; those above wait, and all come to an end."""
    ada, db = await api.user(), api.services.db
    agent = await make_agent(db, ada.id, "doll9", model="script:doll")
    scripts: dict[str, Script] = {"doll": Script(Answer("empty"))}
    for n in range(8, -1, -1):
        scripts[f"doll{n}"] = Script(calls(call(f"ask_doll{n + 1}", input="open")))
        agent = await make_agent(db, ada.id, f"doll{n}", subagents=[agent])
    async with scripted(api.services, scripts):
        run = await start(api.services, agent)
        await ada.finished(run)
        async with db.as_system() as session:
            deepest = await session.one(Query("select max(depth) as depth, count(*) from executions"))

    assert (deepest["depth"], deepest["count"]) == (8, 9)
    assert (await ada.one(TREE, id=run))["status"] == "COMPLETED"


async def test_the_parents_deadline_is_the_childrens(api: Api) -> None:
    """All of them are late at once, and nothing is left behind."""
    ada = await api.user()
    ask = Script(calls(call("ask_user", question="Which way?")))
    async with scripted(api.services, {"boss": BOSS, "scout": ask}):
        run = await bossing(api, ada)
        await _until_asked(api, ada, 2)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set deadline = now()"))
        await until_status(api, ada, run, "FAILED")
        for child in (await ada.one(TREE, id=run))["children"]:
            assert (await settled(ada, child["id"]))["status"] in {"FAILED", "CANCELLED"}
    tree = await ada.one(TREE, id=run)
    assert tree["endReason"] == "DEADLINE_EXCEEDED"
