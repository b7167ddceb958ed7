"""Many runs of a worker have their say in one transaction, and each stands for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from db import queue
from db.query import Query
from db.session import Session
from engine.endings import BROKEN, answered
from engine.states import StepKind
from engine.steps import Outcome
from engine.tasks.changes import create_task
from engine.topics import settled_topic
from engine.worker.entry import Entry
from engine.worker.journal import Journal
from engine.worker.scribe import Scribe
from errors import InvalidInput, Issue
from ids import Kind, encode
from tests.api import Api, User
from tests.runs.parts import CANCEL, journal_of

pytestmark = pytest.mark.anyio

Work = Callable[[Session], Awaitable[Entry]]


async def held(api: Api, *users: User) -> list[Journal]:
    """A run of each, in their order, in the hands of a worker that does nothing by itself."""
    for user in users:
        await user.start("show my tasks")
    async with api.services.db.as_system() as session:
        claimed = await queue.claim_executions(session, "by hand", len(users), 60)
    return [journal_of(api, run) for run in sorted(claimed, key=lambda run: run.id)]


async def titles_of(users: Sequence[User]) -> list[list[str]]:
    found = [await user.one("{ tasks { nodes { title } } }") for user in users]
    return [[task["title"] for task in page["nodes"]] for page in found]


async def steps_of(*journals: Journal) -> list[list[str]]:
    return [[step.status.value for step in await journal.steps()] for journal in journals]


class TestEntries:
    async def test_a_refused_entry_and_one_that_fails_leave_the_others_alone(self, api: Api) -> None:
        ada = await api.user()
        _, lost, cancelled, broken = journals = await held(api, *[ada] * 4)
        scribe = Scribe(api.services.db)
        await lost.end(answered("before"), lost.entry())
        await ada.one(CANCEL, input={"id": encode(Kind.EXECUTION, cancelled.run.id)})
        entries = [journal.entry() for journal in journals]
        for journal, entry in zip(journals, entries, strict=True):
            entry.begin(journal.step(1, StepKind.THINKING, text="nul \x00" if journal is broken else "fine"))

        done = await asyncio.gather(*map(scribe.write, entries), return_exceptions=True)

        assert [type(one).__name__ for one in done] == [
            "NoneType",
            "LeaseLost",
            "CancelRequested",
            "UntranslatableCharacterError",
        ]
        assert await steps_of(*journals) == [["RUNNING"], [], [], []]


class TestWork:
    """A tool's work on our own rows, of many users in one transaction, behind the same walls as ever."""

    @staticmethod
    def adding(journal: Journal, title: str = "buy milk") -> Work:
        async def work(session: Session) -> Entry:
            await create_task(session, journal.run.user_id, {"title": title})
            seen = await session.one(Query("select count(*) as tasks from tasks"))
            entry = journal.entry()
            step = entry.begin(journal.step(1, StepKind.TOOL_CALL, tool_name="add_task", input={}))
            entry.finish(step, Outcome(result={"seen": seen["tasks"]}))
            return entry

        return work

    async def test_what_comes_together_is_one_transaction_and_each_sees_its_own_users_rows(
        self, api: Api
    ) -> None:
        users = [await api.user(f"user-{n}@example.com") for n in range(6)]
        journals = await held(api, *users)
        scribe = Scribe(api.services.db)

        await asyncio.gather(*(scribe.carry_out(one.run, self.adding(one)) for one in journals))

        async with api.services.db.as_system() as session:
            made = await session.one(Query("select count(distinct xmin::text) as commits from tasks"))
        assert made["commits"] == 3, "the first two at once, and who came meanwhile together"
        assert [[step.result for step in await one.steps()] for one in journals] == [[{"seen": 1}]] * 6
        assert await titles_of(users) == [["buy milk"]] * 6

    async def test_refused_work_and_work_that_fails_leave_the_rest_alone(self, api: Api) -> None:
        users = [await api.user(f"user-{n}@example.com") for n in range(6)]
        *good, lost, cancelled, wrong = journals = await held(api, *users)
        scribe = Scribe(api.services.db)
        await lost.end(answered("before"), lost.entry())
        await users[4].one(CANCEL, input={"id": encode(Kind.EXECUTION, cancelled.run.id)})

        async def fail(session: Session) -> Entry:
            await create_task(session, wrong.run.user_id, {"title": "never there"})
            raise InvalidInput([Issue(("title",), "Not this one.")])

        works = [fail if one is wrong else self.adding(one) for one in journals]
        doing = [scribe.carry_out(one.run, work) for one, work in zip(journals, works, strict=True)]
        done = await asyncio.gather(*doing, return_exceptions=True)

        names = ["NoneType", "NoneType", "NoneType", "LeaseLost", "CancelRequested", "InvalidInput"]
        assert [type(one).__name__ for one in done] == names
        assert await steps_of(*journals) == [["COMPLETED"]] * len(good) + [[]] * 3
        assert await titles_of(users) == [["buy milk"]] * 3 + [[]] * 3

    async def test_one_that_waits_for_a_row_holds_up_no_other(self, api: Api) -> None:
        users = [await api.user(f"user-{n}@example.com") for n in range(6)]
        journals = await held(api, *users)
        scribe = Scribe(api.services.db)
        async with api.services.db.as_system() as session:
            lock = Query("select id from users where id = :id for update")
            await session.run(lock, id=users[4].id)
            doing = [asyncio.create_task(scribe.carry_out(one.run, self.adding(one))) for one in journals]
            waits = doing[4]
            await asyncio.wait([one for one in doing if one is not waits])
            assert not waits.done()
        await waits

        assert await steps_of(*journals) == [["COMPLETED"]] * 6


class TestWhoWaits:
    @pytest.mark.parametrize("is_told", [True, False], ids=["concluded", "broken off"])
    async def test_a_wait_for_the_end_is_woken_by_the_end_alone(
        self, api: Api, is_told: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not by each step: who waits would read the run each time."""
        (journal,) = await held(api, await api.user())
        entry, topic = journal.entry(), settled_topic(journal.run.id)
        woken: list[bool] = []
        monkeypatch.setattr(api.services.db, "on_commit", lambda hints: woken.append(topic in hints))
        entry.begin(journal.step(1, StepKind.THINKING))

        await journal.write(entry)
        await journal.end(*((answered("done"), journal.entry()) if is_told else (BROKEN,)))

        assert woken == [False, True]
