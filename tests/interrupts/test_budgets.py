"""A run that meets its budget asks for more, and goes on with it."""

from __future__ import annotations

import pytest

from engine.commands.executions import Budget
from tests.api import Api, User
from tests.interrupts.asking import answer, asked, settled
from tests.scripted import Answer, Script, Think, make_agent, scripted, start

pytestmark = pytest.mark.anyio

THREE_STEPS = {"writer": Script(Think("One."), Think("Two."), Answer("Done."))}


async def writing(api: Api, ada: User) -> str:
    agent = await make_agent(api.services.db, ada.id, "writer")
    return await start(api.services, agent, budget=Budget(steps=1))


async def test_an_approved_budget_is_twice_as_high(api: Api) -> None:
    ada = await api.user()
    async with scripted(api.services, THREE_STEPS):
        run = await writing(api, ada)
        (first,) = await asked(ada, run)
        assert (first["reason"], first["step"], first["arguments"]) == ("BUDGET", None, {"maxSteps": 4})
        await answer(ada, {"interruptId": first["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    assert (done["status"], done["result"]) == ("COMPLETED", "Done.")


async def test_it_is_raised_as_the_person_says_and_asked_again_where_that_is_not_enough(api: Api) -> None:
    ada = await api.user()
    async with scripted(api.services, THREE_STEPS):
        run = await writing(api, ada)
        (first,) = await asked(ada, run)
        edit = {"decision": "EDIT", "arguments": {"maxSteps": 2}}
        await answer(ada, {"interruptId": first["id"], **edit})
        (second,) = await asked(ada, run)
        await answer(ada, {"interruptId": second["id"], "decision": "EDIT", "arguments": {"maxSteps": 9}})
        done = await settled(ada, run)

    assert done["status"] == "COMPLETED"
    assert len(done["interrupts"]) == 2


async def test_a_denied_budget_ends_the_run(api: Api) -> None:
    ada = await api.user()
    async with scripted(api.services, THREE_STEPS):
        run = await writing(api, ada)
        (first,) = await asked(ada, run)
        wrong = {"decision": "EDIT", "arguments": {"maxSteps": 0, "maxMoney": 1}}
        (refused,) = await answer(ada, {"interruptId": first["id"], **wrong})
        assert refused["__typename"] == "InvalidInput"
        await answer(ada, {"interruptId": first["id"], "decision": "DENY", "comment": "Enough."})
        done = await ada.finished(run)

    assert (done["status"], done["endReason"]) == ("FAILED", "BUDGET_EXCEEDED")
    assert done["error"].endswith("Enough.")
