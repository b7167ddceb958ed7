"""What a token may be narrowed to. Writing includes reading what was written."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Scope(StrEnum):
    """As it stands in a token's claim `scope` (RFC 8693, 9068), separated by spaces."""

    PROFILE_READ = "profile:read"
    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    INTERRUPTS_WRITE = "interrupts:write"
    "To approve and to answer: apart from `runs:write`, so that who starts a run need not be who approves it."
    CONVERSATIONS_READ = "conversations:read"
    CONVERSATIONS_WRITE = "conversations:write"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    TOOLS_READ = "tools:read"
    TOOLS_WRITE = "tools:write"


_BY_NAME = {scope.value: scope for scope in Scope}
_IMPLIED = {Scope.INTERRUPTS_WRITE: {Scope.RUNS_READ}} | {
    scope: {Scope(f"{noun}:read")}
    for scope in Scope
    if (noun := scope.partition(":")[0]) != "interrupts" and scope.endswith(":write")
}


def granted(named: Iterable[str]) -> frozenset[Scope]:
    """What a token of these scopes allows. Words that are none of ours allow nothing."""
    ours = {_BY_NAME[word] for word in named if word in _BY_NAME}
    return frozenset(ours.union(*(_IMPLIED.get(scope, ()) for scope in ours)))
