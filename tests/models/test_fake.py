"""The model that says what its name says."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.models.fake import FakeModel, script_problem
from engine.models.model import Answer, CallTools, ModelFailed, Think, Turn
from engine.states import StepKind
from tests.models.test_providers import step

pytestmark = pytest.mark.anyio


def turn(text: str = "Hello", thoughts: int = 0, **fields: Any) -> Turn:
    steps = [step(n + 1, StepKind.THINKING, text="so") for n in range(thoughts)]
    return Turn(cast("Any", SimpleNamespace(input=text)), steps, **fields)


async def test_echo_repeats_what_it_was_asked_piece_by_piece() -> None:
    heard: list[str] = []

    decision = await FakeModel("echo").next(turn("Good day", say=heard.append))

    assert isinstance(decision, Answer)
    assert decision.text == "".join(heard) == "You said: Good day"
    assert len(heard) == 4


async def test_a_script_is_followed_turn_by_turn() -> None:
    model = FakeModel('[{"say": "Hm"}, {"calls": [{"call": "a", "arguments": {"x": 1}}, {"call": "b"}]}]')

    decisions = [await model.next(turn(thoughts=done)) for done in range(3)]

    assert [type(one) for one in decisions] == [Think, CallTools, Answer]
    assert isinstance(decisions[1], CallTools)
    assert [(call.name, call.arguments) for call in decisions[1].calls] == [("a", {"x": 1}), ("b", {})]


async def test_a_script_can_fail() -> None:
    with pytest.raises(ModelFailed, match="no"):
        await FakeModel('[{"fail": "no"}]').next(turn())


@pytest.mark.parametrize("script", ["", "x", "{}", "[1]", '"echo"'])
def test_what_is_no_script_is_said_to_be_so(script: str) -> None:
    assert script_problem(script)
