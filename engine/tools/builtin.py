"""The tools that every agent has."""

from __future__ import annotations

from engine.tools.tasks import TASK_TOOLS
from engine.tools.tool import AnyTool

BUILTIN: dict[str, AnyTool] = {tool.name: tool for tool in TASK_TOOLS}
