"""What an agent is made of, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from engine.versions import LongHistory
from errors import Issue

LONGEST_NAME = 100
LONGEST_INSTRUCTIONS = 50_000
MOST_STEPS = 1_000
MOST_TOOLS = 128
MOST_SUBAGENTS = 32

_GIVEN = {
    "max_steps": "maxSteps",
    "long_history": "longHistory",
    "tool_names": "toolNames",
    "approval_required": "approvalRequired",
    "subagent_ids": "subagentIds",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a user's agents may be made of, here and now."""

    tools: Collection[str]
    model_problem: Callable[[str], str | None]
    "Why there is no model of a name; None where there is."
    subagents: Collection[str] = ()
    "The tools that the subagents of the agent are."

    def keeping(self, tools: Iterable[str]) -> Offer:
        """Together with tools that an agent has already, whether they are still there or not."""
        return replace(self, tools={*self.tools, *tools})


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The fields of one version of an agent."""

    name: str
    instructions: str = ""
    model: str = "rules"
    temperature: float | None = None
    max_steps: int = 10
    long_history: str = LongHistory.TRIM
    tool_names: Sequence[str] | None = None
    "None: every built-in tool."
    approval_required: Sequence[str] = ()
    subagent_ids: Sequence[UUID] = ()

    def issues(self, offer: Offer) -> list[Issue]:
        """Every problem that can be seen without other agents."""
        return [
            *self._text_issues(offer),
            *self._number_issues(),
            *_list_issues("subagent_ids", self.subagent_ids, MOST_SUBAGENTS),
            *_list_issues("tool_names", self.tool_names or (), MOST_TOOLS),
            *_list_issues("approval_required", self.approval_required, MOST_TOOLS),
            *self._tool_issues(offer),
        ]

    def _text_issues(self, offer: Offer) -> list[Issue]:
        name, problem = self.name, offer.model_problem(self.model)
        is_name = 1 <= len(name) <= LONGEST_NAME and name == name.strip() and name.isprintable()
        return [
            *_unless(is_name, "name", f"1 to {LONGEST_NAME} visible characters, no spaces at either end."),
            *_unless(
                len(self.instructions) <= LONGEST_INSTRUCTIONS and "\x00" not in self.instructions,
                "instructions",
                f"At most {LONGEST_INSTRUCTIONS:,} characters, no NUL.",
            ),
            *_unless(problem is None, "model", problem or ""),
        ]

    def _number_issues(self) -> list[Issue]:
        return [
            *_unless(self.temperature is None or 0 <= self.temperature <= 2, "temperature", "From 0 to 2."),
            *_unless(1 <= self.max_steps <= MOST_STEPS, "max_steps", f"From 1 to {MOST_STEPS:,}."),
        ]

    def _tool_issues(self, offer: Offer) -> list[Issue]:
        """Only what is there can be given, and only what is given, or a subagent, can wait for approval."""
        given = {*(offer.tools if self.tool_names is None else self.tool_names), *offer.subagents}
        return [
            *(
                _issue("tool_names", f"There is no tool {name[:100]!r}.")
                for name in self.tool_names or ()
                if name not in offer.tools
            ),
            *(
                _issue("approval_required", f"The agent has no tool {name[:100]!r}.")
                for name in self.approval_required
                if name not in given
            ),
        ]


def as_given(name: str) -> str:
    """A field's name in the API."""
    return _GIVEN.get(name, name)


def _issue(name: str, message: str) -> Issue:
    return Issue(("input", as_given(name)), message)


def _unless(is_fine: bool, name: str, message: str) -> list[Issue]:
    return [] if is_fine else [_issue(name, message)]


def _list_issues(name: str, items: Sequence[object], most: int) -> list[Issue]:
    return [
        *_unless(len(items) <= most, name, f"At most {most}."),
        *_unless(len(set(items)) == len(items), name, "Each once."),
    ]
