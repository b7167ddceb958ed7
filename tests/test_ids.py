"""TypeIDs outside, UUIDv7 inside."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID

from errors import InvalidId
from ids import Kind, decode, encode, encode_all, new_id, parse

kinds = st.sampled_from(list(Kind))
uuids = st.uuids()


@given(kind=kinds, value=uuids)
def test_an_id_is_what_the_specification_says(kind: Kind, value: UUID) -> None:
    """As another implementation writes it, and it reads back."""
    text = encode(kind, value)

    assert text == str(TypeID.from_uuid(value, prefix=kind.value))
    assert decode(kind, text) == value
    assert parse(text) == (kind, value)


@given(kind=kinds, values=st.lists(uuids, max_size=300))
def test_many_ids_at_once_are_those_of_each(kind: Kind, values: list[UUID]) -> None:
    """However many there are."""
    assert encode_all(kind, values) == [encode(kind, value) for value in values]


@given(kind=kinds, other=kinds, value=uuids)
def test_an_id_of_another_kind_is_refused(kind: Kind, other: Kind, value: UUID) -> None:
    """A task's id is no execution's."""
    if kind is not other:
        with pytest.raises(InvalidId):
            decode(other, encode(kind, value))


@given(text=st.one_of(st.text(max_size=60), st.from_regex(r"(task|exec|user)_[0-9a-z]{26}", fullmatch=True)))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    """And one id has one text."""
    with suppress(InvalidId):
        assert encode(*parse(text)) == text


def test_ids_ascend_in_the_order_they_are_made() -> None:
    """So that an index on them grows at its end."""
    made = [new_id() for _ in range(1_000)]

    assert made == sorted(made)
    assert {value.version for value in made} == {7}
