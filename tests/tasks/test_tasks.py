"""What can be done with tasks, through the API, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import CREATE, TASK, Api, User
from tests.client import GraphQLErrors

pytestmark = pytest.mark.anyio

UPDATE = f"""
mutation ($input: UpdateTaskInput!) {{
  updateTask(input: $input) {{
    __typename
    ... on UpdateTaskSuccess {{ replayed task {{ {TASK} }} }}
    ... on VersionConflict {{ currentVersion }}
    ... on InvalidInput {{ issues {{ path message }} }}
    ... on UserError {{ code path }}
  }}
}}"""
DELETE = """
mutation ($input: DeleteTaskInput!) {
  deleteTask(input: $input) {
    __typename ... on DeleteTaskSuccess { id deleted } ... on UserError { code path }
  }
}"""
TASK_BY = f"query ($by: TaskRef!) {{ task(by: $by) {{ {TASK} }} }}"
LIST = """
query ($filter: TaskFilter, $orderBy: TaskOrder, $first: Int, $after: String, $last: Int, $before: String) {
  tasks(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    nodes { title }
    edges { cursor node { title } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


async def titles(user: User, **variables: Any) -> list[str]:
    return [node["title"] for node in (await user.one(LIST, **variables))["nodes"]]


class TestCreating:
    async def test_a_task_has_what_was_given_and_defaults_for_the_rest(self, api: Api) -> None:
        ada = await api.user()

        task = await ada.create("  Call the dentist ", dueAt="2026-03-06T10:00:00+02:00")

        assert task["id"].startswith("task_")
        del task["id"]
        assert task == {
            "number": 1,
            "title": "Call the dentist",
            "description": None,
            "priority": "MEDIUM",
            "dueAt": "2026-03-06T08:00:00Z",
            "completed": False,
            "completedAt": None,
            "version": 1,
        }

    async def test_numbers_count_up_for_each_user(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")

        numbers = [(await user.create())["number"] for user in (ada, bob, ada, ada)]

        assert numbers == [1, 1, 2, 3]

    async def test_every_problem_is_told_at_once(self, api: Api) -> None:
        ada = await api.user()

        answer = await ada.one(CREATE, input={"title": " ", "description": "x" * 10_001})

        assert answer["__typename"] == "InvalidInput"
        assert [issue["path"] for issue in answer["issues"]] == [["input", "title"], ["input", "description"]]

    async def test_without_a_token_nothing_is_done(self, api: Api) -> None:
        with pytest.raises(GraphQLErrors) as refused:
            await api.anonymous.one(CREATE, input={"title": "x"})

        assert refused.value.code == "UNAUTHENTICATED"


class TestUpdating:
    async def test_fields_left_out_stay_and_null_clears(self, api: Api) -> None:
        ada = await api.user()
        task = await ada.create("Buy milk", description="two", dueAt="2026-03-06T10:00:00Z", priority="HIGH")

        answer = await ada.one(UPDATE, input={"id": task["id"], "dueAt": None, "title": "Buy oat milk"})

        changed = {**task, "title": "Buy oat milk", "dueAt": None, "version": 2}
        assert answer == {"__typename": "UpdateTaskSuccess", "replayed": False, "task": changed}

    async def test_completing_keeps_its_first_time_and_can_be_undone(self, api: Api) -> None:
        ada = await api.user()
        task = await ada.create()

        async def complete(completed: bool) -> dict[str, Any]:
            return (await ada.one(UPDATE, input={"id": task["id"], "completed": completed}))["task"]

        first, again, undone = await complete(True), await complete(True), await complete(False)

        assert first["completedAt"] is not None
        assert again["completedAt"] == first["completedAt"]
        assert (undone["completed"], undone["completedAt"], undone["version"]) == (False, None, 4)

    async def test_a_lost_update_is_refused(self, api: Api) -> None:
        ada = await api.user()
        task = await ada.create()
        await ada.one(UPDATE, input={"id": task["id"], "title": "first", "expectedVersion": 1})

        answer = await ada.one(UPDATE, input={"id": task["id"], "title": "second", "expectedVersion": 1})

        assert (answer["__typename"], answer["currentVersion"]) == ("VersionConflict", 2)

    async def test_a_title_cannot_be_cleared(self, api: Api) -> None:
        ada = await api.user()
        task = await ada.create()

        answer = await ada.one(UPDATE, input={"id": task["id"], "title": None, "completed": None})

        assert answer["__typename"] == "InvalidInput"
        assert {issue["path"][1] for issue in answer["issues"]} == {"title", "completed"}


class TestDeleting:
    async def test_deleting_is_idempotent(self, api: Api) -> None:
        ada = await api.user()
        task = await ada.create()

        answers = [await ada.one(DELETE, input={"id": task["id"]}) for _ in range(2)]

        assert [answer["deleted"] for answer in answers] == [True, False]
        assert await ada.one(TASK_BY, by={"number": 1}) is None
        assert (await ada.create())["number"] == 2

    async def test_another_users_task_looks_like_one_that_never_was(self, api: Api) -> None:
        ada, bob = await api.user(), await api.user("bob@example.com")
        task = await ada.create()
        node = "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"

        assert await bob.one(TASK_BY, by={"id": task["id"]}) is None
        assert await bob.one(TASK_BY, by={"number": 1}) is None
        assert await bob.ask(node, id=task["id"]) == {"node": None, "nodes": [None]}
        assert (await bob.one(UPDATE, input={"id": task["id"], "title": "x"}))["code"] == "NOT_FOUND"
        assert (await bob.one(DELETE, input={"id": task["id"]}))["deleted"] is False
        assert await ada.one(TASK_BY, by={"id": task["id"]}) == task


class TestFinding:
    @pytest.mark.parametrize(
        "by",
        [
            {"id": "garbage"},
            {"id": "exec_01h455vb4pex5vsknk084sn02q"},
            {"id": ""},
            {"id": "task_" + "z" * 26},
        ],
    )
    async def test_a_malformed_id_is_a_typed_error(self, api: Api, by: dict[str, str]) -> None:
        ada = await api.user()

        with pytest.raises(GraphQLErrors) as refused:
            await ada.one(TASK_BY, by=by)

        assert refused.value.code == "INVALID_ID"
        answer = await ada.one(UPDATE, input={"id": by["id"], "title": "x"})
        assert (answer["code"], answer["path"]) == ("INVALID_INPUT", ["input", "id"])

    @pytest.mark.parametrize("by", [{"number": -1}, {"number": 0}, {"number": 2_147_483_647}])
    async def test_a_number_that_is_nobodys_finds_nothing(self, api: Api, by: dict[str, int]) -> None:
        ada = await api.user()

        assert await ada.one(TASK_BY, by=by) is None

    async def test_filters_narrow_together(self, api: Api) -> None:
        ada = await api.user()
        await ada.create("early", dueAt="2026-01-01T00:00:00Z", priority="HIGH")
        await ada.create("late", dueAt="2026-06-01T00:00:00Z", priority="HIGH")
        await ada.create("low", dueAt="2026-01-01T00:00:00Z", priority="LOW")
        await ada.create("never", priority="HIGH")

        high = {"priority": "HIGH", "completed": False, "dueBefore": "2026-03-01T00:00:00Z"}

        assert await titles(ada, filter=high) == ["early"]
        assert await titles(ada, filter={"dueAfter": "2026-03-01T00:00:00Z"}) == ["late"]
        assert (await ada.one(LIST, filter=high))["totalCount"] == 1

    @pytest.mark.parametrize("search", ["dentist", "DENT", "dentsit", "teeth checked", "zähne"])
    async def test_a_search_finds_words_parts_and_slips_in_title_and_description(
        self, api: Api, search: str
    ) -> None:
        ada = await api.user()
        await ada.create("Call the dentist", description="to have teeth checked, die Zähne")
        await ada.create("Buy milk")

        assert await titles(ada, filter={"search": search}) == ["Call the dentist"]

    @pytest.mark.parametrize("search", ["%", "_", "\\", "a' or 1=1", "!&|", '"'])
    async def test_a_search_is_never_a_pattern(self, api: Api, search: str) -> None:
        ada = await api.user()
        await ada.create("Buy milk")

        assert await titles(ada, filter={"search": search}) == []


class TestPaging:
    async def test_rows_without_a_due_date_come_last_in_both_directions(self, api: Api) -> None:
        ada = await api.user()
        await ada.create("never")
        await ada.create("late", dueAt="2026-06-01T00:00:00Z")
        await ada.create("early", dueAt="2026-01-01T00:00:00Z")

        assert await titles(ada, orderBy={"field": "DUE_AT", "direction": "ASC"}) == [
            "early",
            "late",
            "never",
        ]
        assert await titles(ada, orderBy={"field": "DUE_AT", "direction": "DESC"}) == [
            "late",
            "early",
            "never",
        ]

    @pytest.mark.parametrize("field", ["CREATED_AT", "UPDATED_AT", "DUE_AT", "PRIORITY", "TITLE"])
    @pytest.mark.parametrize("direction", ["ASC", "DESC"])
    async def test_pages_put_together_are_the_list_forwards_and_backwards(
        self, api: Api, field: str, direction: str
    ) -> None:
        ada = await api.user()
        for number in range(7):
            due = f"2026-01-0{1 + number % 3}T00:00:00Z" if number % 4 else None
            await ada.create(f"task {number % 3}", dueAt=due, priority=["LOW", "MEDIUM", "HIGH"][number % 3])
        order = {"field": field, "direction": direction}
        whole = await cursors(ada, orderBy=order)

        for size in (1, 2, 3):
            assert await forwards(ada, order, size) == whole
            assert await backwards(ada, order, size) == whole

    async def test_a_cursor_keeps_its_place_when_rows_come_and_go(self, api: Api) -> None:
        ada = await api.user()
        for number in range(4):
            await ada.create(f"{number}")
        page = await ada.one(LIST, first=2)
        last = await ada.one("query { task(by: {number: 3}) { id } }")
        await ada.one(DELETE, input={"id": last["id"]})
        await ada.create("newest")

        assert await titles(ada, first=2, after=page["pageInfo"]["endCursor"]) == ["1", "0"]

    @pytest.mark.parametrize(
        "variables", [{"first": 0}, {"first": 101}, {"last": -1}, {"first": 1, "last": 1}]
    )
    async def test_a_page_has_1_to_100_tasks(self, api: Api, variables: dict[str, int]) -> None:
        ada = await api.user()

        with pytest.raises(GraphQLErrors) as refused:
            await ada.one(LIST, **variables)

        assert refused.value.code == "BAD_USER_INPUT"

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(text=st.one_of(st.text(max_size=40), st.binary(max_size=60).map(lambda raw: raw.hex())))
    async def test_any_text_as_a_cursor_is_refused_with_a_code(self, api: Api, text: str) -> None:
        ada = await api.user()

        with pytest.raises(GraphQLErrors) as refused:
            await ada.one(LIST, after=text)

        assert refused.value.code in {"INVALID_CURSOR", "BAD_REQUEST"}

    async def test_a_cursor_of_another_order_is_refused(self, api: Api) -> None:
        ada = await api.user()
        await ada.create()
        cursor = (await ada.one(LIST))["pageInfo"]["endCursor"]

        with pytest.raises(GraphQLErrors) as refused:
            await ada.one(LIST, after=cursor, orderBy={"field": "TITLE", "direction": "ASC"})

        assert refused.value.code == "INVALID_CURSOR"


@pytest.mark.parametrize(
    "due",
    [
        "tomorrow",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        5,
    ],
)
async def test_a_malformed_date_is_a_typed_error(api: Api, due: object) -> None:
    """Instants are RFC 3339 with an offset, and within what a calendar can hold."""
    ada = await api.user()

    with pytest.raises(GraphQLErrors) as refused:
        await ada.one(CREATE, input={"title": "x", "dueAt": due})

    assert refused.value.code == "BAD_USER_INPUT"


async def test_the_times_of_a_task_are_the_databases(api: Api) -> None:
    """createdAt and updatedAt are instants in UTC."""
    ada = await api.user()
    await ada.create()
    found = await ada.one("{ task(by: {number: 1}) { createdAt updatedAt } }")

    assert abs((datetime.fromisoformat(found["createdAt"]) - datetime.now(UTC)).total_seconds()) < 60
    assert found["updatedAt"] == found["createdAt"]


async def cursors(user: User, **variables: Any) -> list[str]:
    return [edge["cursor"] for edge in (await user.one(LIST, **variables))["edges"]]


async def forwards(user: User, order: dict[str, str], size: int) -> list[str]:
    found: list[str] = []
    more = True
    while more:
        page = await user.one(LIST, orderBy=order, first=size, after=found[-1] if found else None)
        found += [edge["cursor"] for edge in page["edges"]]
        more = page["pageInfo"]["hasNextPage"]
    return found


async def backwards(user: User, order: dict[str, str], size: int) -> list[str]:
    found: list[str] = []
    more = True
    while more:
        page = await user.one(LIST, orderBy=order, last=size, before=found[0] if found else None)
        found = [edge["cursor"] for edge in page["edges"]] + found
        more = page["pageInfo"]["hasPreviousPage"]
    return found
