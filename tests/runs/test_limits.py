"""What a run may use, and what it is when that is used up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.query import Query
from engine.models.model import Answer, ModelFailed, Think, Turn
from engine.models.rules import Rules
from engine.steps import Usage
from engine.tools.tool import Call, Transient
from engine.worker.chores import end_late_runs
from tests.api import Api, User
from tests.runs.parts import Script, calls, playing, tool

pytestmark = pytest.mark.anyio

DONE = Answer("done")
USED = "query ($id: ID!) { execution(id: $id) { usage { inputTokens outputTokens requests cost } } }"


async def ended(ada: User, **fields: Any) -> dict[str, Any]:
    return await ada.finished((await ada.start("x", **fields))["execution"]["id"])


def spends(**usage: Any) -> Think:
    return Think("hm", usage=Usage(requests=1, **usage))


async def it(_: Call) -> str:
    return "ok"


class TestSteps:
    async def test_the_last_call_has_no_tools_and_its_answer_is_the_runs(self, api: Api) -> None:
        ada = await api.user()

        class Endless(Script):
            async def next(self, turn: Turn) -> Any:
                self.turns.append(turn)
                return calls("it") if len(turn.tools) else Answer("This far I came.")

        script = Endless()
        async with playing(api, script, [tool("it", it)], max_steps=4):
            run = await ended(ada)

        assert (run["status"], run["endReason"], run["result"]) == (
            "COMPLETED",
            "MAX_STEPS",
            "This far I came.",
        )
        assert len(run["steps"]["nodes"]) == 5
        assert [len(turn.tools) for turn in script.turns] == [1, 1, 0]

    async def test_a_model_that_still_has_no_answer_has_failed(self, api: Api) -> None:
        ada = await api.user()

        async with playing(api, Script(calls("it")), [tool("it", it)], max_steps=2):
            run = await ended(ada)

        assert (run["status"], run["endReason"]) == ("FAILED", "MAX_STEPS")

    async def test_the_built_in_model_says_what_it_did_not_come_to(self, api: Api) -> None:
        ada = await api.user()

        async with playing(api, Rules(), max_steps=2):
            run = await ada.finished(
                (await ada.start("Add a task to buy milk, then add a task to call mom"))["execution"]["id"]
            )

        assert run["endReason"] == "MAX_STEPS"
        assert run["result"] == "Task created: Buy milk\nI stopped there: 1 more thing was asked for."


class TestBudgets:
    """Looked at before the call that would break them; then a person is asked."""

    async def test_steps(self, api: Api) -> None:
        ada = await api.user()
        called: list[str] = []

        async def count(call: Call) -> None:
            called.append(call.effect_key)

        async with playing(api, Script(calls("it", "it")), [tool("it", count)]):
            run = await ended(ada, budget={"maxSteps": 5})

        assert run["status"] == "AWAITING_INPUT"
        assert len(called) == 2
        prompts = "query ($id: ID!) { execution(id: $id) { interrupts { prompt } } }"
        (asked,) = (await ada.one(prompts, id=run["id"]))["interrupts"]
        assert asked["prompt"].startswith("The budget is 5 steps, and step 6 would be next.")

    async def test_tokens(self, api: Api) -> None:
        """The next call reads at least what the last one read and wrote."""
        ada, script = await api.user(), Script(spends(input_tokens=30, output_tokens=10))

        async with playing(api, script):
            run = await ended(ada, budget={"maxTokens": 100})

        assert run["status"] == "AWAITING_INPUT"
        assert len(script.turns) == 2
        assert (await ada.one(USED, id=run["id"]))["usage"] == {
            "inputTokens": 60,
            "outputTokens": 20,
            "requests": 2,
            "cost": 0.0,
        }

    async def test_cost(self, api: Api) -> None:
        ada, script = await api.user(), Script(spends(cost=0.4))

        async with playing(api, script):
            run = await ended(ada, budget={"maxCost": 1})

        assert (run["status"], len(script.turns)) == ("AWAITING_INPUT", 3)

    async def test_a_price_that_nobody_knows_keeps_no_budget(self, api: Api) -> None:
        ada, script = await api.user(), Script(spends(cost=None))

        async with playing(api, script):
            run = await ended(ada, budget={"maxCost": 1})

        assert (run["endReason"], len(script.turns)) == ("BUDGET_EXCEEDED", 1)
        assert (await ada.one(USED, id=run["id"]))["usage"]["cost"] is None

    async def test_a_run_within_its_budget_is_none_the_wiser(self, api: Api) -> None:
        ada = await api.user()

        async with playing(api, Script(spends(input_tokens=30, cost=0.5), DONE)):
            run = await ended(ada, budget={"maxTokens": 100, "maxCost": 1, "maxSteps": 2})

        assert run["status"] == "COMPLETED"


class TestDeadlines:
    async def test_a_running_one_is_stopped_in_the_middle_of_a_call(self, api: Api) -> None:
        ada = await api.user()
        stopped = asyncio.Event()

        async def hang(_: Call) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        soon = datetime.now(UTC) + timedelta(seconds=1)
        async with playing(api, Script(calls("it")), [tool("it", hang)]):
            run = await ended(ada, deadline=soon.isoformat())

        assert (run["status"], run["endReason"]) == ("FAILED", "DEADLINE_EXCEEDED")
        assert stopped.is_set()
        assert run["steps"]["nodes"][-1]["status"] == "FAILED"

    @pytest.mark.parametrize("start", [None, datetime.now(UTC) + timedelta(hours=1)])
    async def test_one_that_nobody_holds_has_failed_too(self, api: Api, start: datetime | None) -> None:
        ada = await api.user()
        later = datetime.now(UTC) + timedelta(hours=2)
        fields = {} if start is None else {"startAt": start.isoformat()}
        started = await ada.start("x", deadline=later.isoformat(), **fields)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set deadline = now() - interval '1 second'"))

        await end_late_runs(api.services.db)

        run = await ada.finished(started["execution"]["id"])
        assert (run["status"], run["endReason"]) == ("FAILED", "DEADLINE_EXCEEDED")


class TestModels:
    async def test_one_that_is_busy_is_asked_again(self, api: Api) -> None:
        ada = await api.user()

        class Busy(Script):
            async def next(self, turn: Turn) -> Any:
                self.turns.append(turn)
                if len(self.turns) < 3:
                    raise Transient("429")
                return DONE

        script = Busy()
        async with playing(api, script):
            run = await ended(ada)

        tries = "query ($id: ID!) { execution(id: $id) { steps { nodes { tries kind } } } }"
        assert (await ada.one(tries, id=run["id"]))["steps"]["nodes"] == [
            {"tries": 3, "kind": "FINAL_ANSWER"}
        ]
        assert len(script.turns) == 3

    @pytest.mark.parametrize("problem", [ModelFailed("No such key."), Transient("No such key.")])
    async def test_one_that_cannot_answer_ends_the_run(self, api: Api, problem: Exception) -> None:
        ada = await api.user()

        async with playing(api, Script(problem)):
            run = await ended(ada)

        assert (run["status"], run["endReason"], run["error"]) == ("FAILED", "MODEL_ERROR", "No such key.")
        assert [step["status"] for step in run["steps"]["nodes"]] == ["FAILED"]

    async def test_one_that_takes_too_long_is_stopped(self, api: Api) -> None:
        ada = await api.user()

        class Slow(Script):
            async def next(self, turn: Turn) -> Any:
                await asyncio.Event().wait()

        async with playing(api, Slow(), model_seconds=0.05):
            run = await ended(ada)

        assert (run["endReason"], run["error"]) == (
            "MODEL_ERROR",
            "The model did not answer within 0.05 seconds.",
        )

    async def test_one_that_is_not_there_ends_the_run(self, api: Api) -> None:
        ada = await api.user()

        async with playing(api, Script(), model="nobody:knows"):
            run = await ended(ada)

        assert (run["endReason"], run["error"]) == ("MODEL_ERROR", "There is no model 'nobody:knows' here.")
