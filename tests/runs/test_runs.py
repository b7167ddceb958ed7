"""The main job: a sentence in, real steps, an answer that is true of the database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db import executions as rows
from db import leases, queue
from db.connection import Database
from db.query import Query
from engine.clock import Clock
from engine.endings import HANDED_BACK, STOPPED, answered
from engine.journal import Journal
from engine.log import tell_status
from engine.scribe import Scribe
from engine.states import StepKind
from engine.steps import Outcome, Step
from engine.worker import Worker
from errors import LeaseLost
from ids import Kind, decode
from tests.api import AWAIT, START, Api, User
from tests.client import GraphQLErrors
from tests.conftest import working

pytestmark = pytest.mark.anyio

SENTENCE = "Add a high priority task to call the dentist by Friday, then show my tasks"
CANCEL = """
mutation ($input: CancelExecutionInput!) {
  cancelExecution(input: $input) {
    __typename
    ... on CancelConfirmed { execution { status endReason } }
    ... on CancelRequested { cursor execution { status } }
    ... on AlreadyTerminal { execution { status } }
    ... on UserError { code path }
  }
}"""
RETRY = """
mutation ($id: ID!) {
  retryExecution(input: {id: $id}) {
    __typename
    ... on StartExecutionSuccess { execution { id status input } }
    ... on ExecutionActive { code active { id status } }
    ... on UserError { code path }
  }
}"""


async def claimed(api: Api, seconds: float = 60) -> Journal:
    """The only queued run, in the hands of a worker that does nothing by itself."""
    async with api.services.db.as_system() as session:
        (run,) = await queue.claim_executions(session, "by hand", 1, seconds)
        await tell_status(session, run)
    db = api.services.db
    return Journal(db, Scribe(db), Clock(), run)


async def begin(journal: Journal, number: int, text: str = "…") -> Step:
    entry = journal.entry()
    step = entry.begin(journal.step(number, StepKind.THINKING, text=text))
    await journal.write(entry)
    return step


async def let_lease_run_out(api: Api) -> None:
    async with api.services.db.as_system() as session:
        await session.run(Query("update executions set lease_until = now() - interval '1 second'"))


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

    async def test_more_than_one_task_is_never_deleted_unasked(self, api: Api, worker: Worker) -> None:
        ada = await api.user()
        await ada.create("one")
        await ada.create("two")

        run = await ada.finished((await ada.start("Delete all my tasks"))["execution"]["id"])

        assert run["result"].startswith("This would delete 2 tasks.")
        assert await ada.one("{ tasks { totalCount } }") == {"totalCount": 2}

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


class TestCancelling:
    async def test_a_queued_run_has_stopped_at_once(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)

        answer = await ada.one(CANCEL, input={"id": started["execution"]["id"]})

        assert answer["__typename"] == "CancelConfirmed"
        assert answer["execution"] == {"status": "CANCELLED", "endReason": "CANCELLED_BY_USER"}

    async def test_a_running_one_stops_at_its_workers_word(self, api: Api) -> None:
        """CANCELLING is asked, CANCELLED is the worker's: nothing is written after it."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        journal = await claimed(api)
        await begin(journal, 1)

        asked = await ada.one(CANCEL, input={"id": started["execution"]["id"], "reason": "enough"})
        await journal.end(STOPPED)

        assert (asked["__typename"], asked["execution"]["status"]) == ("CancelRequested", "CANCELLING")
        run = await ada.finished(started["execution"]["id"])
        assert run["status"] == "CANCELLED"
        assert run["events"]["nodes"][-1]["status"] == "CANCELLED"
        assert [step["status"] for step in run["steps"]["nodes"]] == ["FAILED"]
        with pytest.raises(LeaseLost):
            await begin(journal, 2)

    async def test_waiting_for_the_end_of_a_running_one(self, api: Api, db: Database) -> None:
        """With `waitMs` the answer is what came of it, whichever worker stopped."""
        ada = await api.user()
        async with blocked(db) as release, working(api.services):
            started = await ada.start("Add a task to buy milk")
            await until_status(api, ada, started["execution"]["id"], "RUNNING")
            answer = await ada.one(CANCEL, input={"id": started["execution"]["id"], "waitMs": 10_000})
            release.set()

        assert answer["__typename"] == "CancelConfirmed"
        assert await ada.one("{ tasks { totalCount } }") == {"totalCount": 0}

    async def test_what_has_ended_stays_as_it_ended(self, api: Api, worker: Worker) -> None:
        ada = await api.user()
        started = await ada.start("show my tasks")
        await ada.finished(started["execution"]["id"])

        answer = await ada.one(CANCEL, input={"id": started["execution"]["id"]})

        assert (answer["__typename"], answer["execution"]["status"]) == ("AlreadyTerminal", "COMPLETED")

    async def test_a_lost_workers_run_that_was_asked_to_stop_is_stopped_by_the_sweep(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        await claimed(api)
        await ada.one(CANCEL, input={"id": started["execution"]["id"]})
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["endReason"]) == ("CANCELLED", "CANCELLED_BY_USER")


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


class TestLeases:
    async def test_a_run_goes_on_from_its_rows_in_other_hands(self, api: Api) -> None:
        """The step that the lost worker left open begins anew under its own number."""
        ada = await api.user()
        started = await ada.start(SENTENCE)
        lost = await claimed(api)
        step = await begin(lost, 1)
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["attempt"]) == ("COMPLETED", 2)
        assert [node["number"] for node in run["steps"]["nodes"]] == [1, 2, 3, 4]
        assert [node["attempt"] for node in run["steps"]["nodes"]] == [2, 2, 2, 2]
        assert decode(Kind.STEP, run["steps"]["nodes"][0]["id"]) == step.id
        seqs = [event["seq"] for event in run["events"]["nodes"]]
        assert seqs == list(range(1, len(seqs) + 1))

    async def test_who_lost_the_lease_writes_nothing(self, api: Api) -> None:
        """No step, no event, no effect."""
        ada = await api.user()
        started = await ada.start("Add a task to buy milk")
        zombie = await claimed(api)
        step = await begin(zombie, 1)
        await let_lease_run_out(api)
        async with working(api.services):
            before = await ada.finished(started["execution"]["id"])

        late = zombie.entry()
        late.finish(step, Outcome(text="late"))
        for word in (
            begin(zombie, 2),
            zombie.end(answered("late"), late),
            zombie.end(answered("late")),
        ):
            with pytest.raises(LeaseLost):
                await word

        assert await ada.finished(started["execution"]["id"]) == before

    async def test_attempts_that_end_in_a_crash_are_counted_to_a_cap(self, api: Api) -> None:
        ada = await api.user()
        started = await ada.start(SENTENCE)
        async with api.services.db.as_system() as session:
            await session.run(Query("update executions set max_attempts = 1"))
        await claimed(api)
        await let_lease_run_out(api)

        async with working(api.services):
            run = await ada.finished(started["execution"]["id"])

        assert (run["status"], run["endReason"], run["attempt"]) == ("FAILED", "ATTEMPTS_EXHAUSTED", 1)

    async def test_a_worker_that_goes_away_leaves_no_run_under_a_lease(self, api: Api, db: Database) -> None:
        """Drained, it queues again what it could not end."""
        ada = await api.user()
        async with blocked(db) as release:
            async with working(api.services):
                started = await ada.start("Add a task to buy milk")
                await until_status(api, ada, started["execution"]["id"], "RUNNING")
            status = await ada.one(
                "query ($id: ID!) { execution(id: $id) { status } }", id=started["execution"]["id"]
            )
            release.set()

        assert status == {"status": "QUEUED"}

    async def test_one_run_is_claimed_once_by_workers_that_ask_at_once(self, api: Api) -> None:
        ada = await api.user()
        for _ in range(20):
            await ada.start("show my tasks")

        async def claim(name: str) -> list[Any]:
            async with api.services.db.as_system() as session:
                return [row.id for row in await queue.claim_executions(session, name, 5, 60)]

        taken = await asyncio.gather(*(claim(f"worker {n}") for n in range(6)))

        ids = [one for some in taken for one in some]
        assert len(ids) == len(set(ids))


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


class blocked:  # noqa: N801 - reads as what it does
    """No task can be written meanwhile: a worker stands still in its step."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def __aenter__(self) -> asyncio.Event:
        self._release, locked = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with self._db.as_system() as session:
                await session.run(Query("lock table tasks in share row exclusive mode"))
                locked.set()
                await self._release.wait()

        self._task = asyncio.create_task(hold())
        await locked.wait()
        return self._release

    async def __aexit__(self, *_: object) -> None:
        self._release.set()
        await self._task


async def until_status(api: Api, user: User, execution_id: str, status: str) -> None:
    """Wait until the run says so, as anybody would: by its stream's hints."""
    of_run = decode(Kind.EXECUTION, execution_id).hex
    asked = "query ($id: ID!) { execution(id: $id) { status } }"
    with api.services.hub.listen(of_run) as bell:
        while (await user.one(asked, id=execution_id))["status"] != status:
            await bell.wait(1)


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
