"""What must be true of the rows, whatever was done to whoever wrote them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from engine.states import TERMINAL

_EVENTS = "select stream, seq, kind, payload from events order by stream, seq"
_NUMBERS = "select user_id, array_agg(number order by number) from tasks group by user_id"
_SAID = "select status, end_reason, result, progress_percent from executions where id = $1"
_DONE = """
    select kind, status, tool_name, input, text, error, result from steps
    where execution_id = $1 order by number
"""
_STEPS = "select * from steps order by execution_id, number"


@dataclass
class Account:
    """What was found. `violations` must be empty; the rest tells which rare paths were taken."""

    violations: list[str] = field(default_factory=list[str])
    runs: int = 0
    resumed: int = 0
    "Runs whose steps were taken in more than one attempt."
    repeated: int = 0
    "Steps that were begun more than once."
    statuses: Counter[str] = field(default_factory=Counter[str])

    def must(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)


async def examine(
    db: asyncpg.Connection, accepted: Collection[UUID] = (), made: Counter[str] | None = None
) -> Account:
    """Every invariant, over all that stands in a database at rest.

    `accepted`: runs that must be there; `made`: titles of the tasks that mutations made beside the runs.
    """
    account = Account()
    runs = await db.fetch("select * from executions")
    steps, events = _by("execution_id", await db.fetch(_STEPS)), _by("stream", await db.fetch(_EVENTS))
    missing = set(accepted) - {run["id"] for run in runs}
    account.must(not missing, f"accepted and not there: {missing}")
    for run in runs:
        _judge_run(account, run, steps.get(run["id"], []), events.get(run["id"], []))
    for user in await db.fetch("select id, last_seq from users"):
        _judge_log(account, f"activity of {user['id']}", user["last_seq"], events.get(user["id"], []))
    await _judge_effects(account, db, steps, made or Counter())
    return account


def _judge_run(account: Account, run: Any, steps: list[Any], events: list[Any]) -> None:
    name = f"run {run['id']}"
    account.runs += 1
    account.statuses[run["status"]] += 1
    account.must(run["status"] in TERMINAL, f"{name} has not ended: {run['status']}")
    account.must(run["lease_owner"] is None and run["lease_until"] is None, f"{name} has ended under a lease")
    numbers = [step["number"] for step in steps]
    account.must(numbers == list(range(1, len(steps) + 1)), f"{name} has the steps {numbers}")
    open_steps = [step["number"] for step in steps if step["status"] == "RUNNING"]
    account.must(not open_steps, f"{name} has ended with open steps {open_steps}")
    _judge_log(account, name, run["last_seq"], events)
    _judge_story(account, name, run, steps, events)
    account.resumed += len({step["attempt"] for step in steps}) > 1


def _judge_log(account: Account, name: str, last_seq: int, events: list[Any]) -> None:
    seqs = [event["seq"] for event in events]
    account.must(seqs == list(range(1, last_seq + 1)), f"{name}: the log is {seqs}, its counter {last_seq}")


def _judge_story(account: Account, name: str, run: Any, steps: list[Any], events: list[Any]) -> None:
    told = [(event["kind"], orjson.loads(event["payload"])) for event in events]
    ends = [place for place, (kind, fact) in enumerate(told, 1) if _is_end(kind, fact)]
    account.must(ends == [len(events)], f"{name}: ends are told of at {ends} of {len(events)}")
    begun = Counter(fact["step"]["number"] for kind, fact in told if kind == "StepStarted")
    finished = Counter(fact["step"]["number"] for kind, fact in told if _is_finish(kind, fact, steps))
    once = Counter({step["number"]: 1 for step in steps})
    account.must(finished == once, f"{name}: steps finished {dict(finished)}")
    account.must(set(begun) == set(once), f"{name}: steps begun {dict(begun)}")
    account.repeated += sum(count > 1 for count in begun.values())
    answer = run["result"]
    account.must((run["status"] == "COMPLETED") == (answer is not None), f"{name}: its answer is {answer}")


def _is_finish(kind: str, fact: dict[str, Any], steps: list[Any]) -> bool:
    """Not that nobody knows yet what came of a call, where somebody knows by now."""
    if kind != "StepFinished" or fact["step"]["status"] != "UNKNOWN":
        return kind == "StepFinished"
    return steps[fact["step"]["number"] - 1]["status"] == "UNKNOWN"


def _is_end(kind: str, fact: dict[str, Any]) -> bool:
    return kind == "ExecutionStatusChanged" and fact["status"] in TERMINAL


async def _judge_effects(
    account: Account, db: asyncpg.Connection, steps: dict[UUID, list[Any]], others: Counter[str]
) -> None:
    """Every add_task that a step tells of made one task, and no other task is there but those of others."""
    told = Counter(
        orjson.loads(step["result"])["tasks"][0]["title"]
        for some in steps.values()
        for step in some
        if step["tool_name"] == "add_task" and step["status"] == "COMPLETED"
    )
    told += others
    made = Counter(row["title"] for row in await db.fetch("select title from tasks"))
    account.must(told == made, f"effects not made: {told - made}; made and not told of: {made - told}")
    for user, numbers in await db.fetch(_NUMBERS):
        account.must(numbers == list(range(1, len(numbers) + 1)), f"tasks of {user}: {numbers}")


def _by(key: str, rows: list[Any]) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


async def transcript(db: asyncpg.Connection, run_id: UUID) -> list[object]:
    """What a run did and said, without what is of this run only: ids, times, attempts, numbers of tasks."""
    run, steps = await db.fetchrow(_SAID, run_id), await db.fetch(_DONE, run_id)
    return [tuple(run), *((*step[:-1], _titles(step["result"])) for step in steps)]


def _titles(result: str | None) -> object:
    came = orjson.loads(result) if result else None
    return [task["title"] for task in came["tasks"]] if isinstance(came, dict) else came
