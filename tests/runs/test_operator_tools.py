"""Tools that an operator adds by naming a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from engine.models.model import Answer
from engine.tools.offer import offered_tools
from engine.tools.operators import BadTool, operator_tools, tool
from engine.tools.tool import Call, Effect
from settings import Settings, SettingsError
from tests.api import Api
from tests.processes import ROOT
from tests.runs.parts import Script, calls, playing

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The example of the guide, by name."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return {one.name: one for one in operator_tools("shop_tools")}


def test_its_type_hints_are_its_schema(shop: dict[str, Any]) -> None:
    order = shop["order"]

    assert (order.description, order.effect, order.source) == (
        "Orders an item for the user.",
        Effect.IDEMPOTENT_WRITE,
        "operator",
    )
    assert (shop["ring_the_bell"].timeout_seconds, order.timeout_seconds) == (60, 30)
    assert order.parameters == {
        "title": "Arguments",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "item": {"title": "Item", "type": "string"},
            "count": {"title": "Count", "type": "integer", "default": 1},
            "speed": {"title": "Speed", "type": "string", "enum": ["slow", "fast"], "default": "slow"},
        },
        "required": ["item"],
    }
    assert shop["stock_of"].parameters["properties"]["item"]["description"] == "Singular, in lower case."


@pytest.mark.anyio
async def test_the_example_of_the_guide_works(api: Api, shop: dict[str, Any]) -> None:
    ada = await api.user()
    script = Script(
        calls("stock_of", item="apple"),
        calls("stock_of", item="plum"),
        calls("order", item="apple", count="many"),
        calls("order", item="apple", count=2),
        calls("ring_the_bell", times=2),
        Answer("done"),
    )

    async with playing(api, script, list(shop.values())):
        run = await ada.finished((await ada.start("x"))["execution"]["id"])

    steps = [step for step in run["steps"]["nodes"] if step["kind"] == "TOOL_CALL"]
    assert steps[0]["result"] == {"item": "apple", "left": 12}
    assert steps[1]["error"] == "We don't sell plum."
    assert "count: Input should be a valid integer" in steps[2]["error"]
    assert steps[3]["result"] == {"item": "apple", "count": 2, "speed": "slow", "user": str(ada.id)}
    assert steps[4]["result"] == "It was heard."
    assert run["progress"] == {"percent": 100, "message": "Rung 2 of 2 times"}


def with_module(monkeypatch: pytest.MonkeyPatch, **content: object) -> str:
    module = ModuleType(f"tools_{len(sys.modules)}")
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


async def fine(call: Call) -> None:
    """Does nothing."""


class TestBadModules:
    def test_one_that_is_not_there_is_told_at_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="BATON_TOOLS_MODULE: no_such_module cannot be imported"):
            offered_tools(Settings(data_dir=tmp_path, tools_module="no_such_module"))

    def test_one_without_tools_is_a_mistake(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingsError, match="has no function that is marked as a tool"):
            operator_tools(with_module(monkeypatch, fine=fine))

    def test_a_built_in_name_is_taken(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        name = with_module(monkeypatch, one=tool(effect="READ", name="add_task")(_copy(fine)))

        with pytest.raises(SettingsError, match="add_task: there is a built-in tool of that name"):
            offered_tools(Settings(data_dir=tmp_path, tools_module=name))


def _copy(function: Callable[..., Any]) -> Any:
    async def copy(call: Call) -> None:
        """A copy."""

    return copy


def plain(item: str) -> str:
    """Cannot be stopped."""
    return item


async def untyped(item) -> None:  # pyright: ignore
    """Takes anything."""


async def silent(item: str) -> None: ...


async def greedy(*items: str) -> None:
    """Takes many."""


@pytest.mark.parametrize(
    ("function", "options", "why"),
    [
        (plain, {}, "must be `async def`"),
        (untyped, {}, "item has no type hint"),
        (silent, {}, "needs a docstring"),
        (greedy, {}, "cannot be given by name"),
        (fine, {"name": "no spaces"}, "is no name for a tool"),
        (fine, {"timeout_seconds": 0}, "timeout_seconds is more than 0"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused(
    function: Any, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadTool, match=why):
        tool(effect="READ", **options)(function)
