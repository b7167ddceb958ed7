"""Errands as requests: to the API as sentences, to the floor as what the sentences mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from bench.errands import Errand, Known
from bench.ground import Person
from bench.load import post

ASK = """
mutation ($input: AskTaskAgentInput!) {
  askTaskAgent(input: $input) {
    ... on TaskAgentAnswer {
      response outcome
      metadata { intent toolCalled toolArguments confidence executionTimeMs }
      tasks { id number title priority completed dueAt }
    }
    ... on UserError { code message }
  }
}"""

Dialect: TypeAlias = Callable[[Person, Errand], bytes]


def to_api(person: Person, errand: Errand) -> bytes:
    """An `askTaskAgent`."""
    body = {"query": ASK, "variables": {"input": {"message": errand.sentence}}}
    return post("/graphql", orjson.dumps(body), person.token)


def to_floor(person: Person, errand: Errand) -> bytes:
    """What `bench.floor` reads."""
    number = errand.task.number if errand.task else None
    asked = {
        "user": str(person.id),
        "operation": errand.operation,
        "number": number,
        "byNumber": errand.by_number,
        "fields": errand.fields,
    }
    return post("/task", orjson.dumps(asked))


@dataclass(slots=True)
class Tally:
    """What came of the calls."""

    done: int = 0
    otherwise: list[str] = field(default_factory=list[str])
    "Each sentence that was not carried out, and the answer to it."


class Asked:
    """One errand under way; a `bench.load.Call`."""

    def __init__(self, person: Person, dialect: Dialect, tally: Tally) -> None:
        self._person, self._tally = person, tally
        self._errand = person.day.next()
        self.request = dialect(person, self._errand)

    def answered(self, body: bytes) -> None:
        """Gives the task back, and counts."""
        answer: dict[str, Any] = orjson.loads(body).get("data", {}).get("askTaskAgent") or {}
        told = [Known(task["number"], task["title"]) for task in answer.get("tasks", ())]
        self._person.day.done(self._errand, told)
        if answer.get("outcome") == "DONE":
            self._tally.done += 1
        else:
            self._tally.otherwise.append(f"{self._errand.sentence} -> {body.decode()}")
