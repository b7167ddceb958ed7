"""Hints fit in messages, and a message that is none harms nobody."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import example, given
from hypothesis import strategies as st

from events.hints import LARGEST_MESSAGE, pack, unpack

_topics = st.text(max_size=40) | st.uuids().map(lambda topic: topic.hex)


@given(st.dictionaries(_topics, st.integers(0, 2**31 - 1), max_size=400))
@example({uuid4().hex: 2**31 - 1 for _ in range(1_000)})
@example({chr(0x1F600 + n) * 90: n for n in range(70)})
def test_all_hints_arrive_in_messages_that_postgres_takes(hints: dict[str, int]) -> None:
    arrived: dict[str, int] = {}
    for message, carried in pack(hints):
        assert len(message.encode()) <= LARGEST_MESSAGE
        assert unpack(message) == carried
        arrived |= carried
    assert arrived == hints


def test_one_message_carries_many_hints() -> None:
    assert len(list(pack({uuid4().hex: 2**31 - 1 for _ in range(1_600)}))) == 10


def test_a_topic_that_fits_no_message_is_left_out_and_the_others_go() -> None:
    messages = list(pack({"x" * 8_000: 1, "queue": 0}))
    assert [carried for _, carried in messages] == [{"queue": 0}]


@given(st.text())
@example("null")
@example("[[]]")
@example('{"a": "b"}')
@example('{"a": null}')
@example('{"a": 1')
@example("[" * 100_000)
def test_a_message_that_is_none_has_no_hints(message: str) -> None:
    assert unpack(message) == {}
