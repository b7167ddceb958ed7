"""What must hold after each commit, and at the end of every history."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from engine.states import MOVES
from tests.simulation.store import TERMINAL, Obj, Store

_FOLLOWS = {
    (before, after) for moves in MOVES.values() for pairs in moves.values() for before, after in pairs.items()
}
_HELD = {"RUNNING", "CANCELLING"}
_NOT_UNDER_WAY = TERMINAL | {"SCHEDULED"}


class Rulebook:
    """Looks at what each commit changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[UUID, Obj] = {}
        self._steps: dict[tuple[UUID, int], Obj] = {}

    def check_the_commit(self) -> None:
        """Raises AssertionError."""
        store = self._store
        for key, step in store.steps.items():
            if step is not self._steps.get(key):
                _check_step(self._steps.get(key), step)
        for run_id, run in store.runs.items():
            if run is not self._runs.get(run_id):
                self._check_run(self._runs.get(run_id), run)
        for stream, log in store.logs.items():
            last = store.users[stream] if stream in store.users else store.runs[stream]["last_seq"]
            assert len(log) == last, "the log is as long as it was counted"
            assert not log or log[-1]["seq"] == last, "and ends there"
        self._runs, self._steps = dict(store.runs), dict(store.steps)
        self._check_keys()

    def _check_run(self, before: Obj | None, run: Obj) -> None:
        is_held = run["lease_owner"] is not None
        assert is_held == (run["lease_until"] is not None)
        assert not is_held or run["status"] in _HELD, "only what goes on is held"
        assert run["attempt"] <= run["max_attempts"]
        assert (run["finished_at"] is not None) == (run["status"] in TERMINAL)
        if run["status"] in TERMINAL:
            steps = [step for key, step in self._store.steps.items() if key[0] == run["id"]]
            assert all(step["status"] != "RUNNING" for step in steps), (
                "nothing goes on in a run that has ended"
            )
        if before is not None:
            self._check_change(before, run)

    def _check_change(self, before: Obj, run: Obj) -> None:
        assert before["status"] not in TERMINAL, "a terminal state is written once"
        same = before["status"] == run["status"]
        assert same or (before["status"], run["status"]) in _FOLLOWS, f"{before['status']} to {run['status']}"
        assert run["fence"] >= before["fence"]
        assert run["attempt"] >= before["attempt"]
        assert run["last_seq"] >= before["last_seq"]
        changed_hands = before["lease_owner"] != run["lease_owner"]
        assert not changed_hands or run["fence"] > before["fence"], "who loses a run loses its fence"

    def _check_keys(self) -> None:
        under_way = [
            run["lock_key"]
            for run in self._store.runs.values()
            if run["lock_key"] is not None and not run["blocked"] and run["status"] not in _NOT_UNDER_WAY
        ]
        assert len(under_way) == len(set(under_way)), "one run of a key at a time"

    def check_the_end(self, calls: Counter[str]) -> None:
        """Everything has ended, with all that it did there once. Raises AssertionError."""
        store = self._store
        for run in store.runs.values():
            assert run["status"] in TERMINAL
            self._check_steps(run)
            _check_log(store.logs[run["id"]], run)
        for (run_id, place), times in store.effects.items():
            assert times == 1, f"the effect {place} of {run_id} is there {times} times"
        assert all(times == 1 for times in calls.values()), f"called again: {calls}"
        for log in store.logs.values():
            assert [event["seq"] for event in log] == list(range(1, len(log) + 1))

    def _check_steps(self, run: Obj) -> None:
        steps = sorted(
            (step for key, step in self._store.steps.items() if key[0] == run["id"]),
            key=lambda step: step["number"],
        )
        assert [step["number"] for step in steps] == list(range(1, len(steps) + 1)), "steps are 1 to N"
        calls = [step for step in steps if step["tool_name"] == "T"]
        done = [step for step in calls if step["status"] == "COMPLETED"]
        effects = [count for (run_id, _), count in self._store.effects.items() if run_id == run["id"].hex]
        assert len(done) == len(effects), "an effect is there if and only if its step says so"
        if run["status"] == "COMPLETED":
            tools = [step["tool_name"] for step in steps if step["tool_name"]]
            assert "".join(tools) == run["input"], "it did all that it was asked, in order"


def _check_step(before: Obj | None, step: Obj) -> None:
    if before is not None:
        assert before["status"] in {"RUNNING", "UNKNOWN"}, "an outcome is written once"
        assert step["attempt"] >= before["attempt"]


def _check_log(log: list[Any], run: Obj) -> None:
    last = log[-1]
    assert last["kind"] == "ExecutionStatusChanged", "the last word of a run is how it ended"
    assert last["payload"]["status"] == run["status"]
