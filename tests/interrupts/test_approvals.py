"""A tool that needs approval is called as a person allows it, and not otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from db.query import Query
from tests.api import Api, User
from tests.interrupts.asking import answer, asked, inbox, settled
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

DELETE = Script(calls(call("delete_task", ref={"title": "Buy milk"})))


async def deleting(api: Api, ada: User) -> str:
    """A run that wants to delete a task; its agent has to ask."""
    await ada.create("Buy milk")
    await ada.create("Call Bob")
    agent = await make_agent(api.services.db, ada.id, "cleaner", approval_required=["delete_task"])
    return await start(api.services, agent)


async def titles(ada: User) -> list[str]:
    return sorted(task["title"] for task in (await ada.one("{ tasks { nodes { title } } }"))["nodes"])


async def test_the_run_asks_and_holds_no_worker(api: Api) -> None:
    """Nothing is done, the arguments are there to be seen, and no lease is kept."""
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)

        assert interrupt["reason"] == "TOOL_APPROVAL"
        assert interrupt["toolName"] == "delete_task"
        assert interrupt["arguments"] == {"ref": {"title": "Buy milk"}}
        assert interrupt["step"] == {"number": 1, "status": "RUNNING", "toolName": "delete_task"}
        assert [one["id"] for one in await inbox(ada)] == [interrupt["id"]]
        async with api.services.db.as_system() as session:
            row = await session.one(Query("select lease_owner, lease_until from executions"))
        assert (row["lease_owner"], row["lease_until"]) == (None, None)
    assert await titles(ada) == ["Buy milk", "Call Bob"]


async def test_an_approved_call_is_made(api: Api) -> None:
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        (result,) = await answer(ada, {"interruptId": interrupt["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    assert (result["__typename"], result["replayed"]) == ("AnswerAccepted", False)
    assert (done["status"], done["attempt"]) == ("COMPLETED", 1)
    assert await titles(ada) == ["Call Bob"]
    assert await inbox(ada) == []


async def test_edited_arguments_replace_the_proposed_ones_as_a_whole(api: Api) -> None:
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        edited = {"ref": {"title": "Call Bob"}}
        await answer(ada, {"interruptId": interrupt["id"], "decision": "EDIT", "arguments": edited})
        done = await settled(ada, run)

    assert done["steps"]["nodes"][0]["input"] == edited
    assert done["interrupts"][0]["arguments"] == {"ref": {"title": "Buy milk"}}
    assert done["interrupts"][0]["answer"] == edited
    assert await titles(ada) == ["Buy milk"]


async def test_a_denial_is_a_result_for_the_model(api: Api) -> None:
    """With what the person said along with it; the run goes on."""
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        await answer(ada, {"interruptId": interrupt["id"], "decision": "DENY", "comment": "Not that one."})
        done = await settled(ada, run)

    assert done["status"] == "COMPLETED"
    assert done["steps"]["nodes"][0]["status"] == "FAILED"
    assert done["steps"]["nodes"][0]["error"] == "A person denied this call. Not that one."
    assert "Not that one." in done["result"]
    assert await titles(ada) == ["Buy milk", "Call Bob"]


async def test_arguments_that_the_tool_would_not_take_are_refused(api: Api) -> None:
    """Nothing is answered by it; and what the model proposes wrongly is not even asked."""
    ada = await api.user()
    script = Script(
        calls(call("delete_task", ref={"title": "Buy milk"})), calls(call("delete_task", nonsense=1))
    )
    async with scripted(api.services, {"cleaner": script}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        wrong = {"interruptId": interrupt["id"], "decision": "EDIT", "arguments": {"ref": 7, "more": 1}}
        (result,) = await answer(ada, wrong)
        assert result["__typename"] == "InvalidInput"
        assert all(issue["path"][:4] == ["input", "answers", "0", "arguments"] for issue in result["issues"])
        assert [one["id"] for one in await asked(ada, run)] == [interrupt["id"]]

        await answer(ada, {"interruptId": interrupt["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    assert [step["status"] for step in done["steps"]["nodes"][:2]] == ["COMPLETED", "FAILED"]
    assert len(done["interrupts"]) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"decision": "RESPOND", "value": "yes"},
        {"decision": "EDIT"},
        {"decision": "EDIT", "arguments": [1]},
        {"decision": "APPROVE", "arguments": {"ref": {"all": True}}},
        {"decision": "DENY", "value": 1},
        {"decision": "DENY", "comment": "x" * 1_001},
    ],
)
async def test_an_answer_that_does_not_fit_is_told_why(api: Api, wrong: dict[str, Any]) -> None:
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        (result,) = await answer(ada, {"interruptId": interrupt["id"], **wrong})

    assert result["__typename"] == "InvalidInput"
    assert (await inbox(ada))[0]["status"] == "OPEN"


async def test_calls_of_one_turn_are_asked_together_and_answered_in_any_order(api: Api) -> None:
    """The run goes on with the last answer, and makes those calls that were allowed."""
    ada = await api.user()
    script = Script(
        calls(
            call("delete_task", ref={"title": "Buy milk"}),
            call("add_task", title="Water the plants"),
            call("delete_task", ref={"title": "Call Bob"}),
        )
    )
    async with scripted(api.services, {"cleaner": script}):
        run = await deleting(api, ada)
        first, second = await asked(ada, run)
        await answer(ada, {"interruptId": second["id"], "decision": "APPROVE"})
        assert [one["id"] for one in await asked(ada, run)] == [first["id"]]
        assert await titles(ada) == ["Buy milk", "Call Bob"]

        await answer(ada, {"interruptId": first["id"], "decision": "DENY"})
        done = await settled(ada, run)

    assert [step["status"] for step in done["steps"]["nodes"][:3]] == ["FAILED", "COMPLETED", "COMPLETED"]
    assert await titles(ada) == ["Buy milk", "Water the plants"]


async def test_the_log_tells_of_what_was_asked_and_answered(api: Api) -> None:
    """In the order in which it happened, without holes, on the run's stream and in the user's activity."""
    ada = await api.user()
    async with scripted(api.services, {"cleaner": DELETE}):
        run = await deleting(api, ada)
        (interrupt,) = await asked(ada, run)
        await answer(ada, {"interruptId": interrupt["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    events = done["events"]["nodes"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    told = [event.get("status") or event["__typename"] for event in events]
    assert told[:9] == [
        "QUEUED",
        "RUNNING",
        "StepStarted",
        "InterruptOpened",
        "AWAITING_INPUT",
        "InterruptClosed",
        "QUEUED",
        "RUNNING",
        "StepFinished",
    ]
    async with api.services.db.as_system() as session:
        kinds = await session.all(Query("select kind from events where stream = :id order by seq"), id=ada.id)
    assert [row["kind"] for row in kinds if "Interrupt" in row["kind"]] == [
        "InterruptOpened",
        "InterruptClosed",
    ]
