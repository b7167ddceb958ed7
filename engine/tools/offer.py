"""The tools that are there for everybody: ours, and the operator's."""

from __future__ import annotations

from engine.tools.asking import ask_user
from engine.tools.builtin import BUILTIN
from engine.tools.operators import operator_tools
from engine.tools.tool import AnyTool
from settings import Settings, SettingsError


def offered_tools(settings: Settings) -> tuple[AnyTool, ...]:
    """Every one of them. Raises SettingsError where the operator's module cannot be used."""
    added = operator_tools(settings.tools_module)
    ours = (*BUILTIN, ask_user(settings.interrupt_seconds))
    taken = {tool.name for tool in ours} & {tool.name for tool in added}
    if taken:
        names = ", ".join(sorted(taken))
        raise SettingsError(f"BATON_TOOLS_MODULE: {names}: there is a built-in tool of that name")
    return (*ours, *added)
