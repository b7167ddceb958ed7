"""The tools that every agent has."""

from __future__ import annotations

from engine.tools.progress import REPORT_PROGRESS
from engine.tools.tasks import TASK_TOOLS
from engine.tools.tool import AnyTool

BUILTIN: tuple[AnyTool, ...] = (*TASK_TOOLS, REPORT_PROGRESS)
