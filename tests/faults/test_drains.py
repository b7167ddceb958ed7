"""All workers are replaced, one after another, while runs are started and carried."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.crew import Child, Crew, fake_agent, start_run, until_over
from tests.faults.oracle import examine
from tests.faults.warehouse import TABLE

pytestmark = pytest.mark.anyio

WORKERS = 3
SENTENCE = "Add a task to buy milk, then add a task to call mom"
SHOPPING = [
    {"call": "add_task", "arguments": {"title": "Go shopping"}},
    {"call": "order", "arguments": {"item": "milk"}},
    {"call": "pay", "arguments": {"amount": 3}},
    {"call": "add_task", "arguments": {"title": "Carry it home"}},
    {"answer": "Bought."},
]
SEARCH = [{"call": "look"}, {"call": "add_task", "arguments": {"title": "Take it"}}, {"answer": "Found."}]
_CALLS = "select tool, count(*) as made, count(distinct effect_key) as wanted from calls group by tool"
_COUNTS = """
    select (select count(*) from executions where agent_id = $1) as shoppers,
      (select count(*) from executions where agent_id = $2) as searchers,
      (select max(attempt) from executions) as attempt,
      (select count(*) from steps where status <> 'COMPLETED') as not_done,
      (select count(*) from events where kind = 'ExecutionStatusChanged'
         and payload ->> 'status' = 'QUEUED' and seq > 1) as handed_back
"""


class Load:
    """Somebody who starts runs of each kind until told that it is enough."""

    def __init__(self, ada: Client, agents: list[str]) -> None:
        self.accepted: list[str] = []
        self.enough = False
        self._ada, self._agents = ada, agents

    async def run(self) -> None:
        shopper, searcher = self._agents
        for count in itertools.count():
            kinds: list[dict[str, object]] = [{}, {}, {"agentId": shopper}, {"agentId": shopper}]
            if count % 8 == 0:
                kinds.append({"agentId": searcher})
            self.accepted += await asyncio.gather(*(start_run(self._ada, SENTENCE, **kind) for kind in kinds))
            if self.enough:
                return
            await asyncio.sleep(0.05)


def _replaced(crew: Crew, worker: Child) -> float:
    """Seconds that it took to go; another one has come before."""
    crew.worker()
    asked = time.monotonic()
    worker.send(signal.SIGTERM)
    worker.wait()
    return time.monotonic() - asked


async def test_all_workers_are_restarted_under_load_and_nothing_is_lost_or_doubled(
    crew: Crew, watch: asyncpg.Connection, times: int
) -> None:
    """A call that ends in time is waited for, one that does not is made again; no attempt is lost by it."""
    crew.set(BATON_TOOLS_MODULE="tests.faults.warehouse", BATON_LEASE_SECONDS="15")
    await watch.execute(TABLE)
    crew.server()
    for _ in range(WORKERS):
        crew.worker()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        ada = Client(http, token)
        agents = [await fake_agent(ada, "shopper", SHOPPING), await fake_agent(ada, "searcher", SEARCH)]
        load = Load(ada, agents)
        starting = asyncio.create_task(load.run())
        going: list[float] = []
        for _ in range(WORKERS * times):
            await asyncio.sleep(0.3)
            going.append(await asyncio.to_thread(_replaced, crew, crew.workers[len(going)]))
        load.enough = True
        await starting
        # What looks for something since, looks in vain: whoever has it is the last to go.
        for worker in crew.workers[len(going) :]:
            going.append(await asyncio.to_thread(_replaced, crew, worker))
        await until_over(watch, len(load.accepted))

    found = await examine(watch, [decode(Kind.EXECUTION, one) for one in load.accepted])
    counts = await watch.fetchrow(_COUNTS, *(decode(Kind.AGENT, one) for one in agents))
    calls = {row["tool"]: (row["made"], row["wanted"]) for row in await watch.fetch(_CALLS)}
    print(f"{found.runs} runs; gone after", [round(one, 2) for one in going], dict(counts), calls)
    assert found.violations == []
    assert crew.confessions() == []
    assert found.statuses == {"COMPLETED": len(load.accepted)}
    assert max(going) < 10
    assert (counts["attempt"], counts["not_done"]) == (1, 0)
    assert calls["pay"] == (counts["shoppers"], counts["shoppers"])
    assert calls["order"][1] == counts["shoppers"]
    assert calls["look"] == (2 * counts["searchers"], counts["searchers"])
    assert counts["handed_back"] > counts["searchers"]
