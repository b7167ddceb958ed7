"""Two users in one house: what each holds, what each did, and what neither may learn of the other."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from ids import Kind, parse
from tests.api import Api, User
from tests.hostile.operations import Operation

_PLACEHOLDER = re.compile(r"@@(mine|theirs) (\w+) (\d)@@")
_KINDS = {kind.value: kind.name.lower() for kind in Kind}
_ID = re.compile(rf"\b(?:{'|'.join(_KINDS)})_[0-7][0-9a-hjkmnp-tv-z]{{25}}\b")
_TOKEN = re.compile(r"[\w-]{43}|eyJ[\w-]+\.[\w-]+\.[\w-]+")
EVERYTHING = """{
  tasks(first: 100) { totalCount nodes { id } edges { cursor } }
  executions(first: 100) { totalCount nodes { id cursor } edges { cursor } }
}"""


WALK = """
query ($orderBy: TaskOrder, $first: Int, $after: String, $last: Int, $before: String) {
  tasks(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


@dataclass(frozen=True)
class Walk:
    """A way through all tasks, a few at a time."""

    field: str
    direction: str
    size: int
    is_backwards: bool

    def step(self, cursor: str | None) -> dict[str, Any]:
        """The arguments of the next page."""
        order = {"field": self.field, "direction": self.direction}
        size, place = ("last", "before") if self.is_backwards else ("first", "after")
        return {"orderBy": order, size: self.size, place: cursor}


@dataclass
class Account:
    """The ids that a user's own operations made and ended."""

    made: set[str] = field(default_factory=set[str])
    ended: set[str] = field(default_factory=set[str])
    unsure: int = 0
    "Operations that may have done something, and whose answer an error took away."


class Person:
    """Somebody who sends operations, and remembers."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.marker = f"m{uuid4().hex}"
        self.held: defaultdict[str, list[str]] = defaultdict(list, {"marker": [self.marker]})
        self.tasks, self.runs = Account(), Account()
        self.other: Person

    async def send(self, operation: Operation) -> tuple[str, httpx2.Response]:
        """The body that was sent, and the answer to it."""
        body = operation.body(self._fill)
        headers = {"authorization": f"Bearer {self.user._token}", "content-type": "application/json"}
        if operation.key is not None:
            headers["idempotency-key"] = operation.key
        return body, await self.user._http.post("/graphql", content=body, headers=headers)

    def _fill(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            whose, kind, number = match.groups()
            known = (self if whose == "mine" else self.other).held[kind]
            return known[int(number) % len(known)] if known else f"no {kind}"

        return _PLACEHOLDER.sub(value, text)

    def remember(self, answer: Any) -> None:
        """What the answer told of the sender's own things."""
        for key, text in texts(answer):
            for found in _ID.findall(text):
                self._hold(_KINDS[found.partition("_")[0]], found)
            if key.lower().endswith("cursor"):
                self._hold("cursor", text)
            if _TOKEN.fullmatch(text):
                self._hold("token", text)

    def _hold(self, kind: str, value: str) -> None:
        if value not in self.held[kind] and value not in self.other.held[kind] and len(self.held[kind]) < 10:
            self.held[kind].append(value)

    def book(self, operation: Operation, data: dict[str, Any] | None, was_carried_out: bool) -> None:
        """Enter what an operation did, as its answer tells it."""
        for key, name in operation.roots.items():
            if not operation.is_mutation or not was_carried_out:
                continue
            outcome = (data or {}).get(key)
            if outcome is None:
                self.tasks.unsure += 1
                self.runs.unsure += 1
            else:
                self._book_one(name, outcome)

    def _book_one(self, name: str, outcome: dict[str, Any]) -> None:
        match outcome.get("__typename"):
            case "CreateTaskSuccess":
                self.tasks.made.add(outcome["task"]["id"])
            case "DeleteTaskSuccess" if outcome["deleted"]:
                self.tasks.ended.add(outcome["id"])
            case "TaskAgentAnswer" if outcome["outcome"] == "DONE":
                named = {task["id"] for task in outcome["tasks"]}
                intent = outcome["metadata"]["intent"]
                self.tasks.made |= named if intent == "CREATE" else set()
                self.tasks.ended |= named if intent == "DELETE" else set()
            case "StartExecutionSuccess":
                run = outcome["execution"]
                self.runs.made |= {one["id"] for one in (run, *run.get("children", ()))}
            case _:
                pass

    async def check_the_books(self) -> None:
        """What is there is what the operations account for, no less and no more."""
        found = await self.user.ask(EVERYTHING)
        for account, listed in ((self.tasks, found["tasks"]), (self.runs, found["executions"])):
            there = {node["id"] for node in listed["nodes"]}
            assert listed["totalCount"] == len(listed["nodes"]) == len(listed["edges"])
            assert len(there - account.made) <= account.unsure, "something is there that nobody asked for"
            assert not there & account.ended, "something is there that was deleted"
            assert len(account.made - account.ended - there) <= account.unsure, "something was lost"

    async def check_the_pages(self, walk: Walk) -> None:
        """Page by page there is as much as there is at once, each thing a single time."""
        every = [node["id"] for node in (await self.user.ask(EVERYTHING))["tasks"]["nodes"]]
        found: list[str] = []
        cursor, more = None, True
        while more:
            page = await self.user.one(WALK, **walk.step(cursor))
            found += [node["id"] for node in page["nodes"]]
            info = page["pageInfo"]
            more = info["hasPreviousPage" if walk.is_backwards else "hasNextPage"]
            cursor = info["startCursor" if walk.is_backwards else "endCursor"]
        assert sorted(found) == sorted(every)

    def must_not_know(self, secrets: Person, sent: str, answer: httpx2.Response) -> None:
        """No id, marker, cursor or token of the other may be told, but where the sender said it first."""
        ids = [one for kind in _KINDS.values() for one in secrets.held[kind] if one not in sent]
        uuids = [parse(one)[1] for one in ids]
        for _, text in texts(answer.json()):
            assert secrets.marker not in text or secrets.marker in sent, text
            assert not any(one in text for one in ids), text
            inside = b"" if text in sent else _decoded(text)
            assert not any(uuid.bytes in inside or str(uuid).encode() in inside for uuid in uuids), text


def texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every string of an answer, with the key that it stands under."""
    match value:
        case str():
            yield key, value
        case dict():
            for name, item in value.items():
                yield from texts(item, name)
        case list():
            for item in value:
                yield from texts(item, key)
        case _:
            pass


def _decoded(text: str) -> bytes:
    """What may be packed in base64: cursors, and the parts of tokens."""
    parts = [part for part in text.split(".") if re.fullmatch(r"[A-Za-z0-9_-]{20,}", part)]
    return b"\n".join(urlsafe_b64decode(part + "===") for part in parts if len(part) % 4 != 1)


async def two_people(api: Api, name: str) -> tuple[Person, Person]:
    """Ada and Bob, who have nothing yet."""
    ada, bob = [Person(await api.user(f"{who}.{name}@example.com")) for who in ("ada", "bob")]
    ada.other, bob.other = bob, ada
    return ada, bob
