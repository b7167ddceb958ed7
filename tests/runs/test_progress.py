"""Progress never falls, comes at most four times a second, and the last word always comes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.model import Answer, CallTools, ToolCall
from engine.progress import INTERVAL_SECONDS, LONGEST_MESSAGE, Meter, Progress
from engine.tools.progress import REPORT_PROGRESS
from engine.tools.tool import Call
from tests.api import Api, User
from tests.runs.parts import Script, calls, playing, tool

pytestmark = pytest.mark.anyio

_percents = st.none() | st.floats(allow_infinity=True, allow_nan=True)
DONE = Answer("done")
EVENTS = """
query ($id: ID!) {
  execution(id: $id) {
    progress { percent message }
    events(first: 1000) { nodes { ... on ProgressReported { at progress { percent message } } } }
  }
}"""


async def told(ada: User, run_id: str) -> list[dict[str, Any]]:
    run = await ada.one(EVENTS, id=run_id)
    return [node for node in run["events"]["nodes"] if node]


class TestTheMeter:
    @given(st.lists(st.tuples(_percents, st.floats(0, 1)), max_size=30))
    def test_whatever_is_reported_it_tells_what_a_watcher_can_rely_on(
        self, reports: list[tuple[float | None, float]]
    ) -> None:
        now = 0.0
        meter = Meter(lambda: now)
        tellings: list[tuple[float, Progress]] = []
        for percent, pause in reports:
            meter.report(Progress(percent))
            if (progress := meter.take()) is not None:
                tellings.append((now, progress))
            now += pause
        if (last := meter.take(is_last=True)) is not None:
            tellings.append((now, last))

        shown = [one.percent for _, one in tellings if one.percent is not None]
        assert shown == sorted(shown)
        assert all(0 <= percent <= 100 for percent in shown)
        times = [time for time, _ in tellings]
        assert all(sum(t <= time < t + 1 for time in times) <= 4 for t in times)
        real = [p for p, _ in reports if p is not None and p == p]
        if real:
            assert tellings[-1][1].percent == max(0.0, min(100.0, max(real)))

    def test_what_nobody_knows_is_not_invented(self) -> None:
        meter = Meter(lambda: 0.0)
        meter.report(Progress(None, "x" * 1_000))

        assert meter.take() == Progress(None, "x" * LONGEST_MESSAGE)

    def test_a_run_that_goes_on_does_not_fall_behind_itself(self) -> None:
        meter = Meter(lambda: 0.0, percent=40)
        meter.report(Progress(10))

        assert meter.take() == Progress(40)


class TestARunsProgress:
    async def test_a_tool_that_reports_all_the_time_is_heard_now_and_then_and_at_the_end(
        self, api: Api
    ) -> None:
        ada = await api.user()

        async def it(call: Call) -> None:
            for percent in range(101):
                call.report(percent, f"{percent} of 100")
                await asyncio.sleep(0.01)

        async with playing(api, Script(calls("it"), DONE), [tool("it", it)]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        events = await told(ada, run["id"])
        percents = [event["progress"]["percent"] for event in events]
        assert percents == sorted(percents)
        assert events[-1]["progress"] == {"percent": 100, "message": "100 of 100"}
        times = [datetime.fromisoformat(event["at"]) for event in events]
        second = timedelta(seconds=1)
        assert all(sum(t <= time < t + second for time in times) <= 4 for t in times)
        assert len(events) >= 1 / INTERVAL_SECONDS

    async def test_a_model_can_say_how_far_it_is(self, api: Api) -> None:
        ada = await api.user()
        says = CallTools(
            [
                ToolCall("report_progress", {"percent": 30, "message": "reading"}),
                ToolCall("report_progress", {"percent": "much"}),
            ]
        )

        async with playing(api, Script(says, DONE), [REPORT_PROGRESS]):
            run = await ada.finished((await ada.start("x"))["execution"]["id"])

        assert run["progress"] == {"percent": 30, "message": "reading"}
        assert [step["status"] for step in run["steps"]["nodes"]] == [
            "COMPLETED",
            "COMPLETED",
            "FAILED",
            "COMPLETED",
        ]
