"""A call that would change several tasks is made only where a person has agreed to just these."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import Api, User
from tests.conftest import working
from tests.interrupts.asking import answer, asked, inbox, settled
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

NOT_FOUND = "I couldn't find that task. Try listing your tasks first."


async def with_tasks(api: Api, *names: str) -> User:
    user = await api.user()
    for name in names:
        await user.create(name)
    return user


async def titles(user: User, **given: Any) -> list[str]:
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { nodes { title } } }"
    return sorted(node["title"] for node in (await user.one(query, filter=given))["nodes"])


async def asking(api: Api, ada: User, sentence: str) -> tuple[str, dict[str, Any]]:
    """A run that asks one thing, and holds no worker: none is left."""
    async with working(api.services):
        run = (await ada.start(sentence))["execution"]["id"]
        (interrupt,) = await asked(ada, run)
    return run, interrupt


async def ends(api: Api, ada: User, run: str, said: dict[str, Any]) -> dict[str, Any]:
    """The run, carried to its end by another worker once this was answered."""
    (accepted,) = await answer(ada, said)
    assert accepted["__typename"] == "AnswerAccepted"
    async with working(api.services):
        return await settled(ada, run)


@pytest.mark.parametrize(
    ("sentence", "numbers", "prompt"),
    [
        ("Delete tasks 1 and 3", [1, 3], "This would delete 2 tasks: 1) one, 3) three."),
        ("Delete 'three' and 'one'", [1, 3], "This would delete 2 tasks: 1) one, 3) three."),
        ("Delete all my tasks", [1, 2, 3], "This would delete 3 tasks: 1) one, 2) two, 3) three."),
    ],
)
async def test_a_run_asks_and_does_just_what_was_approved(
    api: Api, sentence: str, numbers: list[int], prompt: str
) -> None:
    """What came meanwhile was not seen, and stays; what is gone already is no trouble."""
    ada = await with_tasks(api, "one", "two", "three")

    run, interrupt = await asking(api, ada, sentence)

    assert (interrupt["reason"], interrupt["toolName"]) == ("TOOL_APPROVAL", "delete_task")
    assert interrupt["arguments"]["ref"] == {"numbers": numbers}
    assert interrupt["prompt"] == f"May assistant call delete_task? {prompt}"
    assert await titles(ada) == ["one", "three", "two"]

    await ada.create("four")
    done = await ends(api, ada, run, {"interruptId": interrupt["id"], "decision": "APPROVE"})
    assert (done["status"], done["result"]) == ("COMPLETED", f"Deleted {len(numbers)} tasks")
    assert await titles(ada) == sorted(["four", *(["two"] if 2 not in numbers else [])])
    assert len(done["interrupts"]) == 1


async def test_a_part_of_them_can_be_approved(api: Api) -> None:
    ada = await with_tasks(api, "one", "two", "three")
    run, interrupt = await asking(api, ada, "Mark all my tasks as done")

    part = {"ref": {"numbers": [1, 3]}, "completed": True}
    done = await ends(api, ada, run, {"interruptId": interrupt["id"], "decision": "EDIT", "arguments": part})

    assert done["result"] == "Marked 2 tasks as done"
    assert await titles(ada, completed=False) == ["two"]


async def test_a_denial_leaves_everything_as_it_is(api: Api) -> None:
    ada = await with_tasks(api, "one", "two")
    run, interrupt = await asking(api, ada, "Delete all my tasks")

    done = await ends(
        api, ada, run, {"interruptId": interrupt["id"], "decision": "DENY", "comment": "Oh no."}
    )

    assert (done["status"], done["result"]) == ("COMPLETED", "A person denied this call. Oh no.")
    assert await titles(ada) == ["one", "two"]


async def test_where_one_of_several_is_not_there_nothing_is_asked_or_done(api: Api) -> None:
    ada = await with_tasks(api, "one", "two")
    async with working(api.services):
        run = await settled(ada, (await ada.start("Delete tasks 1 and 7"))["execution"]["id"])

    assert (run["status"], run["result"]) == ("COMPLETED", f"Task 7: {NOT_FOUND}\nNothing was done.")
    assert await titles(ada) == ["one", "two"]
    assert await inbox(ada) == []


async def test_what_is_asked_of_one_task_after_another_is_done_unasked(api: Api) -> None:
    """The same of several is one call; different things are one after another."""
    ada = await with_tasks(api, "one", "two")
    async with working(api.services):
        sentence = "Rename task 1 to 'three', then set the priority of task 2 to high, then delete task 1"
        run = await settled(ada, (await ada.start(sentence))["execution"]["id"])

    assert run["status"] == "COMPLETED"
    assert await titles(ada) == ["two"]


async def test_an_agent_whose_calls_need_approval_asks_once(api: Api) -> None:
    """With the tasks, and not first with what the model said of them."""
    ada = await with_tasks(api, "one", "two")
    script = Script(calls(call("delete_task", ref={"all": True})))
    async with scripted(api.services, {"cleaner": script}):
        agent = await make_agent(api.services.db, ada.id, "cleaner", approval_required=["delete_task"])
        run = await start(api.services, agent)
        (interrupt,) = await asked(ada, run)
        await ada.create("three")
        await answer(ada, {"interruptId": interrupt["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    assert interrupt["arguments"] == {"ref": {"numbers": [1, 2]}}
    assert interrupt["prompt"] == "May cleaner call delete_task? This would delete 2 tasks: 1) one, 2) two."
    assert (done["status"], len(done["interrupts"])) == ("COMPLETED", 1)
    assert await titles(ada) == ["three"]
