"""The API for other houses' agents: tools over MCP (stateless streamable HTTP), each a GraphQL document.

A call goes the way of any operation: the same token, scopes, budget, transaction and masking. Nothing is kept
between two calls, so any server answers any of them. Spec: Model Context Protocol 2026-07-28.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import ToolAnnotations
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from auth import Principal
from edge.handshake import may_connect
from edge.headers import bearer, request_id
from errors import RequestError, Unauthenticated

M = TypeVar("M", bound=BaseModel)
Call = Context[Any, Request]
Ask = Callable[[str, dict[str, Any], Principal, str], Awaitable[dict[str, Any]]]
"Carries out one operation: document, variables, who asks, and the id of the request."

Priority = Literal["LOW", "MEDIUM", "HIGH"]
_PRINCIPAL = "baton.principal"

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_ADDS = ToolAnnotations(destructive_hint=False, idempotent_hint=False, open_world_hint=False)
_SETS = ToolAnnotations(destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_DELETES = ToolAnnotations(destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class _Answer(BaseModel):
    """Read from GraphQL's names."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore")


class Problem(_Answer):
    """Why it was not done."""

    code: str = Field(description="Stable and machine-readable, such as NOT_FOUND.")
    message: str


class Task(_Answer):
    """A task."""

    id: str
    number: int = Field(description="What the user calls it by: `task 5`.")
    title: str
    description: str | None = None
    priority: Priority
    due_at: AwareDatetime | None = None
    completed: bool


class TaskAnswer(_Answer):
    """The task as it is now, or why nothing was done."""

    task: Task | None = None
    problem: Problem | None = None


class TaskList(_Answer):
    """Tasks, newest first."""

    tasks: list[Task]
    total_count: int = Field(description="How many there are, listed here or not.")


class Deletion(_Answer):
    """Deleting what is gone already is no problem: `deleted` is false."""

    deleted: bool = False
    problem: Problem | None = None


class AgentAnswer(_Answer):
    """What the task agent did, and says."""

    response: str = ""
    outcome: str = Field(default="", description="DONE, PLANNED, UNKNOWN_INTENT, CONFIRMATION_REQUIRED, …")
    tasks: list[Task] = Field(default_factory=list[Task])
    confirm_token: str | None = Field(
        default=None, description="Ask again with it and the same message, to go ahead."
    )
    problem: Problem | None = None


class Step(_Answer):
    """One step of a run."""

    number: int
    kind: str
    status: str
    tool_name: str | None = None
    text: str | None = None
    error: str | None = None


class Execution(_Answer):
    """A run of an agent."""

    id: str
    status: str
    end_reason: str | None = None
    result: Any = Field(default=None, description="The final answer.")
    error: str | None = None
    steps: list[Step] = Field(default_factory=list[Step])


class ExecutionAnswer(_Answer):
    """The run as it stands, or why there is none."""

    execution: Execution | None = None
    timed_out: bool = Field(default=False, description="It has neither ended nor does it need a person yet.")
    problem: Problem | None = None


_TASK = "id number title description priority dueAt completed"
_RUN = (
    "id status endReason result error steps(first: 100) { nodes { number kind status toolName text error } }"
)
_PROBLEM = "... on UserError { code message } ... on InvalidInput { issues { message } }"

_FIND_TASK = "query ($number: Int!) { task(by: { number: $number }) { id } }"
_ADD_TASK = f"""mutation ($input: CreateTaskInput!) {{
  createTask(input: $input) {{ ... on CreateTaskSuccess {{ task {{ {_TASK} }} }} {_PROBLEM} }}
}}"""
_LIST_TASKS = f"""query ($filter: TaskFilter, $first: Int!) {{
  tasks(filter: $filter, first: $first) {{ nodes {{ {_TASK} }} totalCount }}
}}"""
_UPDATE_TASK = f"""mutation ($input: UpdateTaskInput!) {{
  updateTask(input: $input) {{ ... on UpdateTaskSuccess {{ task {{ {_TASK} }} }} {_PROBLEM} }}
}}"""
_DELETE_TASK = f"""mutation ($input: DeleteTaskInput!) {{
  deleteTask(input: $input) {{ ... on DeleteTaskSuccess {{ deleted }} {_PROBLEM} }}
}}"""
_ASK = f"""mutation ($input: AskTaskAgentInput!) {{
  askTaskAgent(input: $input) {{
    ... on TaskAgentAnswer {{ response outcome confirmToken tasks {{ {_TASK} }} }} {_PROBLEM}
  }}
}}"""
_START = f"""mutation ($input: StartExecutionInput!) {{
  startExecution(input: $input) {{ ... on StartExecutionSuccess {{ execution {{ {_RUN} }} }} {_PROBLEM} }}
}}"""
_GET = f"query ($id: ID!) {{ execution(id: $id) {{ {_RUN} }} }}"
_AWAIT = f"""query ($id: ID!, $timeoutMs: Int!) {{
  awaitExecution(id: $id, timeoutMs: $timeoutMs) {{ execution {{ {_RUN} }} timedOut }}
}}"""
_CANCEL = f"""mutation ($input: CancelExecutionInput!) {{
  cancelExecution(input: $input) {{
    ... on CancelConfirmed {{ execution {{ {_RUN} }} }}
    ... on CancelRequested {{ execution {{ {_RUN} }} }}
    ... on AlreadyTerminal {{ execution {{ {_RUN} }} }}
    {_PROBLEM}
  }}
}}"""


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
        return _read(TaskAnswer, await self._one(context, _ADD_TASK, input=fields))

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
        page = await self._one(context, _LIST_TASKS, filter=chosen, first=limit)
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
        return _read(Deletion, await self._one(context, _DELETE_TASK, input={"id": found}))

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
        return _read(AgentAnswer, await self._one(context, _ASK, input=asked))

    async def start_execution(
        self, context: Call, input: str, priority: Priority = "MEDIUM", idempotency_key: str | None = None
    ) -> ExecutionAnswer:
        """Start a durable run of the user's assistant; await_execution waits for its end."""
        fields = _given(input=input, priority=priority, idempotency_key=idempotency_key)
        return _run(await self._one(context, _START, input=fields))

    async def get_execution(self, context: Call, id: str) -> ExecutionAnswer:
        """A run as it stands now, with its steps."""
        found = await self._one(context, _GET, id=id)
        return _run(None if found is None else {"execution": found})

    async def await_execution(self, context: Call, id: str, timeout_ms: int = 20_000) -> ExecutionAnswer:
        """Wait until a run has ended or needs a person: 30,000 ms at most, then ask again."""
        return _run(await self._one(context, _AWAIT, id=id, timeoutMs=timeout_ms))

    async def cancel_execution(
        self, context: Call, id: str, reason: str | None = None, wait_ms: int = 0
    ) -> ExecutionAnswer:
        """Ask a run to stop, and wait for that up to wait_ms, 30,000 at most."""
        return _run(await self._one(context, _CANCEL, input=_given(id=id, reason=reason, wait_ms=wait_ms)))

    async def _update(self, context: Call, task: str, changes: dict[str, Any]) -> TaskAnswer:
        found = await self._id(context, task)
        if found is None:
            return TaskAnswer(problem=_NOT_FOUND)
        return _read(TaskAnswer, await self._one(context, _UPDATE_TASK, input={"id": found, **changes}))

    async def _id(self, context: Call, task: str) -> str | None:
        """The id of a task that is named by its number; an id stays what it is."""
        if not task.isascii() or not task.isdigit():
            return task
        found = await self._one(context, _FIND_TASK, number=int(task[:12]))
        return None if found is None else found["id"]

    async def _one(self, context: Call, document: str, **variables: Any) -> Any:
        """The value of the document's one root field. What ends an operation ends the call, in its words."""
        request = context.request_context.request
        assert request is not None  # there is no other transport
        name = request_id(request.headers)
        result = await self._ask(document, variables, request.scope[_PRINCIPAL], name)
        if errors := result.get("errors"):
            raise ToolError("; ".join(f"{one['message']} ({_code(one)})" for one in errors))
        (value,) = result["data"].values()
        return value


class McpDoor:
    """The ASGI app behind `/mcp`, for callers with a token; `running` surrounds its life."""

    def __init__(
        self,
        ask: Ask,
        authenticate: Callable[[str | None], Awaitable[Principal | None]],
        allowed_origins: list[str],
    ) -> None:
        server = MCPServer("baton", instructions=_INSTRUCTIONS, log_level="WARNING")
        Tools(ask).add_to(server)
        self._app: ASGIApp = server.streamable_http_app(
            stateless_http=True,
            json_response=True,
            # A page that rebinds a name to us has no token; which origins may call is checked below.
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        self._server = server
        self._authenticate, self._allowed_origins = authenticate, allowed_origins

    def running(self) -> AbstractAsyncContextManager[None]:
        """Calls are answered inside of this block. It can be entered once."""
        return self._server.session_manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if not may_connect(headers, self._allowed_origins):
            await JSONResponse({"error": "forbidden_origin"}, 403)(scope, receive, send)
            return
        try:
            principal = await self._authenticate(bearer(headers.get("authorization")))
            if principal is None:
                raise Unauthenticated
        except RequestError as error:
            await _refusal(error)(scope, receive, send)
            return
        await self._app({**scope, _PRINCIPAL: principal}, receive, send)


_INSTRUCTIONS = "The user's tasks, and durable runs of their agents. Times are RFC 3339 with an offset."
_NOT_FOUND = Problem(code="NOT_FOUND", message="There is no such object, or it isn't yours.")


def _refusal(error: RequestError) -> JSONResponse:
    headers = {"www-authenticate": 'Bearer error="invalid_token"'} if error.status == 401 else None
    return JSONResponse(
        {"error": error.code.lower(), "error_description": error.message}, error.status, headers
    )


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
        return ExecutionAnswer(problem=_NOT_FOUND)
    if execution := value.get("execution"):
        execution["steps"] = execution["steps"]["nodes"]
    return _read(ExecutionAnswer, value)


def _told(problem: dict[str, Any]) -> dict[str, Any]:
    issues: list[dict[str, Any]] = problem.get("issues") or []
    return problem | {"message": " ".join(issue["message"] for issue in issues) or problem["message"]}


def _code(error: dict[str, Any]) -> str:
    return error.get("extensions", {}).get("code", "ERROR")
