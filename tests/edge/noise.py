"""Bodies, headers and frames at random, most of them nearly right.

Hypothesis says which (a number each) and tells what failed; the rest is plain random choice, which makes ten
thousand cases in the time in which composed strategies make a thousand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Make: TypeAlias = Callable[[], Any]

WORDS = """
query mutation subscription fragment on F Query ... { } ( ) [ ] : ! $a @skip(if:true) @ hello person friend
name touch count number flood silence __typename __schema value x: "a" \\u0000 \"\"\" 1 -0.1e9 null true # é
"""
TOKENS = [*WORDS.split(), "\0", "\ufeff", '"\\u0000"']
DOCUMENTS = [
    "{ hello }",
    "query($a: String!) { hello(name: $a) }",
    "query($a: JSON!) { echo(value: $a) }",
    "{ person { friend { name } } }",
    "mutation { touch }",
    "subscription { count { number } }",
    "subscription($a: String) { count(after: $a) { number } }",
    "subscription { flood { number } }",
    "{ ...F } fragment F on Query { ...F }",
]
ACCEPTS = [
    "application/json",
    "application/graphql-response+json",
    "text/event-stream",
    "*/*",
    "text/html",
    ",;q=",
    "",
]
INIT = '{"type": "connection_init", "payload": {"authorization": "Bearer good"}}'
_ODD_CHARACTERS = "\0\x01\t\n\r\x1b\x7f\x85\u0301\u200f\u202e\u2028\ufeff\uffff\U0010ffff😀éß\\\"'{}%"
_INTEGERS = (0, 1, -1, 127, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63, 2**64, -(2**64), 10**40)
_FLOATS = (0.0, -0.0, 0.5, 1e308, -1e308, 5e-324, 1e22, float("inf"), float("-inf"), float("nan"))
_FIRST_SURROGATE, _AFTER_SURROGATES, _LAST = 0xD800, 0xE000, 0x10FFFF


class Noise(Random):
    """All that is said here depends on nothing but the number that it was made from."""

    def body(self) -> bytes:
        return self._mostly(
            self._whole,
            lambda: _as_json(self.value()),
            self._damaged,
            lambda: self.randbytes(self._up_to(60)),
        )

    def url(self) -> bytes:
        """A query string."""
        if self._one_in(2):
            return self.randbytes(self._up_to(60))
        return b"query=" + self.document().encode()

    def headers(self) -> dict[str, str]:
        return self._mostly(self._plain_headers, self._odd_headers)

    def talk(self) -> tuple[str, list[str | bytes]]:
        """The first message of a socket, and the frames after it."""
        first = self.choice([INIT, INIT, INIT, '{"type": "ping"}'])
        return first, [self._frame() for _ in range(self._up_to(6))]

    def document(self) -> str:
        return self._mostly(lambda: self.choice(DOCUMENTS), self._random_document)

    def value(self, leaves: int = 12) -> Any:
        """Whatever JSON can hold, and a little more."""
        match self.randrange(4) if leaves > 1 else 0:
            case 0 | 1:
                return self._scalar()
            case 2:
                return [self.value(leaves // 3) for _ in range(self._up_to(4))]
            case _:
                return {self._text(5): self.value(leaves // 3) for _ in range(self._up_to(4))}

    def _mostly(self, usual: Make, *odd: Make) -> Any:
        """Three out of four are as usual: what is broken everywhere does not get far."""
        return (self.choice(odd) if self._one_in(4) else usual)()

    def _one_in(self, count: int) -> bool:
        return self.randrange(count) == 0

    def _up_to(self, most: int) -> int:
        return self.randint(0, most)

    def _text(self, most: int) -> str:
        return "".join(self._character() for _ in range(self._up_to(most)))

    def _character(self) -> str:
        match self.randrange(4):
            case 0:
                return self.choice(_ODD_CHARACTERS)
            case 1:
                code = self.randint(0, _LAST)
                return chr(code) if not _FIRST_SURROGATE <= code < _AFTER_SURROGATES else "\ufffd"
            case _:
                return chr(self.randint(32, 126))

    def _latin(self) -> str:
        return "".join(chr(self.randint(0, 255)) for _ in range(self._up_to(5)))

    def _random_document(self) -> str:
        if self._one_in(2):
            return self._text(40)
        return " ".join(self.choices(TOKENS, k=self._up_to(30)))

    def _scalar(self) -> Any:
        match self.randrange(6):
            case 0:
                return self.choice((None, True, False))
            case 1:
                return self.choice(_INTEGERS)
            case 2:
                return self.getrandbits(self.randint(1, 70)) - 2**10
            case 3:
                return self.choice(_FLOATS)
            case 4:
                return self._text(10)
            case _:
                return self.document()

    def _request(self) -> dict[str, Any]:
        return self._mostly(self._fine_request, self._odd_request)

    def _fine_request(self) -> dict[str, Any]:
        rest = self._some(variables=lambda: {"a": self.value()}, operationName=lambda: None)
        return {"query": self.document(), **rest}

    def _odd_request(self) -> dict[str, Any]:
        parts = dict.fromkeys(("variables", "operationName", "extensions", "other"), self.value)
        return {"query": self.choice((self.document, self.value))(), **self._some(**parts)}

    def _some(self, **parts: Make) -> dict[str, Any]:
        """Each part as often as not."""
        return {name.replace("_", "-"): make() for name, make in parts.items() if self._one_in(2)}

    def _whole(self) -> bytes:
        return _as_json(self._request())

    def _damaged(self) -> bytes:
        """With a piece cut out and another put in."""
        raw = self._whole()
        start, end = sorted((self._up_to(len(raw)), self._up_to(len(raw))))
        return raw[:start] + self.randbytes(self._up_to(6)) + raw[end:]

    def _plain_headers(self) -> dict[str, str]:
        return {"content-type": "application/json", **self._some(accept=lambda: self.choice(ACCEPTS))}

    def _odd_headers(self) -> dict[str, str]:
        kinds = ["application/json", "text/plain", ";", "application/json;charset=x"]
        return {
            "content-type": self.choice(kinds),
            **self._some(
                accept=lambda: self._latin() if self._one_in(2) else self.choice(ACCEPTS),
                authorization=lambda: self.choice(
                    ["Bearer good", "Bearer bad", "Bearer", "x", "bearer \xff"]
                ),
                idempotency_key=self._latin,
                x_request_id=self._latin,
                content_length=lambda: self.choice(["1", "99999999999", "-1", "x", "²"]),
                content_encoding=lambda: self.choice(["gzip", "identity"]),
                last_event_id=self._latin,
            ),
        }

    def _frame(self) -> str | bytes:
        if self._one_in(4):
            return self._text(30) if self._one_in(2) else self.randbytes(self._up_to(20))
        return json.dumps(self._mostly(self._usual_message, self._odd_message, self.value))

    def _usual_message(self) -> dict[str, Any]:
        id_ = self.choice(["1", "2", "3", "4", "é" * 100])
        match self.randrange(3):
            case 0:
                return {"id": id_, "type": "subscribe", "payload": self._fine_request()}
            case 1:
                return {"id": id_, "type": "complete"}
            case _:
                return {"type": self.choice(["ping", "pong"])}

    def _odd_message(self) -> dict[str, Any]:
        types = ["connection_init", "subscribe", "complete", "ping", "next", "error"]
        return self._some(
            id=self.value,
            type=lambda: self.value() if self._one_in(2) else self.choice(types),
            payload=lambda: self._odd_request() if self._one_in(2) else self.value(),
        )


def noise(make: Callable[[Noise], T]) -> st.SearchStrategy[T]:
    """One for each number; what failed is told as it was sent."""
    return st.integers(0, 2**63).map(lambda number: make(Noise(number)))


def _as_json(value: object) -> bytes:
    return json.dumps(value).encode()
