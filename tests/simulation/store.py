"""The tables of the engine in memory: what each of its statements does, said a second time in Python.

Held to the statements themselves by `test_postgres.py`. A transaction is atomic: nobody else has a turn
between its first statement and its last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db import aftermath, children, due, events, executions, journal, leases, queue, steps
from db.executions import ExecutionRow
from db.query import Query
from errors import Unavailable

Fields = dict[str, Any]
TERMINAL = {"COMPLETED", "FAILED", "CANCELLED"}
_HELD = {"RUNNING", "CANCELLING"}
_GOING = TERMINAL | {"CANCELLING"}
_NOTHING: Fields = dict.fromkeys(ExecutionRow.columns())
_BORN: Fields = {
    **dict.fromkeys(("depth", "attempt", "fence", "input_tokens", "output_tokens", "requests"), 0),
    "blocked": False,
    "max_attempts": 5,
    "cost": 0.0,
    "lease_until": None,
    "cancel_reason": None,
}


class Obj(dict[str, Any]):
    """A row, read as the driver's are. Never changed: a change makes another."""

    __getattr__ = dict.__getitem__


class Store:
    """Rows, and what transactions do to them. `now` is the database's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._began = now()
        self.runs: dict[UUID, Obj] = {}
        self.steps: dict[tuple[UUID, int], Obj] = {}
        self.logs: dict[UUID, list[Obj]] = {}
        self.users: dict[UUID, int] = {}
        "The seq of each user's activity."
        self.effects: dict[tuple[UUID, str], int] = {}
        "How often the work of a transactional tool is committed."

        self._is_closed = False

    def begin(self) -> None:
        """Remember how everything stands: rows are never changed, so the tables are enough."""
        if self._is_closed:
            raise Unavailable
        self._kept: tuple[Any, ...] | None = None

    @property
    def has_changed(self) -> bool:
        """Whether the transaction wrote anything."""
        return self._kept is not None

    def _keep(self) -> None:
        if self._kept is None:
            logs = {stream: list(log) for stream, log in self.logs.items()}
            self._kept = dict(self.runs), dict(self.steps), logs, dict(self.users), dict(self.effects)

    def enter(self, user_id: UUID) -> None:
        """A user comes into being."""
        self.users[user_id] = 0

    def commit(self) -> None:
        """It stays as it is."""

    def rollback(self) -> None:
        """As if nothing had happened since the beginning."""
        if self._kept is not None:
            self.runs, self.steps, self.logs, self.users, self.effects = self._kept

    def close(self) -> None:
        """Nobody gets in any more."""
        self._is_closed = True

    def all_ended(self) -> bool:
        """Whether no run lives."""
        return all(run["status"] in TERMINAL for run in self.runs.values())

    def count(self, run: str, place: int) -> None:
        """The work of a transactional tool."""
        self._keep()
        self.effects[run, str(place)] = self.effects.get((run, str(place)), 0) + 1

    def run(self, query: Query[Any], given: Fields) -> list[Obj]:
        """The rows that a statement answers; of one that answers none, those that it touched."""
        reads, statement = _STATEMENTS[id(query)]
        if not reads:
            self._keep()
        return list(statement(self, given))

    def touch(self, query: Query[Any], given: Fields) -> int:
        """Carry out a statement that answers nothing; how many rows it touched."""
        return len(Store.run(self, query, given))

    # Helpers.

    def _put(self, row: Obj, **changes: Any) -> Obj:
        changed = self.runs[row["id"]] = Obj({**row, **changes})
        return changed

    def _mine(self, given: Fields) -> Iterator[Obj]:
        row = self.runs.get(given["id"])
        if row is not None and row["user_id"] == given["user_id"]:
            yield row

    def _held_by_fence(self, given: Fields) -> Iterator[Obj]:
        row = self.runs.get(given["id"])
        if row is not None and row["fence"] == given["fence"] and _is_held(row):
            yield row

    def _steps_of(self, given: Fields) -> list[Obj]:
        run = given["execution_id"]
        return [step for key, step in sorted(self.steps.items(), key=lambda one: one[0][1]) if key[0] == run]

    def _lease(self, given: Fields) -> datetime:
        return self._now() + timedelta(seconds=given["lease_seconds"])

    def _append(self, stream: UUID, base: int, told: list[tuple[str, Any]]) -> None:
        log = self.logs.setdefault(stream, [])
        log += [Obj(seq=base + n, kind=kind, payload=payload) for n, (kind, payload) in enumerate(told, 1)]

    # The queue.

    def _rank(self, given: Fields) -> datetime:
        ranks = [
            row["rank"] + timedelta(seconds=queue.TURN_SECONDS)
            for row in self.runs.values()
            if row["user_id"] == given["user_id"]
            and row["priority"] == given["priority"]
            and row["status"] == "QUEUED"
        ]
        head_start = timedelta(seconds=(2 - given["priority"]) * queue.HEAD_START_SECONDS)
        return max([self._now() + head_start, *ranks])

    def _is_taken(self, given: Fields) -> bool:
        return given["lock_key"] is not None and any(
            row["user_id"] == given["user_id"]
            and row["lock_key"] == given["lock_key"]
            and row["status"] not in TERMINAL
            and row["status"] != "SCHEDULED"
            and not row["blocked"]
            for row in self.runs.values()
        )

    def insert(self, given: Fields) -> list[Obj]:
        is_later = given["start_at"] is not None and given["start_at"] > self._now()
        status = "SCHEDULED" if is_later else "QUEUED"
        place = {"rank": self._rank(given), "blocked": self._is_taken(given), "status": status}
        row = Obj({**_NOTHING, **_BORN, **given, **place, "last_seq": 1, "created_at": None})
        self.runs[row["id"]] = row
        return [row]

    def claim(self, given: Fields) -> list[Obj]:
        ready = [row for row in self.runs.values() if row["status"] == "QUEUED" and not row["blocked"]]
        ready.sort(key=lambda row: (row["rank"], row["id"]))
        return [self._claimed(row, given) for row in ready[: given["slots"]]]

    def _claimed(self, row: Obj, given: Fields) -> Obj:
        may_have_steps = row["started_at"] is not None or row["retry_of"] is not None
        changed = self._put(
            row,
            status="RUNNING",
            lease_owner=given["worker"],
            attempt=max(row["attempt"], 1),
            fence=row["fence"] + 1,
            lease_until=self._lease(given),
            last_seq=row["last_seq"] + 1,
            started_at=row["started_at"] or self._now(),
        )
        return Obj({**changed, "may_have_steps": may_have_steps, "now": self._now()})

    def due(self, _: Fields) -> list[Obj]:
        due = [row for row in self._scheduled() if row["start_at"] <= self._now()]
        return sorted(due, key=lambda row: (row["start_at"], row["id"]))

    def _scheduled(self) -> list[Obj]:
        return [row for row in self.runs.values() if row["status"] == "SCHEDULED"]

    def place(self, given: Fields) -> Iterator[Obj]:
        for row in self._mine(given):
            yield self._put(row, rank=self._rank(given), blocked=self._is_taken(given))

    def lock_next(self, given: Fields) -> list[Obj]:
        waiting = [
            row
            for row in self.runs.values()
            if row["user_id"] == given["user_id"]
            and row["lock_key"] == given["lock_key"]
            and row["status"] == "QUEUED"
            and row["blocked"]
        ]
        return sorted(waiting, key=lambda row: row["id"])[:1]

    def is_next_wanted(self, given: Fields) -> list[Obj]:
        return [] if self._is_taken(given) else self.lock_next(given)

    def what_is_left(self, given: Fields) -> list[Obj]:
        return [Obj(messages=False, turn=bool(self.is_next_wanted(given)), children=False)]

    def unblock(self, given: Fields) -> Iterator[Obj]:
        for row in self._mine(given):
            yield self._put(row, blocked=False)

    # The clock.

    def look(self, given: Fields) -> list[Obj]:
        now = self._now()
        scheduled, lost, late = (self._seconds_to(name, now) for name in _AWAITED)
        swept = given["retention_seconds"] - (now - self._began).total_seconds()
        none = dict.fromkeys(("ticks", "interrupts"))
        return [Obj(scheduled_runs=scheduled, lost_runs=lost, late_runs=late, retention=swept, **none)]

    def _seconds_to(self, name: str, now: datetime) -> float | None:
        is_meant = _AWAITED[name]
        moments = [row[name] for row in self.runs.values() if row[name] is not None and is_meant(row)]
        return (min(moments) - now).total_seconds() if moments else None

    # Leases.

    def renew(self, given: Fields) -> list[Obj]:
        until = self._lease(given)
        return [self._put(row, lease_until=until) for row in self._held_by(given)]

    def holds(self, given: Fields) -> list[Obj]:
        now = self._now()
        return [
            Obj({**row, "now": now, "seconds_left": (row["lease_until"] - now).total_seconds()})
            for row in self._held_by(given)
        ]

    def _held_by(self, given: Fields) -> list[Obj]:
        rows = (self.runs.get(one) for one in given["ids"])
        return [row for row in rows if row and row["lease_owner"] == given["worker"] and _is_held(row)]

    def hold(self, given: Fields) -> list[Obj]:
        asked = sorted(zip(given["ids"], given["fences"], strict=True))
        return [row for run, fence in asked for row in self._held_by_fence({"id": run, "fence": fence})]

    def lost(self, _: Fields) -> list[Obj]:
        lost = [row for row in self._leased() if row["lease_until"] < self._now()]
        return sorted(lost, key=lambda row: row["lease_until"])

    def _leased(self) -> list[Obj]:
        return [row for row in self.runs.values() if row["lease_until"] is not None]

    def renew_fence(self, given: Fields) -> Iterator[Obj]:
        for row in self._held_by_fence(given):
            if row["lease_owner"] == given["worker"]:
                yield self._put(row, fence=row["fence"] + 1, lease_until=self._lease(given))

    def late(self, _: Fields) -> list[Obj]:
        late = [row for row in self.runs.values() if self._is_late(row)]
        return sorted(late, key=lambda row: row["deadline"])

    def _is_late(self, row: Obj) -> bool:
        return row["deadline"] is not None and row["deadline"] < self._now() and _is_free(row)

    def is_late(self, given: Fields) -> list[Obj]:
        return [row for row in self._mine(given) if self._is_late(row)]

    def is_lost(self, given: Fields) -> list[Obj]:
        lost = self.lost(given)
        return [row for row in self._mine(given) if row in lost]

    def lock_families(self, given: Fields) -> list[Obj]:
        return [self.runs[one] for one in sorted(given["ids"]) if one in self.runs]

    # Runs and steps.

    def move(self, given: Fields) -> Iterator[Obj]:
        for row in self._mine(given):
            held = given["held"]
            yield self._put(
                row,
                status=given["status"],
                end_reason=given["end_reason"],
                cancel_reason=given["cancel_reason"] or row["cancel_reason"],
                result=given["result"],
                error=given["error"],
                last_seq=row["last_seq"] + 1,
                attempt=row["attempt"] + given["losses"],
                fence=row["fence"] + (not held),
                lease_owner=row["lease_owner"] if held else None,
                lease_until=row["lease_until"] if held else None,
                finished_at=self._now() if given["ended"] else None,
            )

    def advance(self, given: Fields) -> Iterator[Obj]:
        for row in self._mine(given):
            yield self._put(row, last_seq=row["last_seq"] + given["count"])

    def open_steps(self, given: Fields) -> list[Obj]:
        return [step for step in self._steps_of(given) if step["status"] == "RUNNING"]

    def close_step(self, given: Fields) -> Iterator[Obj]:
        key = given["execution_id"], given["number"]
        end = {"finished_at": self._now(), "finished_seq": given["seq"]}
        closed = Obj({**self.steps[key], "status": given["status"], "error": given["error"], **end})
        self.steps[key] = closed
        yield closed

    # The log.

    def insert_events(self, given: Fields) -> list[Obj]:
        told = list(zip(given["kinds"], given["payloads"], strict=True))
        self._append(given["stream"], given["first_seq"] - 1, told)
        return given["kinds"]

    def insert_and_tell(self, given: Fields) -> list[Obj]:
        for entry in given["entries"]:
            self._append(entry["stream"], entry["seq"] - 1, [(entry["kind"], entry["payload"])])
            self._tell(entry["user_id"], [(entry["kind"], entry["payload"])])
        users = sorted({entry["user_id"] for entry in given["entries"]})
        return [Obj(stream=user, last_seq=self.users[user]) for user in users]

    def _tell(self, user_id: UUID, told: list[tuple[str, Any]]) -> None:
        self._append(user_id, self.users[user_id], told)
        self.users[user_id] += len(told)

    # The journal.

    def write(self, given: Fields) -> list[Obj]:
        entries = {entry["id"]: entry for entry in given["entries"]}
        held = [
            row
            for row in map(self.runs.get, sorted(entries))
            if row and row["fence"] == entries[row["id"]]["fence"] and _is_held(row)
        ]
        written = {
            row["id"]: self._inscribe(row, entries[row["id"]]) for row in held if row["status"] == "RUNNING"
        }
        for row in held:
            if row["id"] in written:
                told = [(event["kind"], event["payload"]) for event in entries[row["id"]]["activity"]]
                self._tell(row["user_id"], told)
        heard = {row["user_id"] for row in held if row["id"] in written and entries[row["id"]]["activity"]}
        return [
            Obj(
                id=row["id"],
                user_id=row["user_id"],
                status=row["status"],
                last_seq=written[row["id"]]["last_seq"] if row["id"] in written else None,
                activity_seq=self.users[row["user_id"]]
                if row["id"] in written and row["user_id"] in heard
                else None,
                conversation_id=None,
                conversation_seq=None,
            )
            for row in held
        ]

    def _inscribe(self, row: Obj, entry: Fields) -> Obj:
        base, ended = row["last_seq"], entry["status"] is not None
        progress = entry["progress_at"] is not None
        for step in entry["steps"]:
            self._write_step(row, step, base)
        self._append(row["id"], base, [(event["kind"], event["payload"]) for event in entry["events"]])
        costs = (row["cost"], entry["cost"])
        return self._put(
            row,
            last_seq=base + entry["seqs"],
            progress_percent=entry["percent"] if progress else row["progress_percent"],
            progress_message=entry["message"] if progress else row["progress_message"],
            progress_at=entry["progress_at"] or row["progress_at"],
            **{name: row[name] + entry[name] for name in ("input_tokens", "output_tokens", "requests")},
            cost=None if None in costs else sum(costs),
            status=str(entry["status"] or row["status"]),
            end_reason=entry["end_reason"] and str(entry["end_reason"]),
            result=entry["result"],
            error=entry["error"],
            fence=row["fence"] + ended,
            lease_owner=None if ended else row["lease_owner"],
            lease_until=None if ended else row["lease_until"],
            finished_at=self._now() if ended else None,
        )

    def _write_step(self, row: Obj, step: Fields, base: int) -> None:
        key = row["id"], step["number"]
        before = self.steps.get(key)
        if before is not None and before["status"] not in {"RUNNING", "UNKNOWN"}:
            return
        began, ended = (None if step[name] is None else base + step[name] for name in ("began", "ended"))
        kept: Fields = before or {"id": step["id"], "execution_id": row["id"], "started_seq": began or 0}
        usage = {name: step.get(name) for name in ("input_tokens", "output_tokens", "cost")}
        fresh = {name: step[name] for name in _STEP_FIELDS}
        self.steps[key] = Obj({**fresh, **usage, "finished_seq": ended, **{n: kept[n] for n in _KEPT}})


_KEPT = ("id", "execution_id", "started_seq")
_STEP_FIELDS = (
    *("number", "kind", "status", "tool_name", "call_id", "input", "result", "text", "error"),
    *("model_message", "attempt", "tries", "effect", "started_at", "finished_at"),
)


def _is_held(row: Obj) -> bool:
    return row["lease_owner"] is not None and row["status"] in _HELD


def _is_free(row: Obj) -> bool:
    return row["lease_owner"] is None and row["status"] not in _GOING


_AWAITED: dict[str, Callable[[Obj], bool]] = {
    "start_at": lambda row: row["status"] == "SCHEDULED",
    "lease_until": lambda _: True,
    "deadline": _is_free,
}


def _none(_: Store, __: Fields) -> list[Obj]:
    """What these histories have none of."""
    return []


_STATEMENTS: dict[int, tuple[bool, Callable[[Store, Fields], Any]]] = {
    id(query): (query.sql.lstrip().startswith("select"), work)
    for query, work in [
        (queue._LOCK_KEY, _none),
        (queue._INSERT, Store.insert),
        (queue.CLAIM, Store.claim),
        (queue._LOCK_DUE, Store.due),
        (queue._PLACE, Store.place),
        (queue._LOCK_NEXT, Store.lock_next),
        (queue._IS_NEXT_WANTED, Store.is_next_wanted),
        (queue._UNBLOCK, Store.unblock),
        (aftermath.WHAT_IS_LEFT, Store.what_is_left),
        (leases._RENEW, Store.renew),
        (leases._HOLDS, Store.holds),
        (leases._HOLD, Store.hold),
        (leases._LOCK_HELD, Store._held_by_fence),
        (leases._LOCK_LOST, Store.lost),
        (leases._RENEW_FENCE, Store.renew_fence),
        (leases._LATE_RUNS, Store.late),
        (leases._IS_LOST, Store.is_lost),
        (leases._IS_LATE, Store.is_late),
        (leases._LOST_CHILDREN, _none),
        (children._LIVE_CHILDREN, _none),
        (children._LOCK_FAMILIES, Store.lock_families),
        (executions._GET, Store._mine),
        (executions._LOCK, Store._mine),
        (executions._MOVE, Store.move),
        (executions._ADVANCE, Store.advance),
        (steps._ALL, Store._steps_of),
        (steps._OPEN, Store.open_steps),
        (steps._CLOSE, Store.close_step),
        (events._INSERT, Store.insert_events),
        (events.INSERT_AND_TELL, Store.insert_and_tell),
        (journal.WRITE, Store.write),
        (journal.WRITE_AND_TELL, Store.write),
        (due._LOOK, Store.look),
    ]
}
