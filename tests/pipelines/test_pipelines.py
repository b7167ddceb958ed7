"""Stages one after another, the runs of a stage side by side, with the results of what came before."""

from __future__ import annotations

from typing import Any

import pytest

from db.query import Query
from engine.models.model import AnyDecision, Model, Turn
from tests.api import Api, User
from tests.conftest import working
from tests.interrupts.asking import answer, inbox
from tests.runs.test_runs import CANCEL
from tests.scripted import Answer, Script, Think, call, calls, make_agent, scripted

pytestmark = pytest.mark.anyio

START = """
mutation ($input: StartPipelineInput!) {
  startPipeline(input: $input) {
    __typename
    ... on StartExecutionSuccess { replayed cursor execution { id status input } }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code message path }
  }
}"""
TREE = """
query ($id: ID!) {
  execution(id: $id) {
    status error endReason result input attempt progress { percent message }
    children { id input status endReason result priority }
    events(first: 200) {
      nodes {
        seq __typename
        ... on ExecutionStatusChanged { status }
        ... on ProgressReported { progress { percent } }
      }
    }
  }
}"""
RETRY = """
mutation ($input: RetryExecutionInput!) {
  retryExecution(input: $input) {
    __typename
    ... on StartExecutionSuccess { execution { id } }
    ... on InvalidInput { issues { path message } }
  }
}"""


class Echo(Model):
    """Says what it was asked."""

    is_instant = True

    async def next(self, turn: Turn) -> AnyDecision:
        return Answer(f"<{turn.run.input}>")


async def begun(ada: User, *stages: list[dict[str, Any]], **more: Any) -> str:
    done = await ada.one(START, input={"stages": list(stages), **more})
    assert done["__typename"] == "StartExecutionSuccess", done
    return done["execution"]["id"]


async def ended(ada: User, run: str) -> dict[str, Any]:
    await ada.finished(run)
    return await ada.one(TREE, id=run)


async def test_results_go_into_the_inputs_of_later_stages(api: Api) -> None:
    """Each run is a child; the pipeline has the result of the last."""
    ada = await api.user()
    echo = await make_agent(api.services.db, ada.id, "echo")
    agent = {"agentId": await _id(ada, "echo")}
    async with scripted(api.services, {"echo": Echo()}):
        run = await begun(
            ada,
            [{"name": "left", "input": "L", **agent}, {"name": "right", "input": "R", **agent}],
            [{"name": "sum", "input": "{{left}} and {{ right }}", **agent}],
            [{"name": "end", "input": "{{sum}}, {{left}}", **agent}],
            priority="HIGH",
        )
        tree = await ended(ada, run)

    assert echo.name == "echo"
    assert (tree["status"], tree["input"]) == ("COMPLETED", "left, right → sum → end")
    assert tree["result"] == "<<<L> and <R>>, <L>>"
    assert [child["input"] for child in tree["children"]][2:] == ["<L> and <R>", "<<L> and <R>>, <L>"]
    assert {child["priority"] for child in tree["children"]} == {"HIGH"}
    assert tree["progress"] == {"percent": 100.0, "message": "4 of 4 runs have ended"}
    told = [event["progress"]["percent"] for event in tree["events"]["nodes"] if "progress" in event]
    assert told == [25.0, 50.0, 75.0, 100.0]
    assert [event["seq"] for event in tree["events"]["nodes"]] == list(
        range(1, len(tree["events"]["nodes"]) + 1)
    )


async def _id(ada: User, name: str) -> str:
    found = (await ada.one("{ agents { nodes { id name } } }"))["nodes"]
    return next(agent["id"] for agent in found if agent["name"] == name)


async def test_it_works_offline_with_the_built_in_assistant(api: Api) -> None:
    ada = await api.user()
    async with working(api.services):
        run = await begun(
            ada,
            [{"name": "add", "input": "Add a task to buy milk"}],
            [
                {"name": "show", "input": "show my tasks"},
                {"name": "more", "input": "Add a task to buy bread"},
            ],
        )
        tree = await ended(ada, run)

    assert tree["status"] == "COMPLETED"
    assert set(tree["result"]) == {"show", "more"}, "of several last runs all results, by name"
    assert (await ada.one("{ tasks { totalCount } }"))["totalCount"] == 2


async def test_the_first_stage_is_queued_with_the_answer_and_the_next_is_not(api: Api) -> None:
    """Accepted means committed, and no stage begins before the one before it has ended."""
    ada = await api.user()
    run = await begun(ada, [{"name": "a", "input": "show my tasks"}], [{"name": "b", "input": "{{a}}"}])
    tree = await ada.one(TREE, id=run)

    assert (tree["status"], tree["attempt"]) == ("RUNNING", 1)
    assert [(child["input"], child["status"]) for child in tree["children"]] == [("show my tasks", "QUEUED")]


async def test_a_run_that_fails_ends_the_pipeline_and_stops_its_siblings(api: Api) -> None:
    """FAILED comes once nothing of it is under way, with what went wrong first."""
    ada = await api.user()
    db = api.services.db
    for name in ("waits", "fails"):
        await make_agent(db, ada.id, name, max_steps=3)
    scripts = {
        "waits": Script(calls(call("ask_user", question="Now?"))),
        "fails": Script(*[Think("Hm.")] * 9),
    }
    async with scripted(api.services, scripts):
        stage = [{"name": n, "input": "go", "agentId": await _id(ada, n)} for n in ("waits", "fails")]
        tree = await ended(ada, await begun(ada, stage, [{"name": "never", "input": "{{fails}}"}]))

    assert (tree["status"], tree["endReason"]) == ("FAILED", "MAX_STEPS")
    assert tree["error"].startswith("The run 'fails' failed: It had no answer")
    assert sorted(child["status"] for child in tree["children"]) == ["CANCELLED", "FAILED"]
    assert await inbox(ada) == []


async def test_whoever_stops_a_pipeline_stops_its_runs(api: Api) -> None:
    ada = await api.user()
    run = await begun(
        ada, [{"name": n, "input": "show my tasks"} for n in ("a", "b")], [{"name": "c", "input": "x"}]
    )

    answered = await ada.one(CANCEL, input={"id": run})
    tree = await ada.one(TREE, id=run)

    assert answered["__typename"] == "CancelConfirmed"
    assert [child["status"] for child in tree["children"]] == ["CANCELLED"] * 2
    assert tree["status"] == "CANCELLED"
    assert tree["events"]["nodes"][-1]["status"] == "CANCELLED"


async def test_a_run_of_a_pipeline_may_ask_a_person(api: Api) -> None:
    ada = await api.user()
    await make_agent(api.services.db, ada.id, "asks")
    async with scripted(api.services, {"asks": Script(calls(call("ask_user", question="Now?")))}):
        run = await begun(ada, [{"name": "a", "input": "go", "agentId": await _id(ada, "asks")}])
        with api.services.hub.listen(ada.id.hex) as bell:
            while not (found := await inbox(ada)):
                await bell.wait(1)
        await answer(ada, {"interruptId": found[0]["id"], "decision": "RESPOND", "value": "yes"})
        tree = await ended(ada, run)

    assert (tree["status"], tree["result"]) == ("COMPLETED", "{'answer': 'yes'}")


async def test_many_side_by_side_lose_nothing(api: Api) -> None:
    """However their ends meet, the next stage begins once, and every run is there once."""
    ada = await api.user()
    await make_agent(api.services.db, ada.id, "echo")
    agent = {"agentId": await _id(ada, "echo")}
    names = [f"n{n}" for n in range(20)]
    text = " ".join(f"{{{{{name}}}}}" for name in names)
    async with scripted(api.services, {"echo": Echo()}), scripted(api.services, {"echo": Echo()}):
        run = await begun(
            ada,
            [{"name": name, "input": name, **agent} for name in names],
            [{"name": "all", "input": text, **agent}, {"name": "again", "input": text, **agent}],
        )
        tree = await ended(ada, run)
        async with api.services.db.as_system() as session:
            count = await session.one(Query("select count(*) as runs from executions"))

    assert tree["status"] == "COMPLETED"
    assert count["runs"] == 23
    assert tree["result"]["all"] == "<" + " ".join(f"<{name}>" for name in names) + ">"


@pytest.mark.parametrize(
    ("stages", "path"),
    [
        ([], ["input", "stages"]),
        ([[]], ["input", "stages", "0"]),
        ([[{"name": "a", "input": " "}]], ["input", "stages", "0", "0", "input"]),
        ([[{"name": "1a", "input": "x"}]], ["input", "stages", "0", "0", "name"]),
        ([[{"name": "a", "input": "x"}, {"name": "a", "input": "x"}]], ["input", "stages", "0", "1", "name"]),
        (
            [[{"name": "a", "input": "x"}, {"name": "b", "input": "{{a}}"}]],
            ["input", "stages", "0", "1", "input"],
        ),
        (
            [[{"name": "a", "input": "{{b}}"}], [{"name": "b", "input": "x"}]],
            ["input", "stages", "0", "0", "input"],
        ),
        ([[{"name": "a", "input": "x", "agentId": "nonsense"}]], ["input", "stages", "0", "0", "agentId"]),
        ([[{"name": f"n{n}", "input": "x"} for n in range(101)]], ["input", "stages"]),
    ],
)
async def test_what_is_wrong_with_a_pipeline_is_told_with_its_place(
    api: Api, stages: list[Any], path: list[str]
) -> None:
    ada = await api.user()

    done = await ada.one(START, input={"stages": stages})

    assert done["__typename"] == "InvalidInput"
    assert path in [issue["path"] for issue in done["issues"]]
    assert (await ada.one("{ executions { totalCount } }"))["totalCount"] == 0


async def test_a_pipeline_is_started_once_for_its_key_and_again_by_a_retry(api: Api) -> None:
    ada = await api.user()
    stage = [{"name": "a", "input": "show my tasks"}]
    async with working(api.services):
        run = await begun(ada, stage, idempotencyKey="k")
        assert await begun(ada, stage, idempotencyKey="k") == run
        await ended(ada, run)
        kept = await ada.one(RETRY, input={"id": run, "fromStep": 1})
        again = await ada.one(RETRY, input={"id": run})
        tree = await ended(ada, again["execution"]["id"])

    assert kept["__typename"] == "InvalidInput"
    assert (tree["status"], len(tree["children"])) == ("COMPLETED", 1)
