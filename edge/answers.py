"""What comes back from an operation: its result, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import orjson

PublicError: TypeAlias = dict[str, object]
"An entry of `errors`, fit to be shown to the caller."

MAX_ERRORS = 20


@dataclass
class Answer:
    """The result of one execution: of a query, a mutation, or one event of a subscription."""

    body: bytes
    "The whole GraphQL result as JSON: a transport only puts its own words around it."
    cursor: str | None = None
    "Where the stream stands after this event."

    has_errors: bool = False

    @cached_property
    def text(self) -> str:
        """The body for who sends text."""
        return self.body.decode()


class Failure(Exception):
    """The operation was refused, or its stream broke: there are errors and no data."""

    def __init__(self, errors: list[PublicError], status: int | None = None) -> None:
        super().__init__(*(error["message"] for error in errors[:1]))
        self.errors = errors[:MAX_ERRORS]
        self.status = status
        """The HTTP status; None where the request was well-formed and only its document or its variables
        were wrong, which HTTP answers by media type."""

    @property
    def body(self) -> bytes:
        """The whole GraphQL result as JSON."""
        return orjson.dumps({"errors": self.errors})
