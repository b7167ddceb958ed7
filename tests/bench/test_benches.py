"""The benches run and print what they promise. Nothing here looks at a time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bench import chat, engine, newcomer, streams, task_agent, understand
from bench.figures import medians, percentile
from tests.postgres import Cluster

pytestmark = pytest.mark.anyio


def test_a_percentile_is_one_of_the_values() -> None:
    """The smallest that so many percent do not exceed."""
    values = [5.0, 1.0, 4.0, 2.0, 3.0]

    assert [percentile(values, percent) for percent in (0, 50, 80, 81, 100)] == [1, 3, 4, 5, 5]


def test_rounds_are_told_by_their_median_and_their_worst() -> None:
    """One disturbed round does not decide."""
    rounds = [{"p95": 2.0}, {"p95": 90.0}, {"p95": 3.0}]

    assert medians(rounds) == {"p95": 3.0, "p95 worst": 90.0}


def test_understanding_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sentences of the caller's own, by the clock and by the processor."""
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("Buy milk", "Show my tasks")))

    understand.main(["--rounds", "1", "--lines", str(lines)])

    printed = capsys.readouterr().out
    assert "| sentences, by clock | 2 |" in printed
    assert "p99 of a sentence: " in printed


def test_a_newcomers_path_is_measured_stage_by_stage() -> None:
    """A clone of what is committed, its own command, a run watched; with packages that are there."""
    printed = newcomer.measure(rounds=1, BATON_VENV=sys.prefix)

    assert all(f"| {stage} |" in printed for stage in newcomer.STAGES)


async def test_the_task_agent_is_measured_beside_its_floor(dsn: str) -> None:
    """Every request of both is carried out, by several users and by one."""
    size = task_agent.Size(lanes=4, calls=6, users=2, tasks=5, rounds=1)

    printed = await task_agent.measure(dsn, size)

    assert f"{2 * 4 * 4 * 6} requests carried out, 0 otherwise" in printed
    for row in (
        "askTaskAgent, 2 users",
        "askTaskAgent, one user",
        "bare route, 2 users",
        "bare route, one user",
    ):
        assert f"| {row} |" in printed
    assert "times the bare route's processor time" in printed


async def test_streams_are_measured_beside_their_floor(dsn: str) -> None:
    """Every frame arrives, and each promise has its line."""
    size = streams.Size(subscribers=8, events=2, idle=10, seconds=1, writers=2)

    printed = await streams.measure(dsn, size)

    assert "| 8 subscribers of one run |" in printed
    assert "| 8 subscribers, a run each |" in printed
    for promise in ("hot fan-out", "commit to frame, p99", "an idle subscription", "come back with replay"):
        assert promise in printed
    assert "connections to Postgres beyond the pool: 2.0" in printed


async def test_conversations_are_measured(dsn: str) -> None:
    """Every answer is right, and what Baton adds to a model call is told."""
    size = chat.Size(conversations=6, tokens=20, rate=50, calls=3)

    printed = await chat.measure(dsn, size)

    assert "| 6 conversations, 20 tokens at 50/s each |" in printed
    assert "6 of 6 answers right, streamed and whole" in printed
    assert "Baton's part of a model call, p50: " in printed


def test_the_engine_is_measured(cluster: Cluster) -> None:
    """Every run comes to its end, those of the killed worker too; the claim goes by its index."""
    size = engine.Size(
        short_runs=20,
        long_runs=20,
        pick_ups=3,
        every=0.01,
        slots=5,
        lease=1,
        claims=[0, 50],
        claim_times=2,
        rounds=1,
        rivals=False,
    )

    printed = engine.measure(cluster, size)

    for told in (
        "| Baton |",
        "2-step runs/s",
        "10-step runs",
        "after kill -9, lease 1 s",
        "| 50 |",
    ):
        assert told in printed
    assert "Index Scan using executions_rank_idx" in printed
