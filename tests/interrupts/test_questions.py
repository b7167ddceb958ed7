"""`ask_user`: a person answers what the model wants to know, in the form that it wants."""

from __future__ import annotations

import pytest

from tests.api import Api
from tests.interrupts.asking import answer, asked, inbox, settled
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

SIZE = {"enum": ["S", "M", "L"]}


def asking(**arguments: object) -> Script:
    return Script(calls(call("ask_user", **arguments)))


async def test_the_answer_is_what_the_model_gets(api: Api) -> None:
    ada = await api.user()
    agent = await make_agent(api.services.db, ada.id, "tailor")
    async with scripted(api.services, {"tailor": asking(question="Which size?", schema=SIZE)}):
        run = await start(api.services, agent)
        (question,) = await asked(ada, run)
        assert (question["reason"], question["prompt"]) == ("QUESTION", "Which size?")
        assert question["responseSchema"] == SIZE
        await answer(
            ada, {"interruptId": question["id"], "decision": "RESPOND", "value": "M", "comment": "Snug."}
        )
        done = await settled(ada, run)

    assert done["steps"]["nodes"][0]["result"] == {"answer": "M", "comment": "Snug."}
    assert done["status"] == "COMPLETED"


async def test_an_answer_of_another_form_is_refused_and_may_be_given_again(api: Api) -> None:
    ada = await api.user()
    agent = await make_agent(api.services.db, ada.id, "tailor")
    async with scripted(api.services, {"tailor": asking(question="Which size?", schema=SIZE)}):
        run = await start(api.services, agent)
        (question,) = await asked(ada, run)
        (wrong,) = await answer(ada, {"interruptId": question["id"], "decision": "RESPOND", "value": "XXL"})
        assert wrong["__typename"] == "InvalidInput"
        assert wrong["issues"][0]["path"] == ["input", "answers", "0", "value"]

        await answer(ada, {"interruptId": question["id"], "decision": "RESPOND", "value": "L"})
        assert (await settled(ada, run))["status"] == "COMPLETED"


async def test_without_a_schema_any_text_will_do(api: Api) -> None:
    ada = await api.user()
    agent = await make_agent(api.services.db, ada.id, "host")
    async with scripted(api.services, {"host": asking(question="Who are you?")}):
        run = await start(api.services, agent)
        (question,) = await asked(ada, run)
        (wrong,) = await answer(ada, {"interruptId": question["id"], "decision": "RESPOND", "value": 7})
        (right,) = await answer(ada, {"interruptId": question["id"], "decision": "RESPOND", "value": "Ada"})

    assert (wrong["__typename"], right["__typename"]) == ("InvalidInput", "AnswerAccepted")


async def test_a_person_may_decline_and_the_model_reads_it(api: Api) -> None:
    ada = await api.user()
    agent = await make_agent(api.services.db, ada.id, "host")
    async with scripted(api.services, {"host": asking(question="How old are you?")}):
        run = await start(api.services, agent)
        (question,) = await asked(ada, run)
        await answer(ada, {"interruptId": question["id"], "decision": "DENY", "comment": "Private."})
        done = await settled(ada, run)

    assert done["steps"]["nodes"][0]["error"] == "The person did not want to answer. Private."


@pytest.mark.parametrize(
    "arguments",
    [{}, {"question": ""}, {"question": "Q?", "schema": {"type": "nothing"}}, {"question": "Q?", "more": 1}],
)
async def test_a_question_that_cannot_be_put_is_the_models_fault(
    api: Api, arguments: dict[str, object]
) -> None:
    """Nobody is bothered with it."""
    ada = await api.user()
    agent = await make_agent(api.services.db, ada.id, "host")
    async with scripted(api.services, {"host": asking(**arguments)}):
        done = await settled(ada, await start(api.services, agent))

    assert (done["status"], done["steps"]["nodes"][0]["status"]) == ("COMPLETED", "FAILED")
    assert done["interrupts"] == []


async def test_the_inbox_is_paged_across_runs(api: Api) -> None:
    """Newest first, the open ones by default; another user's is empty."""
    ada, bob = await api.user(), await api.user("bob@example.com")
    agent = await make_agent(api.services.db, ada.id, "host")
    script = Script(calls(call("ask_user", question="One?"), call("ask_user", question="Two?")))
    async with scripted(api.services, {"host": script}):
        runs = [await start(api.services, agent) for _ in range(2)]
        waiting = [one["id"] for run in runs for one in await asked(ada, run)]
        first = await inbox(ada)
        await answer(ada, {"interruptId": waiting[0], "decision": "RESPOND", "value": "Yes"})

        assert sorted(one["id"] for one in first) == sorted(waiting)
        assert len(await inbox(ada)) == 3
        assert [one["id"] for one in await inbox(ada, status="ANSWERED")] == [waiting[0]]
        assert len(await inbox(ada, status=None)) == 4
        assert len(await inbox(ada, first=2)) == 2
        assert await inbox(bob, status=None) == []
