"""One message, several operations: what is done, what is asked first, and where it stops."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.asking import ask, titles
from tests.api import Api, User

pytestmark = pytest.mark.anyio

NOT_FOUND = "I couldn't find that task. Try listing your tasks first."


async def with_tasks(api: Api, *names: str) -> User:
    user = await api.user()
    for name in names:
        await user.create(name)
    return user


async def open_titles(user: User) -> list[str]:
    given = "filter: {completed: false}, orderBy: {field: CREATED_AT, direction: ASC}"
    found = await user.one(f"{{ tasks({given}) {{ nodes {{ title }} }} }}")
    return [node["title"] for node in found["nodes"]]


def told(answer: dict[str, Any]) -> tuple[str, list[int]]:
    """Its outcome, and the numbers of its tasks."""
    return answer["outcome"], [task["number"] for task in answer["tasks"]]


class TestOneToolOnSeveralTasks:
    @pytest.mark.parametrize(
        ("message", "done", "left"),
        [
            ("Delete tasks 2 and 3", "Deleted task 'two'\nDeleted task 'three'", ["one"]),
            ("Delete 'two' and 'three'", "Deleted task 'two'\nDeleted task 'three'", ["one"]),
            (
                "Complete tasks 1, 2 and 3",
                "Marked 'one' as done\nMarked 'two' as done\nMarked 'three' as done",
                [],
            ),
        ],
    )
    async def test_more_than_one_task_needs_the_token_and_then_all_is_done(
        self, api: Api, message: str, done: str, left: list[str]
    ) -> None:
        ada = await with_tasks(api, "one", "two", "three")

        asked = await ask(ada, message)
        assert asked["outcome"] == "CONFIRMATION_REQUIRED"
        assert await open_titles(ada) == ["one", "two", "three"]
        answer = await ask(ada, message, confirmToken=asked["confirmToken"])

        assert (answer["outcome"], answer["response"]) == ("DONE", done)
        assert told(answer)[1] == told(asked)[1]
        assert await open_titles(ada) == left

    async def test_the_question_names_all_of_them(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two", "three")

        asked = await ask(ada, "Set the priority of tasks 1 and 3 to high")

        assert told(asked) == ("CONFIRMATION_REQUIRED", [1, 3])
        assert asked["response"].startswith("This would change 2 tasks.")

    async def test_the_token_is_for_just_these_tasks(self, api: Api) -> None:
        """What the titles mean by now is not what was agreed to."""
        ada = await with_tasks(api, "one", "two", "three")
        asked = await ask(ada, "Delete 'one' and 'two'")
        await ask(ada, "Rename task 2 to Old")
        await ask(ada, "Rename task 3 to two")

        again = await ask(ada, "Delete 'one' and 'two'", confirmToken=asked["confirmToken"])

        assert told(again) == ("CONFIRMATION_REQUIRED", [1, 3])
        assert await titles(ada) == ["one", "Old", "two"]

    async def test_if_one_is_missing_nothing_is_done_and_the_answer_says_which(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two")

        answer = await ask(ada, "Delete tasks 1, 2 and 7")

        assert told(answer) == ("TASK_NOT_FOUND", [])
        assert answer["response"] == f"Task 7: {NOT_FOUND}\nNothing was done."
        assert await titles(ada) == ["one", "two"]

    async def test_if_one_is_ambiguous_nothing_is_done(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "Buy milk", "buy milk")

        answer = await ask(ada, "Delete 'one' and 'Buy Milk'")

        assert answer["outcome"] == "AMBIGUOUS_TASK"
        assert [one["task"]["number"] for one in answer["candidates"]] == [2, 3]
        assert answer["response"].startswith("'Buy Milk': Several tasks could be meant")
        assert answer["response"].endswith("\nNothing was done.")
        assert len(await titles(ada)) == 3

    async def test_one_task_that_is_named_twice_is_one_task(self, api: Api) -> None:
        """There is nothing to confirm, and the neighbour that is left is not taken for it."""
        ada = await with_tasks(api, "Buy milk", "Buy milk powder")

        answer = await ask(ada, "Delete 'Buy milk' and 'buy milk'")

        assert (answer["outcome"], answer["response"]) == ("DONE", "Deleted task 'Buy milk'")
        assert await titles(ada) == ["Buy milk powder"]

    async def test_two_changes_of_one_task_are_both_made(self, api: Api) -> None:
        ada = await with_tasks(api, "one")

        answer = await ask(ada, "Rename task 1 to 'Walk the dog' and set the priority of task 1 to high")

        assert told(answer) == ("DONE", [1])
        assert answer["response"] == (
            "Updated 'one' to 'Walk the dog'\nUpdated 'Walk the dog': priority is now high"
        )
        assert answer["tasks"][0]["priority"] == "HIGH"


class TestSeveralNewTasks:
    async def test_all_are_made_and_told_line_by_line(self, api: Api) -> None:
        ada = await api.user()

        answer = await ask(ada, "Add 'milk', 'eggs' and 'salt' to my list")

        assert told(answer) == ("DONE", [1, 2, 3])
        assert answer["response"] == "Task created: milk\nTask created: eggs\nTask created: salt"
        assert await titles(ada) == ["milk", "eggs", "salt"]

    async def test_the_metadata_are_the_first_ones_and_the_confidence_is_the_least(self, api: Api) -> None:
        ada = await api.user()
        alone = await ask(ada, "Create a task to buy milk", dryRun=True)

        answer = await ask(ada, "Create a task to buy milk. what's on my list?")

        metadata = answer["metadata"]
        assert (metadata["intent"], metadata["toolCalled"]) == ("CREATE", "add_task")
        assert metadata["toolArguments"] == {"title": "Buy milk"}
        assert metadata["confidence"] <= alone["metadata"]["confidence"]

    async def test_a_repeated_message_is_answered_again(self, api: Api) -> None:
        ada = await api.user()
        given = {"idempotencyKey": "k"}

        first, again = [await ask(ada, "Add 'milk' and 'eggs' to my list", **given) for _ in range(2)]

        assert again == {**first, "replayed": True}
        assert await titles(ada) == ["milk", "eggs"]


class TestAMixture:
    async def test_one_after_another_in_one_transaction(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two")

        answer = await ask(ada, "Add a task to call mom, complete task 1, delete task 2 and show my tasks")

        assert answer["outcome"] == "DONE"
        assert answer["response"].splitlines() == [
            "Task created: Call mom",
            "Marked 'one' as done",
            "Deleted task 'two'",
            "You have 2 tasks: 1) one 3) Call mom",
        ]
        assert sorted(task["number"] for task in answer["tasks"]) == [1, 2, 3]

    async def test_it_stops_at_the_first_that_cannot_be_done_and_says_so(self, api: Api) -> None:
        ada = await with_tasks(api, "one")

        answer = await ask(ada, "Add a task to call mom, complete task 7, delete task 1 and show my tasks")

        assert answer["outcome"] == "TASK_NOT_FOUND"
        assert answer["response"].splitlines() == [
            "Task created: Call mom",
            f"Task 7: {NOT_FOUND}",
            "I stopped there: 2 more things were asked for.",
        ]
        assert await titles(ada) == ["one", "Call mom"]

    async def test_what_an_earlier_one_makes_a_later_one_finds(self, api: Api) -> None:
        ada = await api.user()

        answer = await ask(ada, "Create a task 'Buy milk' and mark 'Buy milk' as done")

        assert answer["response"] == "Task created: Buy milk\nMarked 'Buy milk' as done"
        assert (answer["outcome"], [task["completed"] for task in answer["tasks"]]) == ("DONE", [True])

    async def test_what_an_earlier_one_deletes_a_later_one_misses(self, api: Api) -> None:
        ada = await with_tasks(api, "Buy milk", "Buy milk!!")

        answer = await ask(ada, "Delete task 1 and complete task 1")

        assert (answer["outcome"], await titles(ada)) == ("TASK_NOT_FOUND", ["Buy milk!!"])

    async def test_several_deletions_among_it_are_asked_about_before_anything_is_done(self, api: Api) -> None:
        """So that the same message with the token makes nothing a second time."""
        ada = await with_tasks(api, "one", "two", "three")
        message = "Add a task to call mom, then delete tasks 1 and 2"

        asked = await ask(ada, message)
        assert told(asked) == ("CONFIRMATION_REQUIRED", [1, 2])
        assert asked["response"].startswith("This would delete 2 tasks.")
        assert await titles(ada) == ["one", "two", "three"]
        answer = await ask(ada, message, confirmToken=asked["confirmToken"])

        assert answer["response"] == "Task created: Call mom\nDeleted task 'one'\nDeleted task 'two'"
        assert await titles(ada) == ["three", "Call mom"]

    async def test_all_tasks_are_those_that_were_there_when_it_was_asked(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two")
        message = "Add a task to call mom and delete all my tasks"

        token = (await ask(ada, message))["confirmToken"]
        answer = await ask(ada, message, confirmToken=token)

        assert answer["response"] == "Task created: Call mom\nDeleted 2 tasks"
        assert await titles(ada) == ["Call mom"]

    async def test_a_title_that_is_too_long_undoes_all_of_it(self, api: Api) -> None:
        """A problem of the input is no outcome: it is the answer to the whole message."""
        ada = await with_tasks(api, "one")

        answer = await ada.one(
            "mutation ($message: String!) { askTaskAgent(input: {message: $message}) "
            "{ __typename ... on UserError { code } } }",
            message=f"Complete task 1 and create a task '{'x' * 501}'",
        )

        assert answer == {"__typename": "InvalidInput", "code": "INVALID_INPUT"}
        assert await open_titles(ada) == ["one"]


class TestADryRun:
    async def test_says_all_that_would_be_done_and_does_nothing(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two")

        answer = await ask(ada, "Add a task to call mom, complete task 1 and delete task 2", dryRun=True)

        assert answer["outcome"] == "PLANNED"
        assert answer["response"].splitlines() == [
            "I would create the task 'Call mom'.",
            "I would mark 'one' as done.",
            "I would delete the task 'two'.",
        ]
        assert await open_titles(ada) == ["one", "two"]

    async def test_stops_where_the_message_would(self, api: Api) -> None:
        ada = await with_tasks(api, "one")

        answer = await ask(ada, "Show my tasks, complete task 7 and delete task 1", dryRun=True)

        assert answer["outcome"] == "TASK_NOT_FOUND"
        assert answer["response"].splitlines() == [
            "You have 1 task: 1) one",
            f"Task 7: {NOT_FOUND}",
            "I stopped there: 1 more thing was asked for.",
        ]

    async def test_of_what_was_agreed_to_says_how_many_tasks_it_is_about(self, api: Api) -> None:
        ada = await with_tasks(api, "one", "two")
        token = (await ask(ada, "Delete all my tasks"))["confirmToken"]

        answer = await ask(ada, "Delete all my tasks", confirmToken=token, dryRun=True)

        assert (answer["outcome"], answer["response"]) == ("PLANNED", "I would delete 2 tasks.")
        assert await titles(ada) == ["one", "two"]
