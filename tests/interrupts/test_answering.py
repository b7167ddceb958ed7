"""The first answer counts, the same one again is a replay, and what comes too late is told so."""

from __future__ import annotations

import pytest

from db.query import Query
from engine.worker.chores import end_unanswered_runs
from ids import Kind, encode, new_id, parse
from tests.api import Api, User
from tests.interrupts.asking import answer, asked, settled
from tests.runs.parts import CANCEL, until_status
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio


async def waiting(api: Api, ada: User, questions: int = 1) -> tuple[str, list[str]]:
    """A run that asks so much, and the ids of what it asks. No worker is left to carry it on."""
    agent = await make_agent(api.services.db, ada.id, f"host{new_id().hex[-6:]}", model="script:host")
    script = Script(calls(*(call("ask_user", question=f"Question {n}?") for n in range(questions))))
    async with scripted(api.services, {"host": script}):
        run = await start(api.services, agent)
        return run, [one["id"] for one in await asked(ada, run)]


def says(interrupt: str, value: object) -> dict[str, object]:
    return {"interruptId": interrupt, "decision": "RESPOND", "value": value}


async def let_time_pass(api: Api) -> None:
    async with api.services.db.as_system() as session:
        await session.run(Query("update interrupts set expires_at = now() - interval '1 second'"))


async def test_the_same_answer_again_is_a_replay_and_another_one_comes_too_late(api: Api) -> None:
    ada = await api.user()
    _, (question,) = await waiting(api, ada)

    first, again, other = [(await answer(ada, says(question, text)))[0] for text in ("yes", "yes", "no")]

    assert (first["__typename"], first["replayed"]) == ("AnswerAccepted", False)
    assert (again["__typename"], again["replayed"]) == ("AnswerAccepted", True)
    assert (other["__typename"], other["code"]) == ("AlreadyAnswered", "ALREADY_ANSWERED")
    assert other["interrupt"]["status"] == "ANSWERED"


async def test_each_answer_of_a_list_has_its_own_result(api: Api) -> None:
    """What is wrong with one leaves the others alone."""
    ada, bob = await api.user(), await api.user("bob@example.com")
    run, (one, two) = await waiting(api, ada, 2)
    _, (theirs,) = await waiting(api, bob)

    results = await answer(
        ada,
        says(one, "yes"),
        says(theirs, "yes"),
        says(encode(Kind.INTERRUPT, new_id()), "yes"),
        says("intr_nonsense", "yes"),
        says(two, 7),
        says(one, "no"),
        says(one, "yes"),
    )

    assert [result["__typename"] for result in results] == [
        "AnswerAccepted",
        "NotFound",
        "NotFound",
        "InvalidInput",
        "InvalidInput",
        "AlreadyAnswered",
        "AnswerAccepted",
    ]
    assert results[6]["replayed"]
    assert results[3]["issues"][0]["path"] == ["input", "answers", "3", "interruptId"]
    assert {one["id"] for one in await asked(ada, run)} == {two}


async def test_a_repeated_request_is_answered_as_the_first(api: Api) -> None:
    """By its key: also what was refused; with another input the key is refused for each answer."""
    ada = await api.user()
    _, (one, two) = await waiting(api, ada, 2)

    first = await answer(ada, says(one, "yes"), says(two, 7), idempotencyKey="k")
    again = await answer(ada, says(one, "yes"), says(two, 7), idempotencyKey="k")
    other = await answer(ada, says(one, "no"), idempotencyKey="k")

    assert [result["__typename"] for result in first] == ["AnswerAccepted", "InvalidInput"]
    assert again == [{**first[0], "replayed": True}, first[1]]
    assert [result["__typename"] for result in other] == ["InvalidInput"]


async def test_a_run_that_nobody_answers_ends(api: Api) -> None:
    """All that it asked is closed: what was due has expired, what was not is of no use any more."""
    ada = await api.user()
    run, (one, two) = await waiting(api, ada, 2)
    async with api.services.db.as_system() as session:
        await session.run(Query("update interrupts set expires_at = now() where id = :id"), id=parse(one)[1])

    await end_unanswered_runs(api.services.db)

    done = await settled(ada, run)
    assert (done["status"], done["endReason"]) == ("FAILED", "INPUT_EXPIRED")
    assert sorted(one["status"] for one in done["interrupts"]) == ["CANCELLED", "EXPIRED"]
    assert {step["status"] for step in done["steps"]["nodes"]} == {"FAILED"}
    assert done["events"]["nodes"][-1]["status"] == "FAILED"
    results = await answer(ada, says(one, "yes"), says(two, "yes"))
    assert {result["__typename"] for result in results} == {"InterruptExpired"}


async def test_a_worker_sees_to_what_has_expired(api: Api) -> None:
    ada = await api.user()
    run, _ = await waiting(api, ada)
    await let_time_pass(api)

    async with scripted(api.services, {}):
        await until_status(api, ada, run, "FAILED")
    assert (await settled(ada, run))["endReason"] == "INPUT_EXPIRED"


async def test_an_answer_after_the_time_is_too_late_whoever_has_noticed(api: Api) -> None:
    """Postgres' clock decides, not the sweep: the run ends with this answer."""
    ada = await api.user()
    run, (question,) = await waiting(api, ada)
    await let_time_pass(api)

    (result,) = await answer(ada, says(question, "yes"))

    assert (result["__typename"], result["code"]) == ("InterruptExpired", "INTERRUPT_EXPIRED")
    assert (await settled(ada, run))["endReason"] == "INPUT_EXPIRED"


async def test_a_cancelled_run_asks_no_more(api: Api) -> None:
    ada = await api.user()
    run, (question,) = await waiting(api, ada)

    cancelled = await ada.one(CANCEL, input={"id": run})
    (result,) = await answer(ada, says(question, "yes"))

    assert cancelled["__typename"] == "CancelConfirmed"
    assert result["__typename"] == "InterruptExpired"
    done = await settled(ada, run)
    assert (done["status"], [one["status"] for one in done["interrupts"]]) == ("CANCELLED", ["CANCELLED"])
    assert done["events"]["nodes"][-1]["status"] == "CANCELLED"
