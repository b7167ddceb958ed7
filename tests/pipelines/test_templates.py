"""`{{name}}` stands for a result, and everything else for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.templates import NAME, fill, is_name, references

names = st.from_regex(NAME, fullmatch=True)
plain = st.text().filter(lambda text: "{" not in text and "}" not in text)
parts = st.lists(plain | names.map(lambda name: ("{{" + name + "}}", name)), max_size=8)


def test_a_reference_is_replaced() -> None:
    assert fill("Sum up {{ first }} and {{second}}.", {"first": "A", "second": "B"}) == "Sum up A and B."


def test_what_a_result_holds_is_not_read_as_a_template() -> None:
    """Or one run's answer could ask for another's."""
    assert fill("{{a}}{{b}}", {"a": "{{b}}", "b": "{{a}}"}) == "{{b}}{{a}}"


@pytest.mark.parametrize(
    "text", ["{{}}", "{{ 1st }}", "{{a b}}", "{a}", "{{a}", "{ {a}}", "{{ä}}", "{{" + "a" * 65 + "}}"]
)
def test_braces_around_anything_but_a_name_are_text(text: str) -> None:
    assert references(text) == []
    assert fill(text, {}) == text


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("{{missing}}", {})


@given(parts, st.dictionaries(names, st.text()))
def test_a_filled_template_is_its_parts_in_order(
    parts: list[str | tuple[str, str]], values: dict[str, str]
) -> None:
    spoken = [part[1] for part in parts if isinstance(part, tuple)]
    values = {**{name: f"<{name}>" for name in spoken}, **values}
    template = "".join(part if isinstance(part, str) else part[0] for part in parts)

    assert references(template) == list(dict.fromkeys(spoken))
    expected = "".join(part if isinstance(part, str) else values[part[1]] for part in parts)
    assert fill(template, values) == expected


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    spoken = references(text)

    assert all(is_name(name) for name in spoken)
    assert not references(fill(text, dict.fromkeys(spoken, "-")))


@given(plain)
def test_a_text_without_braces_stays_as_it_is(text: str) -> None:
    assert references(text) == []
    assert fill(text, {}) == text
