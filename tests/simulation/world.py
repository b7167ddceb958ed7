"""A small world: real workers over tables in memory, people who start and stop runs, and whatever goes wrong.

Everything that is drawn comes from the seed, so a history can be lived again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from db.session import Session
from engine.commands import executions
from engine.commands.executions import NewExecution, cancel_execution, start_execution
from engine.endings import failed
from engine.models.model import Answer, AnyDecision, CallTools, ToolCall, Turn
from engine.models.registry import Models
from engine.states import EndReason, Priority, StepKind
from engine.steps import Outcome
from engine.tools.tool import AnyTool, Call, Effect, ExternalTool, StaticTools, TransactionalTool, Transient
from engine.versions import Versions
from engine.worker import clock, journal, worker
from engine.worker.desk import Desk
from engine.worker.dialogue import Dialogues
from engine.worker.patience import Patience
from engine.worker.run import Crew
from engine.worker.worker import Worker
from errors import Unavailable
from events.bell import Bell
from settings import Settings
from tests.simulation.loop import PROCESS, SimulatedLoop
from tests.simulation.rules import Rulebook
from tests.simulation.store import Store

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = 1.0
TROUBLE = 3.0
"Seconds in which things go wrong; then every run must come to its end."
PEACE = 120.0
SETTINGS = Settings(
    database_url="postgresql://nowhere/",
    lease_seconds=LEASE,
    poll_seconds=2,
    worker_slots=2,
    drain_seconds=0.5,
)
_WORKERS = 2


class World:
    """One history."""

    def __init__(self, seed: int, store: Callable[[Callable[[], datetime]], Any] = Store) -> None:
        self.random = Random(seed)
        self.loop = SimulatedLoop(Random(seed + 1))
        self.store = store(self.now)
        self.rules = Rulebook(self.store)
        self.calls: Counter[str] = Counter()
        "How often each effect key was called that may not be repeated."
        self._bells: list[tuple[int, str, Bell]] = []
        self._commits = Bell()
        self._processes = 0
        self._is_quiet = False
        self._trips = 0
        self._fates = {self.random.randint(1, 60) for _ in range(self.random.choice((0, 1, 1, 2, 3)))}
        "At which trips of the workers one of them is killed or stopped."
        self._ids = 0
        self.user = self.new_id()
        self.store.enter(self.user)
        self.started: list[UUID] = []

    def now(self) -> datetime:
        """The database's clock."""
        return EPOCH + timedelta(microseconds=round(self.loop.time() * 1e6))

    def new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    def live(self) -> None:
        """The whole history. Raises AssertionError where a promise is broken, or an error was logged."""
        with self._made_up(), _errors() as errors:
            try:
                self.loop.run_until_complete(self._history())
                self.rules.check_the_end(self.calls)
                assert not errors, errors
            finally:
                self._bury()

    async def _history(self) -> None:
        for _ in range(_WORKERS):
            self._hire()
        await self._people()
        await self._until_ended(TROUBLE)
        self._is_quiet = True
        if not self.store.all_ended():
            self._hire()
        await self._until_ended(PEACE)
        assert self.store.all_ended(), "every run comes to its end"

    async def _until_ended(self, seconds: float) -> None:
        until = self.loop.time() + seconds
        while not self.store.all_ended() and (left := until - self.loop.time()) > 0:
            await self._commits.wait(left)

    # Workers.

    def _hire(self) -> int:
        """A worker, as a process of its own."""
        self._processes += 1
        with self.loop.as_process(self._processes):
            database: Any = SimulatedDatabase(self)
            hub: Any = self
            worker = Worker(database, hub, SETTINGS, self._crew(database))
            worker.name = f"worker:{self._processes}:"
            self.loop.create_task(worker.work())
        return self._processes

    def _crew(self, database: Any) -> Crew:
        return Crew(
            models=Models({"rules": Scripted(self, is_instant=self.random.random() < 0.7)}),
            tools=StaticTools(self._tools()),
            versions=Versions(database),
            dialogues=Dialogues(database, SETTINGS),
            desk=NobodyThere(),
            patience=Patience(first_seconds=0.05, longest_seconds=0.2),
            model_timeout_seconds=30,
        )

    def _tools(self) -> tuple[AnyTool, ...]:
        common: dict[str, Any] = {"description": "", "parameters": {}}
        return (
            TransactionalTool(name="T", effect=Effect.IDEMPOTENT_WRITE, work=self._work, **common),
            ExternalTool(name="R", effect=Effect.READ, call=self._read, **common),
            ExternalTool(name="N", effect=Effect.NON_IDEMPOTENT, call=self._once, **common),
        )

    async def _work(self, session: Any, _: UUID, arguments: Any, is_approved: bool) -> Outcome:
        session.count(arguments["run"], arguments["place"])
        return Outcome(result={"done": arguments["place"]})

    async def _read(self, _: Call) -> object:
        await self.pause()
        if self.random.random() < 0.1 and not self._is_quiet:
            raise Transient("not now")
        return {"read": True}

    async def _once(self, call: Call) -> object:
        await self.pause()
        self.calls[call.effect_key] += 1
        await self.pause()
        return {"sent": True}

    # People.

    async def _people(self) -> None:
        for _ in range(self.random.randint(1, 2)):
            await asyncio.sleep(self.random.uniform(0, 0.5))
            await self._start()
            if self.random.random() < 0.3:
                await asyncio.sleep(self.random.choice((0.0, 0.003, 0.02, 0.8)))
                await self._in_transaction(
                    lambda session: cancel_execution(session, self.user, self._one(), None)
                )

    def _one(self) -> UUID:
        return self.random.choice(self.started)

    async def _start(self) -> None:
        draw = self.random.random
        soon, late = (self.now() + timedelta(seconds=self.random.uniform(0, 1.5)) for _ in range(2))
        new = NewExecution(
            input="".join(self.random.choice("TTRN") for _ in range(self.random.randint(1, 3))),
            priority=self.random.choice(list(Priority)),
            lock_key="key" if draw() < 0.4 else None,
            start_at=soon if draw() < 0.2 else None,
            deadline=late + timedelta(seconds=2) if draw() < 0.1 else None,
        )
        row = await self._in_transaction(lambda session: start_execution(session, self.user, new))
        self.started.append(row.id)

    async def _in_transaction(self, work: Any) -> Any:
        """People try again until they know."""
        database = SimulatedDatabase(self)
        while True:
            try:
                async with database.as_user(self.user) as session:
                    return await work(session)
            except Unavailable:
                await asyncio.sleep(0.01)

    # Trouble.

    def _meet_fate(self) -> None:
        """Some worker's way ends here, for a while or for good."""
        if not PROCESS.get() or not self.started or self._is_quiet:
            return
        self._trips += 1
        if self._trips in self._fates:
            process = PROCESS.get()
            with self.loop.as_process(0):
                if self.random.random() < 0.5:
                    self.loop.kill(process)
                    self.loop.call_later(self.random.uniform(0, LEASE), self._hire)
                else:
                    self.loop.freeze(process)
                    self.loop.call_later(self.random.uniform(0, 3 * LEASE), self.loop.thaw, process)

    async def pause(self) -> None:
        """A trip to somewhere else, sometimes a long one."""
        self._meet_fate()
        draw = self.random.random()
        if draw < 0.02 and not self._is_quiet:
            await asyncio.sleep(self.random.uniform(0, LEASE))
        else:
            await asyncio.sleep(0 if draw < 0.7 else self.random.uniform(0, 0.004))

    def committed(self) -> None:
        """Look at what has changed."""
        self.rules.check_the_commit()
        if self.store.all_ended():
            with self.loop.as_process(0):
                self._commits.ring()

    def cuts(self) -> bool:
        """Whether the connection breaks here."""
        return not self._is_quiet and self.random.random() < 0.01

    # The hub: hints are late, lost, or come twice.

    @contextmanager
    def listen(self, topic: str) -> Iterator[Bell]:
        """As Hub.listen."""
        place = PROCESS.get(), topic, Bell()
        self._bells.append(place)
        try:
            yield place[2]
        finally:
            self._bells.remove(place)

    def publish(self, hints: dict[str, int]) -> None:
        """As Hub.publish."""
        for process, topic, bell in self._bells:
            if topic in hints:
                with self.loop.as_process(process):
                    for _ in range(self.random.choice((0, 1, 1, 1, 2))):
                        self.loop.call_later(self.random.uniform(0, 0.01), bell.ring)

    # What is made up.

    @contextmanager
    def _made_up(self) -> Iterator[None]:
        """Clocks, ids and dice of the engine are this history's."""
        random.seed(self.random.random())
        steady = SimpleNamespace(monotonic=self.loop.time)
        places: list[tuple[Any, str, Any]] = [
            (clock, "time", steady),
            (journal, "time", steady),
            *((module, "new_id", self.new_id) for module in (executions, journal, worker)),
        ]
        kept = [getattr(module, name) for module, name, _ in places]
        for module, name, value in places:
            setattr(module, name, value)
        try:
            yield
        finally:
            for (module, name, _), value in zip(places, kept, strict=True):
                setattr(module, name, value)

    def _bury(self) -> None:
        """End every task that is left, the dead ones too: nothing may speak after its history."""
        self.store.close()
        self.loop.bury()
        while tasks := [task for task in self.loop.tasks if not task.done()]:
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=60))
        self.loop.close()


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What the workers log as errors: in no history is there anything that they don't know how to handle."""
    handler = _Listener()
    handler.setFormatter(logging.Formatter())
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield handler.told
    finally:
        logger.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


class SimulatedDatabase:
    """One process's way to the tables. A connection may break before a commit, or after it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def as_system(self, *, by_index: bool = False, lock_seconds: float | None = None) -> Transaction:
        """As Database.as_system."""
        return Transaction(self._world)

    def as_user(self, _: UUID) -> Transaction:
        """As Database.as_user."""
        return Transaction(self._world)

    async def transact(self, _: UUID, work: Any, *, lock_seconds: float | None = None) -> Any:
        """As Database.transact."""
        async with Transaction(self._world) as session:
            return await work(session)


class Transaction:
    """Nobody else has a turn between its first statement and its last."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __aenter__(self) -> SimulatedSession:
        world = self._world
        await world.pause()
        if world.cuts():
            raise Unavailable
        world.store.begin()
        self._session = SimulatedSession(world.store)
        return self._session

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        world, store = self._world, self._world.store
        if kind is not None or world.cuts():
            store.rollback()
            if kind is None:
                raise Unavailable
            return
        store.commit()
        if store.has_changed:
            world.committed()
        is_cut = world.cuts()
        await world.pause()
        if is_cut:
            raise Unavailable
        world.publish(self._session.hints)


class SimulatedSession(Session):
    """Answers the engine's statements from the tables in memory."""

    def __init__(self, store: Store) -> None:
        super().__init__(None, None)  # type: ignore[arg-type]
        self._store = store

    async def all(self, query: Any, **parameters: object) -> list[Any]:
        return self._store.run(query, parameters)

    async def run(self, query: Any, **parameters: object) -> int:
        return self._store.touch(query, parameters)

    async def act_for(self, user_id: UUID | None) -> None:
        """There is one user only."""

    def count(self, run: str, place: int) -> None:
        """The work of a transactional tool."""
        self._store.count(run, place)


class NobodyThere(Desk):
    """There is nobody to ask: a call that a crash has hidden ends its run, and is never made again."""

    async def approve(self, asked: Any, tool: Any, need: Any = None) -> Any:
        raise NotImplementedError

    async def verify(self, asked: Any, tool: Any) -> Any:
        return failed(EndReason.EFFECT_UNKNOWN, "Nobody knows whether the call took effect.")

    async def afford(self, session: Any, run: Any, overrun: Any) -> Any:
        raise NotImplementedError


class Scripted:
    """A model that calls the tools that its run's input names, one after another, and then answers."""

    def __init__(self, world: World, is_instant: bool) -> None:
        self._world, self.is_instant = world, is_instant

    async def next(self, turn: Turn) -> AnyDecision:
        """Asked anew from the rows each time."""
        if not self.is_instant:
            await self._world.pause()
        script = turn.run.input
        done = sum(step.kind == StepKind.TOOL_CALL for step in turn.steps)
        if done >= len(script):
            return Answer(f"did {script}")
        width = 2 if script[done : done + 2] == "RR" else 1
        places = range(done, min(done + width, len(script)))
        return CallTools([ToolCall(script[n], {"run": turn.run.id.hex, "place": n}) for n in places])
