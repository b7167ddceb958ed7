"""What tests of runs share: runs in hands that do nothing by themselves, and scripts instead of models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from db import queue
from db.connection import Database
from db.executions import ExecutionRow
from db.query import Query
from engine.log import tell_status
from engine.models.model import AnyDecision, CallTools, Model, ToolCall, Turn
from engine.models.registry import Models
from engine.states import StepKind
from engine.steps import Step
from engine.tools.tool import AnyTool, Call, Effect, ExternalTool, StaticTools
from engine.versions import ASSISTANT, AgentVersion, Versions
from engine.worker.clock import Clock
from engine.worker.crew import crew
from engine.worker.journal import Journal
from engine.worker.patience import Patience
from engine.worker.scribe import Scribe
from engine.worker.worker import Worker
from ids import Kind, decode
from tests.api import Api, User
from tests.conftest import working

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
    return journal_of(api, run)


def journal_of(api: Api, run: ExecutionRow) -> Journal:
    """The pen of whoever holds it."""
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


class Script:
    """A model that says what it was told to, one decision after another; it is asked again after a crash."""

    def __init__(self, *decisions: AnyDecision | Exception, is_instant: bool = False) -> None:
        self.decisions, self.is_instant = decisions, is_instant
        self.turns: list[Turn] = []

    async def next(self, turn: Turn) -> AnyDecision:
        self.turns.append(turn)
        said = sum(step.kind is StepKind.THINKING for step in turn.steps)
        decision = self.decisions[min(said, len(self.decisions) - 1)]
        if isinstance(decision, Exception):
            raise decision
        return decision


def calls(*names: str, **arguments: Any) -> CallTools:
    return CallTools([ToolCall(name, arguments, call_id=f"call {n}") for n, name in enumerate(names)])


def tool(
    name: str, call: Callable[[Call], Awaitable[Any]], effect: Effect = Effect.READ, seconds: float = 20
) -> ExternalTool:
    return ExternalTool(
        name=name,
        description=name,
        parameters={"type": "object"},
        effect=effect,
        timeout_seconds=seconds,
        source="operator",
        call=call,
    )


class Only(Versions):
    """Every run is carried by this version."""

    def __init__(self, db: Database, agent: AgentVersion) -> None:
        super().__init__(db)
        self._agent = agent

    async def of(self, run: ExecutionRow) -> AgentVersion:
        return self._agent


@asynccontextmanager
async def playing(
    api: Api, script: Model, tools: Sequence[AnyTool] = (), **agent: Any
) -> AsyncIterator[Worker]:
    """A worker whose runs follow the script."""
    services = api.services
    usual = crew(services.db, services.settings)
    seconds = agent.pop("model_seconds", 20)
    hands = replace(
        usual,
        models=Models({"rules": script}),
        tools=StaticTools(tuple(tools)) if tools else usual.tools,
        versions=Only(services.db, replace(ASSISTANT, **agent)),
        patience=Patience(first_seconds=0.01, longest_seconds=0.02),
        model_timeout_seconds=seconds,
    )
    async with working(services, hands) as worker:
        yield worker
