"""Two come at the same moment, on connections of their own: one counts, and each is told what is so.

Every pair meets in many runs at once, in any order; that both orders were met is asserted.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db.query import Query
from engine.commands.executions import Budget
from engine.worker.chores import end_unanswered_runs
from ids import Kind, decode
from tests.api import Api, User
from tests.interrupts.asking import answer, asked
from tests.runs.parts import CANCEL
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio

RUNS = 40
ASKS = Script(calls(call("ask_user", question="Go on?")))
SPENDS = Script(calls(call("list_tasks")))
STATE = """
query ($id: ID!) {
  execution(id: $id) {
    status endReason interrupts { status answer }
    events(first: 99) {
      nodes { seq __typename ... on ExecutionStatusChanged { status } }
    }
  }
}"""
Rival = Callable[[str, str], Awaitable[Any]]


class Field:
    """Runs that wait for a person, with no worker left to carry them on, and what they ask."""

    def __init__(self, api: Api, ada: User, waiting: list[tuple[str, str]]) -> None:
        self.api, self.ada, self.waiting = api, ada, waiting

    @classmethod
    async def of(cls, api: Api, script: Script, budget: Budget | None = None) -> Field:
        ada = await api.user()
        agent = await make_agent(api.services.db, ada.id, "host")
        async with scripted(api.services, {"host": script}, worker_slots=20):
            runs = [await start(api.services, agent, budget=budget) for _ in range(RUNS)]
            found = await asyncio.gather(*(asked(ada, run) for run in runs))
        return cls(api, ada, [(run, one["id"]) for run, (one,) in zip(runs, found, strict=True)])

    async def meet(self, *rivals: Rival) -> list[tuple[list[Any], dict[str, Any]]]:
        """What each rival was told in each run, and how the run stands then; its log is whole."""
        told = await asyncio.gather(*(_race(rivals, *one) for one in self.waiting))
        states = [await self.ada.one(STATE, id=run) for run, _ in self.waiting]
        for state in states:
            events = state["events"]["nodes"]
            assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
            assert [event["__typename"] for event in events].count("InterruptClosed") == 1
        return list(zip(told, states, strict=True))

    def says(self, value: object) -> Rival:
        async def say(_: str, interrupt: str) -> str:
            said = {"interruptId": interrupt, "decision": "RESPOND", "value": value}
            return (await answer(self.ada, said))[0]["__typename"]

        return say

    async def raises(self, _: str, interrupt: str) -> str:
        return (await answer(self.ada, {"interruptId": interrupt, "decision": "APPROVE"}))[0]["__typename"]

    async def cancels(self, run: str, _: str) -> str:
        return (await self.ada.one(CANCEL, input={"id": run}))["__typename"]

    async def expires(self, _: str, interrupt: str) -> None:
        """Its time is over at about this moment, and some worker comes by."""
        due = (
            "update interrupts set expires_at = clock_timestamp() + random() * interval '3 ms' where id = :id"
        )
        async with self.api.services.db.as_system() as session:
            await session.run(Query(due), id=decode(Kind.INTERRUPT, interrupt))
        await end_unanswered_runs(self.api.services.db)


async def _race(rivals: tuple[Rival, ...], run: str, interrupt: str) -> list[Any]:
    order = random.sample(range(len(rivals)), len(rivals))
    told = await asyncio.gather(*(rivals[place](run, interrupt) for place in order))
    return [result for _, result in sorted(zip(order, told, strict=True))]


async def test_of_two_answers_the_first_counts(api: Api) -> None:
    field = await Field.of(api, ASKS)
    met = Counter[str]()
    for told, state in await field.meet(field.says("left"), field.says("right")):
        assert sorted(told) == ["AlreadyAnswered", "AnswerAccepted"]
        winner = ("left", "right")[told.index("AnswerAccepted")]
        assert (state["status"], state["interrupts"]) == (
            "QUEUED",
            [{"status": "ANSWERED", "answer": winner}],
        )
        met[winner] += 1
    assert set(met) == {"left", "right"}, met


async def test_an_answer_comes_in_time_or_the_run_has_ended(api: Api) -> None:
    field = await Field.of(api, ASKS)
    met = Counter[str]()
    for (told, _), state in await field.meet(field.says("yes"), field.expires):
        stands = (state["status"], state["endReason"], state["interrupts"][0]["status"])
        assert (
            stands
            == {
                "AnswerAccepted": ("QUEUED", None, "ANSWERED"),
                "InterruptExpired": ("FAILED", "INPUT_EXPIRED", "EXPIRED"),
            }[told]
        )
        met[told] += 1
    assert len(met) == 2, met


async def test_an_answer_counts_or_is_too_late_for_a_cancelled_run(api: Api) -> None:
    """Either way the run has stopped."""
    field = await Field.of(api, ASKS)
    met = Counter[str]()
    for (told, cancelled), state in await field.meet(field.says("yes"), field.cancels):
        stands = (cancelled, state["status"], state["interrupts"][0]["status"])
        asked_no_more = {"AnswerAccepted": "ANSWERED", "InterruptExpired": "CANCELLED"}[told]
        assert stands == ("CancelConfirmed", "CANCELLED", asked_no_more)
        met[told] += 1
    assert len(met) == 2, met


async def test_a_budget_is_raised_before_the_cancel_or_not_at_all(api: Api) -> None:
    field = await Field.of(api, SPENDS, Budget(steps=1))
    met = Counter[str]()
    outcomes = await field.meet(field.raises, field.cancels)
    async with api.services.db.as_system() as session:
        rows = await session.all(Query("select id, budget_steps from executions"))
    budgets = {row["id"]: row["budget_steps"] for row in rows}
    for (run, _), ((told, cancelled), state) in zip(field.waiting, outcomes, strict=True):
        assert (cancelled, state["status"]) == ("CancelConfirmed", "CANCELLED")
        assert (budgets[decode(Kind.EXECUTION, run)] > 1) == (told == "AnswerAccepted")
        assert (
            state["interrupts"][0]["status"]
            == {
                "AnswerAccepted": "ANSWERED",
                "InterruptExpired": "CANCELLED",
            }[told]
        )
        met[told] += 1
    assert len(met) == 2, met
