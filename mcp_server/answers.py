"""What the tools answer. A model reads the names, the types and the descriptions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Priority = Literal["LOW", "MEDIUM", "HIGH"]


class Answer(BaseModel):
    """Read from GraphQL's names."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="ignore")


class Problem(Answer):
    """Why it was not done."""

    code: str = Field(description="Stable and machine-readable, such as NOT_FOUND.")
    message: str


class Task(Answer):
    """A task."""

    id: str
    number: int = Field(description="What the user calls it by: `task 5`.")
    title: str
    description: str | None = None
    priority: Priority
    due_at: AwareDatetime | None = None
    completed: bool


class TaskAnswer(Answer):
    """The task as it is now, or why nothing was done."""

    task: Task | None = None
    problem: Problem | None = None


class TaskList(Answer):
    """Tasks, newest first."""

    tasks: list[Task]
    total_count: int = Field(description="How many there are, listed here or not.")


class Deletion(Answer):
    """Deleting what is gone already is no problem: `deleted` is false."""

    deleted: bool = False
    problem: Problem | None = None


class AgentAnswer(Answer):
    """What the task agent did, and says."""

    response: str = ""
    outcome: str = Field(default="", description="DONE, PLANNED, UNKNOWN_INTENT, CONFIRMATION_REQUIRED, …")
    tasks: list[Task] = Field(default_factory=list[Task])
    confirm_token: str | None = Field(
        default=None, description="Ask again with it and the same message, to go ahead."
    )
    problem: Problem | None = None


class Step(Answer):
    """One step of a run."""

    number: int
    kind: str
    status: str
    tool_name: str | None = None
    text: str | None = None
    error: str | None = None


class Execution(Answer):
    """A run of an agent."""

    id: str
    status: str
    end_reason: str | None = None
    result: Any = Field(default=None, description="The final answer.")
    error: str | None = None
    steps: list[Step] = Field(default_factory=list[Step])


class ExecutionAnswer(Answer):
    """The run as it stands, or why there is none."""

    execution: Execution | None = None
    timed_out: bool = Field(default=False, description="It has neither ended nor does it need a person yet.")
    problem: Problem | None = None


NOT_FOUND = Problem(code="NOT_FOUND", message="There is no such object, or it isn't yours.")
