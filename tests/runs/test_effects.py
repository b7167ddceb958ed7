"""What becomes of a call whose outcome a crash has hidden, and of calls that go wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.query import Query
from engine.models.model import Answer
from engine.states import StepKind
from engine.steps import Outcome
from engine.tools.tool import Call, Effect, ToolFailed, Transient
from engine.worker.chores import sweep_lost_runs
from tests.api import Api, User
from tests.runs.parts import CANCEL, Script, calls, claimed, let_lease_run_out, playing, tool

pytestmark = pytest.mark.anyio

DONE = Answer("done")


async def crashed_in_a_call(
    api: Api, ada: User, effect: Effect = Effect.READ, *, tries: int = 1, max_attempts: int = 5
) -> str:
    """A run whose worker is gone: its call was begun, and perhaps made."""
    run_id = (await ada.start("anything"))["execution"]["id"]
    async with api.services.db.as_system() as session:
        await session.run(Query("update executions set max_attempts = :most"), most=max_attempts)
    journal = await claimed(api)
    entry = journal.entry()
    thought = entry.begin(journal.step(1, StepKind.THINKING))
    entry.finish(thought, Outcome(text="I call it"))
    made = {"tool_name": "it", "input": {}, "call_id": "c", "tries": tries, "effect": effect}
    entry.begin(journal.step(2, StepKind.TOOL_CALL, **made))
    await journal.write(entry)
    await let_lease_run_out(api)
    return run_id


class Recorder:
    """A tool that remembers its calls."""

    def __init__(self, *outcomes: Any) -> None:
        self.keys: list[str] = []
        self._outcomes = list(outcomes)

    async def __call__(self, call: Call) -> Any:
        self.keys.append(call.effect_key)
        outcome = self._outcomes.pop(0) if self._outcomes else {"ok": True}
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


class TestAfterACrash:
    @pytest.mark.parametrize("effect", [Effect.PURE, Effect.READ, Effect.IDEMPOTENT_WRITE])
    async def test_what_may_be_repeated_is_repeated_under_the_same_key(
        self, api: Api, effect: Effect
    ) -> None:
        ada, it = await api.user(), Recorder()
        run_id = await crashed_in_a_call(api, ada, effect)

        async with playing(api, Script(calls("it"), DONE), [tool("it", it, effect)]):
            run = await ada.finished(run_id)

        assert (run["status"], run["result"]) == ("COMPLETED", "done")
        assert it.keys == [f"{run_id}:2"]
        assert [(s["number"], s["status"], s["attempt"]) for s in run["steps"]["nodes"]] == [
            (1, "COMPLETED", 1),
            (2, "COMPLETED", 2),
            (3, "COMPLETED", 2),
        ]

    @pytest.mark.parametrize("name", ["it", "another"])
    async def test_what_may_not_be_repeated_is_unknown_and_never_called_again(
        self, api: Api, name: str
    ) -> None:
        """Not even where its tool is there no more, or says something else of itself by now."""
        ada, it = await api.user(), Recorder()
        run_id = await crashed_in_a_call(api, ada, Effect.NON_IDEMPOTENT)

        async with playing(api, Script(calls("it"), DONE), [tool(name, it, Effect.READ)]):
            run = await ada.finished(run_id)

        assert it.keys == []
        assert run["status"] == "AWAITING_INPUT"
        assert [step["status"] for step in run["steps"]["nodes"]] == ["COMPLETED", "UNKNOWN"]

    async def test_one_that_was_certainly_not_made_yet_is_made(self, api: Api) -> None:
        ada, it = await api.user(), Recorder()
        run_id = await crashed_in_a_call(api, ada, Effect.NON_IDEMPOTENT, tries=0)

        async with playing(api, Script(calls("it"), DONE), [tool("it", it, Effect.NON_IDEMPOTENT)]):
            run = await ada.finished(run_id)

        assert run["status"] == "COMPLETED"
        assert it.keys == [f"{run_id}:2"]

    async def test_before_it_is_made_its_row_says_so(self, api: Api) -> None:
        """So that a crash in it can be told from one before it."""
        ada = await api.user()
        seen: list[int] = []

        async def it(_: Call) -> str:
            async with api.services.db.as_system() as session:
                seen.append((await session.one(Query("select tries from steps where number = 2")))["tries"])
            return "ok"

        async with playing(api, Script(calls("it"), DONE), [tool("it", it, Effect.NON_IDEMPOTENT)]):
            await ada.finished((await ada.start("x"))["execution"]["id"])

        assert seen == [1]

    async def test_a_tool_that_is_there_no_more_fails_its_step_only(self, api: Api) -> None:
        ada = await api.user()
        run_id = await crashed_in_a_call(api, ada)

        async with playing(api, Script(calls("it"), DONE), [tool("other", Recorder())]):
            run = await ada.finished(run_id)

        assert run["status"] == "COMPLETED"
        assert run["steps"]["nodes"][1]["error"] == "There is no tool 'it'."


class Hanging:
    """A tool that begins, and never answers."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, call: Call) -> Any:
        self.begun.set()
        await asyncio.Event().wait()


class TestWhenARunIsStoppedInACall:
    """What the run says is that it has stopped; what the step says is what is known of the call."""

    @pytest.mark.parametrize(
        ("effect", "status"), [(Effect.NON_IDEMPOTENT, "UNKNOWN"), (Effect.IDEMPOTENT_WRITE, "FAILED")]
    )
    async def test_by_a_cancel(self, api: Api, effect: Effect, status: str) -> None:
        ada, it = await api.user(), Hanging()
        async with playing(api, Script(calls("it")), [tool("it", it, effect)]):
            run_id = (await ada.start("x"))["execution"]["id"]
            await it.begun.wait()
            answer = await ada.one(CANCEL, input={"id": run_id, "waitMs": 10_000})
            run = await ada.finished(run_id)

        assert answer["execution"] == {"status": "CANCELLED", "endReason": "CANCELLED_BY_USER"}
        assert (run["steps"]["nodes"][-1]["status"], run["events"]["nodes"][-1]["status"]) == (
            status,
            "CANCELLED",
        )

    async def test_by_its_deadline(self, api: Api) -> None:
        ada, it = await api.user(), Hanging()
        deadline = (datetime.now(UTC) + timedelta(seconds=0.5)).isoformat()
        async with playing(api, Script(calls("it")), [tool("it", it, Effect.NON_IDEMPOTENT)]):
            run = await ada.finished((await ada.start("x", deadline=deadline))["execution"]["id"])

        assert it.begun.is_set()
        assert (run["status"], run["endReason"]) == ("FAILED", "DEADLINE_EXCEEDED")
        assert run["steps"]["nodes"][-1]["status"] == "UNKNOWN"
        assert run["steps"]["nodes"][-1]["error"] == "It was called, and nobody knows whether it took effect."

    async def test_by_the_loss_of_its_last_worker(self, api: Api) -> None:
        ada = await api.user()
        run_id = await crashed_in_a_call(api, ada, Effect.NON_IDEMPOTENT, max_attempts=1)

        await sweep_lost_runs(api.services.db)

        run = await ada.finished(run_id)
        assert (run["status"], run["endReason"]) == ("FAILED", "ATTEMPTS_EXHAUSTED")
        assert run["steps"]["nodes"][-1]["status"] == "UNKNOWN"


class TestCalls:
    async def test_readers_of_one_turn_run_side_by_side_and_writers_one_after_another(self, api: Api) -> None:
        ada = await api.user()
        together = asyncio.Barrier(2)
        order: list[str] = []

        async def meet(call: Call) -> str:
            async with asyncio.timeout(10):
                await together.wait()
            return call.effect_key

        async def write(call: Call) -> None:
            order.append(f"begin {call.effect_key[-1]}")
            await asyncio.sleep(0)
            order.append(f"end {call.effect_key[-1]}")

        script = Script(calls("meet", "meet"), calls("write", "write"), DONE)
        tools = [tool("meet", meet), tool("write", write, Effect.IDEMPOTENT_WRITE)]
        async with playing(api, script, tools):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert [step["number"] for step in run["steps"]["nodes"]] == list(range(1, 8))
        assert order == ["begin 5", "end 5", "begin 6", "end 6"]

    @pytest.mark.parametrize(
        ("outcome", "error"),
        [
            (ToolFailed("Sold out."), "Sold out."),
            (KeyError("secret"), "The tool failed."),
            ({1, 2}, "The answer of it is not JSON: Type is not JSON serializable: set."),
            ("x" * 1_100_000, "The answer of it is longer than 1,048,576 bytes."),
        ],
    )
    async def test_a_failure_is_something_that_the_model_reads(
        self, api: Api, outcome: Any, error: str
    ) -> None:
        ada, script = await api.user(), Script(calls("it"), DONE)

        async with playing(api, script, [tool("it", Recorder(outcome))]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert run["status"] == "COMPLETED"
        assert (run["steps"]["nodes"][1]["status"], run["steps"]["nodes"][1]["error"]) == ("FAILED", error)
        assert script.turns[-1].steps[1].error == error

    async def test_what_postgres_cannot_keep_is_kept_as_near_as_can_be(self, api: Api) -> None:
        ada = await api.user()

        async with playing(api, Script(calls("it"), DONE), [tool("it", Recorder({"a": "x\x00\\u0000"}))]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert run["steps"]["nodes"][1]["result"] == {"a": "x\ufffd\\u0000"}

    async def test_a_transient_failure_is_tried_again_and_shown_in_the_step(self, api: Api) -> None:
        ada, it = await api.user(), Recorder(Transient("busy"), Transient("busy", retry_after=0.01))

        async with playing(api, Script(calls("it"), DONE), [tool("it", it, Effect.NON_IDEMPOTENT)]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert run["status"] == "COMPLETED"
        assert len(it.keys) == 3
        assert len(set(it.keys)) == 1
        tries = "query ($id: ID!) { execution(id: $id) { steps { nodes { tries status } } } }"
        steps = (await ada.one(tries, id=run["id"]))["steps"]["nodes"]
        assert steps[1] == {"tries": 3, "status": "COMPLETED"}

    async def test_patience_has_an_end(self, api: Api) -> None:
        ada, it = await api.user(), Recorder(*[Transient("busy")] * 9)

        async with playing(api, Script(calls("it"), DONE), [tool("it", it)]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert len(it.keys) == 5
        assert run["steps"]["nodes"][1]["error"] == "busy"

    @pytest.mark.parametrize(
        ("effect", "status"),
        [(Effect.READ, "COMPLETED"), (Effect.NON_IDEMPOTENT, "AWAITING_INPUT")],
    )
    async def test_a_call_that_takes_too_long_is_stopped(self, api: Api, effect: Effect, status: str) -> None:
        ada = await api.user()
        stopped = asyncio.Event()

        async def it(_: Call) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        async with playing(api, Script(calls("it"), DONE), [tool("it", it, effect, seconds=0.05)]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert stopped.is_set()
        assert run["status"] == status
