"""An ended run is started again from the steps that are kept: what they did is not done again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api import Api, User
from tests.conftest import working
from tests.interrupts.asking import asked
from tests.scripted import Answer, Script, Think, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

RETRY = """
mutation ($input: RetryExecutionInput!) {
  retryExecution(input: $input) {
    __typename
    ... on StartExecutionSuccess { replayed execution { id status } }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code message }
  }
}"""
RUN = """
query ($id: ID!) {
  execution(id: $id) {
    status result
    steps(first: 50) { nodes { id number kind status toolName input result attempt startedAt } }
    events(first: 200) {
      nodes {
        seq __typename
        ... on StepStarted { step { number status } }
        ... on StepFinished { step { number status result } }
      }
    }
  }
}"""
SENTENCE = "Add a task to buy milk, add a task to call Bob, then show my tasks"


async def looked_at(ada: User, run: str) -> dict[str, Any]:
    return await ada.one(RUN, id=run)


async def retried(ada: User, run: str, **more: Any) -> dict[str, Any]:
    return await ada.one(RETRY, input={"id": run, **more})


async def test_kept_steps_are_not_done_again(api: Api) -> None:
    """The new run goes on behind them, with what they came to."""
    ada = await api.user()
    async with working(api.services):
        first = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])
        done = await retried(ada, first["id"], fromStep=3)
        again = await ada.finished(done["execution"]["id"])

    assert again["status"] == "COMPLETED"
    assert (await ada.one("{ tasks { totalCount } }"))["totalCount"] == 2, "both were added by the first run"
    old, new = [await looked_at(ada, run["id"]) for run in (first, again)]
    kept = ("kind", "toolName", "input", "result", "startedAt")
    for before, after in zip(old["steps"]["nodes"][:3], new["steps"]["nodes"][:3], strict=True):
        assert [before[name] for name in kept] == [after[name] for name in kept]
        assert (before["id"] == after["id"], after["attempt"]) == (False, 0)
    assert [step["number"] for step in new["steps"]["nodes"]] == [1, 2, 3, 4, 5]


async def test_the_log_of_the_new_run_is_whole(api: Api) -> None:
    """Whoever follows it from the start sees each step begin and end, the kept ones too."""
    ada = await api.user()
    async with working(api.services):
        first = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])
        done = await retried(ada, first["id"], fromStep=2)
        await ada.finished(done["execution"]["id"])
    events = (await looked_at(ada, done["execution"]["id"]))["events"]["nodes"]

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    started = [event["step"]["number"] for event in events if event["__typename"] == "StepStarted"]
    finished = [event["step"] for event in events if event["__typename"] == "StepFinished"]
    assert started == [step["number"] for step in finished] == [1, 2, 3, 4, 5]
    assert finished[1]["result"]["outcome"] == "DONE"
    assert all(e["step"]["status"] == "RUNNING" for e in events if e["__typename"] == "StepStarted")


async def test_calls_of_a_turn_that_was_cut_are_made_anew(api: Api) -> None:
    """A model must find an answer to every call that it made."""
    ada = await api.user()
    script = Script(
        calls(*(call("add_task", title=f"Task {n}") for n in range(3))), Answer("Done."), is_instant=False
    )
    agent = await make_agent(api.services.db, ada.id, "adder")
    async with scripted(api.services, {"adder": script}):
        first = await start(api.services, agent)
        await ada.finished(first)
        done = await retried(ada, first, fromStep=2)
        again = await ada.finished(done["execution"]["id"])

    assert again["result"] == "Done."
    assert [step["number"] for step in again["steps"]["nodes"]] == [1, 2, 3, 4, 5]
    titles = [task["title"] for task in (await ada.one("{ tasks { nodes { title } } }"))["nodes"]]
    assert sorted(titles) == ["Task 0", "Task 1", "Task 1", "Task 2", "Task 2"]


async def test_a_call_that_is_made_anew_is_approved_anew(api: Api) -> None:
    """An approval was for that call of that run."""
    ada = await api.user()
    script = Script(Think("Hm."), calls(call("add_task", title="Sing")), is_instant=False)
    agent = await make_agent(api.services.db, ada.id, "singer", approval_required=["add_task"])
    async with scripted(api.services, {"singer": script}):
        first = await start(api.services, agent)
        (interrupt,) = await asked(ada, first)
        await ada.one("mutation ($id: ID!) { cancelExecution(input: {id: $id}) { __typename } }", id=first)
        done = await retried(ada, first, fromStep=2)
        (again,) = await asked(ada, done["execution"]["id"])

    assert again["id"] != interrupt["id"]


@pytest.mark.parametrize("wrong", [0, -1, 6, 99, 5])
async def test_a_step_that_cannot_be_the_last_kept_one_is_told(api: Api, wrong: int) -> None:
    """There are five; the fifth is the answer, and behind it nothing is left to do."""
    ada = await api.user()
    async with working(api.services):
        first = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])
    assert len(first["steps"]["nodes"]) == 5

    done = await retried(ada, first["id"], fromStep=wrong)

    assert done["__typename"] == "InvalidInput"
    assert done["issues"][0]["path"] == ["input", "fromStep"]


async def test_a_run_that_goes_on_cannot_be_forked(api: Api) -> None:
    ada = await api.user()
    run = (await ada.start(SENTENCE))["execution"]["id"]

    assert (await retried(ada, run, fromStep=1))["__typename"] == "ExecutionActive"


async def test_it_is_started_once_for_its_key(api: Api) -> None:
    ada = await api.user()
    async with working(api.services):
        first = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])
        one = await retried(ada, first["id"], fromStep=1, idempotencyKey="k")
        two = await retried(ada, first["id"], fromStep=1, idempotencyKey="k")
        other = await retried(ada, first["id"], fromStep=2, idempotencyKey="k")

    assert two == {
        **one,
        "replayed": True,
        "execution": {**one["execution"], "status": two["execution"]["status"]},
    }
    assert other["__typename"] == "IdempotencyConflict"
