"""The tools: each names its arguments and its answer, and hands its document on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import AwareDatetime, BaseModel
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from edge.address import address_of
from edge.execution import Caller
from edge.headers import request_id
from mcp_server import documents
from mcp_server.answers import (
    NOT_FOUND,
    AgentAnswer,
    Deletion,
    ExecutionAnswer,
    Priority,
    TaskAnswer,
    TaskList,
)

M = TypeVar("M", bound=BaseModel)
Call = Context[Any, Request]
Ask = Callable[[str, dict[str, Any], Caller], Awaitable[dict[str, Any]]]
"Carries out one operation: document, variables, who asks, and the id of the request."

PRINCIPAL = "baton.principal"
"Where a request's scope holds who calls."

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(destructive_hint=False, idempotent_hint=False, open_world_hint=False)
_SETS = ToolAnnotations(destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_DELETES = ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class Tools:
    """What other agents may call. A docstring is what a model reads of a tool."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def add_to(self, server: MCPServer) -> None:
        """Register them all."""
        for tool, hints in (
            (self.add_task, _ADDS),
            (self.list_tasks, _READS),
            (self.complete_task, _SETS),
            (self.update_task, _SETS),
            (self.delete_task, _DELETES),
            (self.ask_task_agent, _DELETES),
            (self.start_execution, _ADDS),
            (self.get_execution, _READS),
            (self.await_execution, _READS),
            (self.cancel_execution, _SETS),
        ):
            server.add_tool(tool, annotations=hints, structured_output=True)

    async def add_task(
        self,
        context: Call,
        title: str,
        description: str | None = None,
        priority: Priority = "MEDIUM",
        due_at: AwareDatetime | None = None,
        idempotency_key: str | None = None,
    ) -> TaskAnswer:
        """Add a task to the user's list. The same idempotency_key again adds nothing."""
        fields = _given(title=title, description=description, priority=priority, due_at=due_at)
        fields |= _given(idempotency_key=idempotency_key)
        return _read(TaskAnswer, await self._one(context, documents.ADD_TASK, input=fields))

    async def list_tasks(
        self,
        context: Call,
        completed: bool | None = None,
        priority: Priority | None = None,
        search: str | None = None,
        limit: int = 50,
    ) -> TaskList:
        """List the user's tasks, newest first: `limit` of them, 100 at most."""
        chosen = _given(completed=completed, priority=priority, search=search)
        page = await self._one(context, documents.LIST_TASKS, filter=chosen, first=limit)
        return TaskList(tasks=page["nodes"], total_count=page["totalCount"])

    async def complete_task(self, context: Call, task: str, completed: bool = True) -> TaskAnswer:
        """Mark a task as done, or as not done. `task` is its id or its number."""
        return await self._update(context, task, {"completed": completed})

    async def update_task(
        self,
        context: Call,
        task: str,
        title: str | None = None,
        description: str | None = None,
        priority: Priority | None = None,
        due_at: AwareDatetime | None = None,
    ) -> TaskAnswer:
        """Change a task. `task` is its id or its number; what is left out stays as it is."""
        changes = _given(title=title, description=description, priority=priority, due_at=due_at)
        return await self._update(context, task, changes)

    async def delete_task(self, context: Call, task: str) -> Deletion:
        """Delete a task. `task` is its id or its number; deleting what is gone already does nothing."""
        found = await self._id(context, task)
        if found is None:
            return Deletion()
        return _read(Deletion, await self._one(context, documents.DELETE_TASK, input={"id": found}))

    async def ask_task_agent(
        self,
        context: Call,
        message: str,
        confirm_token: str | None = None,
        dry_run: bool = False,
        time_zone: str = "UTC",
    ) -> AgentAnswer:
        """Say in a sentence what is to be done about the user's tasks, and it is done.

        Before several tasks are changed or deleted it asks back with a confirm_token.
        """
        asked = _given(message=message, confirm_token=confirm_token, dry_run=dry_run, time_zone=time_zone)
        return _read(AgentAnswer, await self._one(context, documents.ASK, input=asked))

    async def start_execution(
        self, context: Call, input: str, priority: Priority = "MEDIUM", idempotency_key: str | None = None
    ) -> ExecutionAnswer:
        """Start a durable run of the user's assistant; await_execution waits for its end."""
        fields = _given(input=input, priority=priority, idempotency_key=idempotency_key)
        return _run(await self._one(context, documents.START, input=fields))

    async def get_execution(self, context: Call, id: str) -> ExecutionAnswer:
        """A run as it stands now, with its steps."""
        found = await self._one(context, documents.GET, id=id)
        return _run(None if found is None else {"execution": found})

    async def await_execution(self, context: Call, id: str, timeout_ms: int = 20_000) -> ExecutionAnswer:
        """Wait until a run has ended or needs a person: 30,000 ms at most, then ask again."""
        return _run(await self._one(context, documents.AWAIT, id=id, timeoutMs=timeout_ms))

    async def cancel_execution(
        self, context: Call, id: str, reason: str | None = None, wait_ms: int = 0
    ) -> ExecutionAnswer:
        """Ask a run to stop, and wait for that up to wait_ms, 30,000 at most."""
        return _run(
            await self._one(context, documents.CANCEL, input=_given(id=id, reason=reason, wait_ms=wait_ms))
        )

    async def _update(self, context: Call, task: str, changes: dict[str, Any]) -> TaskAnswer:
        found = await self._id(context, task)
        if found is None:
            return TaskAnswer(problem=NOT_FOUND)
        return _read(
            TaskAnswer, await self._one(context, documents.UPDATE_TASK, input={"id": found, **changes})
        )

    async def _id(self, context: Call, task: str) -> str | None:
        """The id of a task that is named by its number; an id stays what it is."""
        if not task.isascii() or not task.isdigit():
            return task
        found = await self._one(context, documents.FIND_TASK, number=int(task[:12]))
        return None if found is None else found["id"]

    async def _one(self, context: Call, document: str, **variables: Any) -> Any:
        """The value of the document's one root field. What ends an operation ends the call, in its words."""
        request = context.request_context.request
        assert request is not None  # there is no other transport
        scope = request.scope
        caller = Caller(scope[PRINCIPAL], request_id(request.headers), address_of(scope))
        result = await self._ask(document, variables, caller)
        if errors := result.get("errors"):
            raise ToolError("; ".join(f"{one['message']} ({_code(one)})" for one in errors))
        (value,) = result["data"].values()
        return value


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that were given, by GraphQL's names, as JSON."""
    return {to_camel(name): _plain(value) for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _read(answer: type[M], value: dict[str, Any]) -> M:
    """A mutation's answer: the success, or the problem in its place."""
    return answer.model_validate({"problem": _told(value)} if "code" in value else value)


def _run(value: dict[str, Any] | None) -> ExecutionAnswer:
    if value is None:
        return ExecutionAnswer(problem=NOT_FOUND)
    if execution := value.get("execution"):
        execution["steps"] = execution["steps"]["nodes"]
    return _read(ExecutionAnswer, value)


def _told(problem: dict[str, Any]) -> dict[str, Any]:
    issues: list[dict[str, Any]] = problem.get("issues") or []
    return problem | {"message": " ".join(issue["message"] for issue in issues) or problem["message"]}


def _code(error: dict[str, Any]) -> str:
    return error.get("extensions", {}).get("code", "ERROR")
