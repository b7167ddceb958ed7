"""A worker is killed in the middle of a call that may not be made twice: nobody makes it again unasked."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from ids import Kind, decode
from tests.client import Client
from tests.faults.crew import Crew, fake_agent, let_leases_run_out, start_run
from tests.faults.oracle import examine
from tests.faults.warehouse import TABLE
from tests.interrupts.asking import ANSWER, RUN

pytestmark = pytest.mark.anyio

SCRIPT = [
    {"call": "pay", "arguments": {"amount": 3, "seconds": 60}},
    {"call": "add_task", "arguments": {"title": "Keep the receipt"}},
    {"answer": "Paid."},
]
_PAID = "select count(*), pg_sleep(0.01) from calls"


async def test_a_payment_that_a_kill_has_hidden_is_asked_about_and_made_once(
    crew: Crew, watch: asyncpg.Connection, times: int
) -> None:
    crew.set(BATON_TOOLS_MODULE="tests.faults.warehouse")
    await watch.execute(TABLE)
    crew.server()
    token = await asyncio.to_thread(crew.token)
    async with crew.http() as http:
        ada = Client(http, token)
        payer = await fake_agent(ada, "payer", SCRIPT)
        for count in range(1, 1 + times):
            run_id = await start_run(ada, "x", agentId=payer)
            worker = crew.worker()
            async with asyncio.timeout(30):
                while await watch.fetchval(_PAID) < count:
                    pass
            worker.kill()
            worker.wait()
            await let_leases_run_out(watch)
            relief = crew.worker()

            asks = (await ada.one(RUN, id=run_id))["execution"]
            (interrupt,) = asks["interrupts"]
            assert (asks["status"], interrupt["reason"]) == ("AWAITING_INPUT", "EFFECT_VERIFICATION")
            assert interrupt["step"]["status"] == "UNKNOWN"
            said = {"interruptId": interrupt["id"], "decision": "RESPOND", "value": 3}
            await ada.one(ANSWER, input={"answers": [said]})
            assert (await ada.one(RUN, id=run_id))["execution"]["status"] == "COMPLETED"
            relief.kill()
            relief.wait()

    assert await watch.fetchval(_PAID) == times
    found = await examine(watch, [decode(Kind.EXECUTION, run_id)])
    assert found.violations == []
