"""Figures for Prometheus and probes, as a scraper of real processes finds them."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.api import AWAIT, START
from tests.client import Client
from tests.operations.conftest import Watched
from tests.processes import until

pytestmark = pytest.mark.anyio


async def test_what_was_done_is_counted_where_it_was_done(watched: Watched) -> None:
    """Operations by their fields, answers, and open streams at the server; runs and steps at the worker."""
    before = watched.figures(watched.server_port), watched.figures(watched.worker_port)
    token = await asyncio.to_thread(watched.house.token)
    async with watched.house.http() as http:
        ada = Client(http, token)
        started = await ada.one(START, input={"input": "Add a task to buy milk"})
        run = started["execution"]["id"]
        await ada.one(AWAIT, id=run)
        await ada.ask("query WhateverAClientCallsIt { viewer { id } tasks { totalCount } }")
        await ada.post("{ nothing }")
        async with ada.stream("subscription { activityStream { __typename } }") as stream:
            await anext(stream)
            open_now = watched.figures(watched.server_port)

    server, worker = watched.figures(watched.server_port), watched.figures(watched.worker_port)

    def grew(name: str, now: dict[str, float], then: dict[str, float]) -> float:
        return now.get(name, 0) - then.get(name, 0)

    operation = 'baton_operation_seconds_count{operation="%s",outcome="ok",type="%s"}'
    kinds = {"startExecution": "mutation", "several": "query", "activityStream": "subscription"}
    for name, kind in kinds.items():
        assert grew(operation % (name, kind), server, before[0]) == 1
    assert not any("WhateverAClientCallsIt" in name for name in server)
    assert grew('baton_http_responses_total{status="200"}', server, before[0]) >= 3
    assert (open_now["baton_sockets"], open_now["baton_streams"]) == (1, 1)
    assert grew('baton_runs_ended_total{reason="FINAL_ANSWER",status="COMPLETED"}', worker, before[1]) == 1
    assert grew('baton_steps_total{kind="TOOL_CALL",status="COMPLETED"}', worker, before[1]) == 1
    assert grew("baton_hints_sent_total", worker, before[1]) > 0
    assert grew("baton_hints_heard_total", server, before[0]) > 0


async def test_how_things_stand_is_read_when_it_is_asked(watched: Watched) -> None:
    """The pool, the hints, the queue, the slots."""
    for port in (watched.server_port, watched.worker_port):
        found = watched.figures(port)
        assert (found["baton_pool_connections"], found["baton_hints_healthy"]) == (10, 1)
        assert 0 <= found["baton_pool_in_use"] <= 10
        assert found["baton_hint_lag_seconds_count"] >= 1
        assert found["process_resident_memory_bytes"] > 0
    assert watched.figures(watched.worker_port)["baton_worker_slots"] == 10


async def test_a_queue_without_workers_grows_and_ages(watched: Watched) -> None:
    """Any process tells of the queue of the whole house: what autoscalers go by."""
    token = await asyncio.to_thread(watched.house.token)

    def grown() -> bool:
        found = watched.figures(watched.server_port)
        return found["baton_queue_runs"] == 3 and found["baton_queue_age_seconds"] > 0.2

    os.kill(watched.worker.pid, signal.SIGSTOP)
    try:
        async with watched.house.http() as http:
            for _ in range(3):
                await Client(http, token).one(START, input={"input": "Show my tasks"})
        await asyncio.to_thread(until, grown)
    finally:
        os.kill(watched.worker.pid, signal.SIGCONT)
    await asyncio.to_thread(until, lambda: watched.figures(watched.server_port)["baton_queue_runs"] == 0)


def test_probes_answer_at_each_process(watched: Watched) -> None:
    """Alive, and ready; the API's own port has them too, and tells nobody any figures."""
    for port in (watched.server_port, watched.worker_port):
        assert watched.get(port, "/health/live").json() == {"status": "alive"}
        assert watched.get(port, "/health/ready").json() == {"status": "ready"}
    public = int(watched.house.servers[0].rpartition(":")[2])
    assert watched.get(public, "/health/live").status_code == 200
    assert watched.get(public, "/metrics").status_code == 404
