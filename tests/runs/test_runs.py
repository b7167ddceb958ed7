"""The main job: a sentence in, real steps, an answer that is true of the database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db import executions as rows
from db import leases, queue
from db.connection import Database
from db.query import Query
from engine.endings import HANDED_BACK
from engine.worker.worker import Worker
from tests.api import AWAIT, START, Api
from tests.client import GraphQLErrors
from tests.conftest import working
from tests.runs.parts import CANCEL, RETRY, SENTENCE, claimed, let_lease_run_out

pytestmark = pytest.mark.anyio


class TestTheMainJob:
    async def test_accepted_means_committed(self, api: Api) -> None:
        """The row, its first event and its place in the queue are there before the reply."""
        ada = await api.user()

        started = await ada.start(SENTENCE)

        assert started["execution"]["status"] == "QUEUED"
        assert started["execution"]["queuePosition"] == 0
        events = "query ($id: ID!) { execution(id: $id) { events { nodes { seq __typename } } } }"
        found = await ada.one(events, id=started["execution"]["id"])
        assert found["events"]["nodes"] == [{"seq": 1, "__typename": "ExecutionStatusChanged"}]

    async def test_a_sentence_becomes_steps_and_a_true_answer(self, api: Api, worker: Worker) -> None:
        ada = await api.user()

        run = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])

        assert (run["status"], run["endReason"], run["attempt"]) == ("COMPLETED", "FINAL_ANSWER", 1)
        steps = [(step["number"], step["kind"], step["toolName"]) for step in run["steps"]["nodes"]]
        assert steps == [
            (1, "THINKING", None),
            (2, "TOOL_CALL", "add_task"),
            (3, "TOOL_CALL", "list_tasks"),
            (4, "FINAL_ANSWER", None),
        ]
        (task,) = (await ada.one("{ tasks { nodes { number title priority completed } } }"))["nodes"]
        assert task == {"number": 1, "title": "Call the dentist", "priority": "HIGH", "completed": False}
        assert run["result"] == "Task created: Call the dentist\nYou have 1 task: 1) Call the dentist"

    async def test_the_log_tells_of_everything_once_and_in_order(self, api: Api, worker: Worker) -> None:
        ada = await api.user()

        run = await ada.finished((await ada.start(SENTENCE))["execution"]["id"])

        events = run["events"]["nodes"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        assert [event["status"] for event in events if "status" in event] == [
            "QUEUED",
            "RUNNING",
            "COMPLETED",
        ]
        percents = [event["progress"]["percent"] for event in events if "progress" in event]
        assert percents == sorted(percents)
        assert percents[-1] == 100
        assert run["progress"]["percent"] == 100

    @pytest.mark.parametrize(
        ("sentence", "answer"),
        [
            (
                "What is the weather?",
                "I can only help with task management. Try 'create a task' or 'show my tasks'.",
            ),
            ("Delete task 7", "I couldn't find that task. Try listing your tasks first."),
            ("x" * 1_001, "Message must be under 1000 characters"),
        ],
    )
    async def test_what_cannot_be_done_is_said(
        self, api: Api, worker: Worker, sentence: str, answer: str
    ) -> None:
        ada = await api.user()

        run = await ada.finished((await ada.start(sentence))["execution"]["id"])

        assert (run["status"], run["result"]) == ("COMPLETED", answer)

    async def test_higher_priority_goes_first(self, api: Api) -> None:
        ada = await api.user()
        low = await ada.start("show my tasks", priority="LOW")
        await ada.start("show my tasks", priority="HIGH")
        position = "query ($id: ID!) { execution(id: $id) { queuePosition } }"

        assert (await ada.one(position, id=low["execution"]["id"]))["queuePosition"] == 1
        assert (await claimed(api)).run.priority == 3

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"input": "  "}, "input"),
            ({"input": "x" * 10_001}, "input"),
            ({"input": "x", "timeZone": "Mars/Olympus"}, "timeZone"),
            ({"input": "x", "timeZone": "../../etc/passwd"}, "timeZone"),
            ({"input": "x", "metadata": [1]}, "metadata"),
            ({"input": "x", "taskId": "nonsense"}, "taskId"),
        ],
    )
    async def test_bad_input_starts_nothing(self, api: Api, given: dict[str, Any], field: str) -> None:
        ada = await api.user()

        answer = await ada.one(START, input=given)

        assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", field])
        assert await ada.one("{ executions { totalCount } }") == {"totalCount": 0}

    async def test_a_run_belongs_to_a_task_and_is_found_by_its_metadata(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        task = await ada.create()
        started = await ada.start("show my tasks", taskId=task["id"], metadata={"team": {"id": 7}, "x": 1})
        of_task = "{ task(by: {number: 1}) { executions { totalCount nodes { id task { number } } } } }"
        by_metadata = "query ($m: JSON) { executions(filter: {metadata: $m}) { nodes { id } } }"

        found = await ada.one(of_task)
        assert found["executions"]["nodes"] == [{"id": started["execution"]["id"], "task": {"number": 1}}]
        assert len((await ada.one(by_metadata, m={"team": {"id": 7}}))["nodes"]) == 1
        assert (await ada.one(by_metadata, m={"team": {"id": 8}}))["nodes"] == []
        other = await bob.one(START, input={"input": "x", "taskId": task["id"]})
        assert (other["code"], other["path"]) == ("NOT_FOUND", ["input", "taskId"])


class TestRetrying:
    async def test_an_ended_run_is_started_again_as_a_new_one(self, api: Api, worker: Worker) -> None:
        ada = await api.user()
        first = await ada.start("Add a task to buy milk")
        await ada.finished(first["execution"]["id"])

        again = await ada.one(RETRY, id=first["execution"]["id"])

        assert again["execution"]["id"] != first["execution"]["id"]
        await ada.finished(again["execution"]["id"])
        assert await ada.one("{ tasks { totalCount } }") == {"totalCount": 2}

    async def test_a_live_one_is_not(self, api: Api) -> None:
        ada = await api.user()
        first = await ada.start(SENTENCE)

        again = await ada.one(RETRY, id=first["execution"]["id"])

        assert again["__typename"] == "ExecutionActive"
        assert again["active"] == {"id": first["execution"]["id"], "status": "QUEUED"}


class TestAwaiting:
    async def test_a_wait_ends_with_its_time(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        answers = "{ timedOut execution { status } cursor }"
        wait = f"query ($id: ID!) {{ awaitExecution(id: $id, timeoutMs: 1) {answers} }}"

        answer = await ada.one(wait, id=started["execution"]["id"])

        assert (answer["timedOut"], answer["execution"]["status"]) == (True, "QUEUED")
        assert answer["cursor"] == started["execution"]["cursor"]

    async def test_another_users_run_is_not_found(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        started = await ada.start(SENTENCE)
        run_id = started["execution"]["id"]

        assert await bob.one(AWAIT, id=run_id) is None
        assert await bob.one("query ($id: ID!) { execution(id: $id) { id } }", id=run_id) is None
        assert await bob.one("query ($id: ID!) { node(id: $id) { id } }", id=run_id) is None
        assert (await bob.one(CANCEL, input={"id": run_id}))["code"] == "NOT_FOUND"
        assert (await bob.one(RETRY, id=run_id))["code"] == "NOT_FOUND"

    @pytest.mark.parametrize("milliseconds", [-1, 30_001])
    async def test_a_wait_has_its_bounds(self, api: Api, milliseconds: int) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        wait = "query ($id: ID!, $ms: Int!) { awaitExecution(id: $id, timeoutMs: $ms) { timedOut } }"

        with pytest.raises(GraphQLErrors) as refused:
            await ada.one(wait, id=started["execution"]["id"], ms=milliseconds)

        assert refused.value.code == "BAD_USER_INPUT"


class TestFindings:
    """What went wrong once."""

    async def test_a_drain_does_not_undo_a_cancel(self, api: Api) -> None:
        """Whatever its worker has to say, a run that was asked to stop stops."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        journal = await claimed(api)
        await ada.one(CANCEL, input={"id": started["execution"]["id"]})

        await journal.end(HANDED_BACK)

        run = await ada.finished(started["execution"]["id"])
        assert (run["status"], run["endReason"]) == ("CANCELLED", "CANCELLED_BY_USER")

    async def test_a_run_that_was_handed_back_has_its_attempt_still_to_come(self, api: Api) -> None:
        """Deploys use up no attempts."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set max_attempts = 1"))
        await (await claimed(api)).end(HANDED_BACK)
        await claimed(api)
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["attempt"]) == ("FAILED", 1)

    async def test_a_step_that_waits_for_a_row_costs_no_other_run_its_lease(
        self, api: Api, db: Database
    ) -> None:
        """Leases are renewed past the one whose row is locked."""
        ada, eva = await api.user(), await api.user("eva@example.com")
        await ada.start("Add a task to buy milk")
        await eva.start("show my tasks")
        async with api.services.db.as_system() as session:
            runs = await queue.claim_executions(session, "by hand", 2, 60)
        blocked_run = next(run for run in runs if run.user_id == ada.id)
        async with db.as_system() as holding, db.as_system() as renewing:
            await rows.lock_execution(holding, ada.id, blocked_run.id)

            kept = await leases.renew_leases(renewing, "by hand", [run.id for run in runs], 60)

        assert {row.id for row in kept} == {run.id for run in runs}

    async def test_changing_several_tasks_and_one_at_once_is_no_deadlock(self, api: Api) -> None:
        """Everybody takes the user's row first."""
        ada = await api.user()
        for number in range(4):
            await ada.create(f"task {number}")
        change = (
            "mutation ($t: String!, $m: String!) { askTaskAgent(input: {message: $m, confirmToken: $t}) %s }"
        )
        answers = "{ ... on TaskAgentAnswer { outcome confirmToken } ... on UserError { code } }"
        all_done = "Mark all my tasks as done"
        asked = await ada.one(
            "mutation ($m: String!) { askTaskAgent(input: {message: $m}) " + answers + "}", m=all_done
        )

        done = await asyncio.gather(
            ada.one(change % answers, t=asked["confirmToken"], m=all_done),
            *(
                ada.one(
                    "mutation ($m: String!) { askTaskAgent(input: {message: $m}) " + answers + "}",
                    m=f"Complete task {number}",
                )
                for number in (4, 3, 2, 1) * 5
            ),
        )

        assert {answer["outcome"] for answer in done} == {"DONE"}
