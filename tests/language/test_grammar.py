"""The files of the grammar, and the little language they are written in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.language import patterns
from engine.language.data import as_strings, string_lists
from engine.language.frames import LOOSE, REFUSALS, REQUESTS
from engine.language.patterns import (
    CLASSES,
    PIECE,
    WORDS,
    Pattern,
    anywhere,
    at_end,
    class_source,
    compile_all,
    source,
    whole,
)

LANGUAGE = Path(patterns.__file__).parent
KEYS = {"rule", "say", "confidence", "intent", "completed", "all", "part", "empty", "clear_due", "priority"}
SLOTS = {"title", "ref", "new", "note", "extra"}


def test_a_pattern_takes_words_options_alternatives_and_slots() -> None:
    pattern = whole("remind me [please] (to|about) <title>")
    found = pattern.match("remind me about the red car ")
    assert found is not None
    assert found["title"] == "the red car "
    assert pattern.match("remind me please to ") is None


def test_a_slot_may_be_bound_to_a_class_and_a_class_may_repeat_or_be_forbidden() -> None:
    assert whole("task <n:number>").match("task twenty-one ")
    assert not whole("task <n:number>").match("task red ")
    assert whole("{into}+").match("to into on ")
    assert not anywhere("!{into} <title>").match("to him ")
    assert at_end("(done|ready)").search("all is done ")


@pytest.mark.parametrize("pattern", ["(open", "close]", "half <slot", "{no_such_class}"])
def test_a_broken_pattern_is_named(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_MADE", [])
    with pytest.raises((ValueError, KeyError), match=re.escape(pattern.strip("{}"))):
        Pattern(source(pattern), pattern).compile()


def test_every_pattern_of_the_grammar_compiles() -> None:
    compile_all()


def test_every_class_is_well_formed_and_defined_once() -> None:
    for name in CLASSES:
        re.compile(class_source(name))
    assert len(CLASSES) == sum(len(string_lists(f"words_{words}", "classes")) for words in WORDS)


def test_every_class_is_used() -> None:
    """By a pattern in a file of the grammar, or by name in its code."""
    texts = [
        path.read_text(encoding="utf-8") for path in LANGUAGE.rglob("*") if path.suffix in (".toml", ".py")
    ]
    used = {name for text in texts for name in re.findall(r"""(?:[{:"'])(\w+)(?=[}>"'])""", text)}
    assert set(CLASSES) <= used


def test_frames_use_only_the_slots_that_somebody_reads() -> None:
    for frame in (*REFUSALS, *REQUESTS, *LOOSE):
        for pattern in as_strings(frame.entry["say"]):
            assert {piece["slot"] for piece in PIECE.finditer(pattern) if piece["slot"]} <= SLOTS, pattern


def test_frames_say_only_what_somebody_reads() -> None:
    for frame in (*REFUSALS, *REQUESTS, *LOOSE):
        assert set(frame.entry) <= KEYS, frame.rule


def test_confidence_is_a_share() -> None:
    assert all(0 < frame.confidence < 1 for frame in (*REFUSALS, *REQUESTS, *LOOSE))
