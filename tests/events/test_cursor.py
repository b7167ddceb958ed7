"""A cursor is one place in one stream, and one text."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from errors import InvalidCursor
from events.cursor import LAST_SEQ, Cursor

_STREAM = UUID("0190163d-8694-739b-aea5-966c26f8ad90")
_cursors = st.builds(Cursor, st.uuids(), st.integers(0, LAST_SEQ), st.integers(0, 2**32 - 1))
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= \n"
_alphabet = st.sampled_from(_LETTERS)


@given(_cursors)
def test_a_cursor_comes_back_from_its_text(cursor: Cursor) -> None:
    assert Cursor.parse(cursor.encode(), cursor.stream) == cursor


@given(_cursors)
def test_its_text_needs_no_escaping_anywhere(cursor: Cursor) -> None:
    text = cursor.encode()
    assert len(text) == 34
    assert text.replace("-", "").replace("_", "").isalnum()
    assert text.isascii()


@given(
    st.text() | st.text(_alphabet, min_size=30, max_size=38) | st.text(_alphabet, min_size=34, max_size=34)
)
@example("\ud800" * 34)
@example("\0" * 34)
def test_any_other_text_is_an_invalid_cursor_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(text, _STREAM)


@settings(max_examples=20)
@given(_cursors)
def test_no_two_texts_are_the_same_cursor(cursor: Cursor) -> None:
    """Base64 alone would read several: its last letter has bits to spare, and it passes over blanks."""
    text = cursor.encode()
    for place in range(len(text)):
        for letter in _LETTERS.replace(text[place], ""):
            assert _parsed(text[:place] + letter + text[place + 1 :], cursor.stream) != cursor


def _parsed(text: str, stream: UUID) -> Cursor | None:
    try:
        return Cursor.parse(text, stream)
    except InvalidCursor:
        return None


@pytest.mark.parametrize("form", ["{}=", "{}==", "{}\n", " {}", "{}A", "{:.33}"])
def test_padding_and_blanks_are_not_part_of_a_cursor(form: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursor.parse(form.format(Cursor(_STREAM, 5).encode()), _STREAM)


@given(_cursors, st.uuids())
def test_a_cursor_is_bound_to_its_stream(cursor: Cursor, stream: UUID) -> None:
    if stream != cursor.stream:
        with pytest.raises(InvalidCursor, match="another stream"):
            Cursor.parse(cursor.encode(), stream)


def test_a_cursor_of_another_version_is_invalid() -> None:
    data = bytes([2]) + _STREAM.bytes + bytes(8)
    with pytest.raises(InvalidCursor, match="not a cursor"):
        Cursor.parse(urlsafe_b64encode(data).decode().rstrip("="), _STREAM)


def test_a_seq_that_no_stream_can_have_is_invalid() -> None:
    """The column and GraphQL's Int end there: a database would refuse to compare with it."""
    assert Cursor.parse(Cursor(_STREAM, LAST_SEQ).encode(), _STREAM).seq == LAST_SEQ
    with pytest.raises(InvalidCursor):
        Cursor.parse(Cursor(_STREAM, LAST_SEQ + 1).encode(), _STREAM)
