"""What a log can tell: a closed union of facts, and their form as JSON.

Read like a letter from another version: unknown keys are passed over, and a key that is missing has
its default, so a new field needs one, and a field goes out of use before it goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias, cast, get_args, get_type_hints
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

Change = Literal["CREATED", "UPDATED", "DELETED"]


class UnknownKind(Exception):
    """The log holds a kind of event that this version does not know."""


class BadPayload(Exception):
    """The log holds an event whose payload cannot be read."""


@cache
def _names(facts: type[_Facts]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(facts))


@dataclass(frozen=True, slots=True)
class _Facts:
    def payload(self) -> dict[str, object]:
        """A dict that orjson can write; ids and times are still UUID and datetime."""
        return {name: _plain(getattr(self, name)) for name in _names(type(self))}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts(_Facts):
    """A step as it stood when the event was written."""

    id: UUID
    execution_id: UUID
    number: int
    kind: str
    status: str
    tool_name: str | None = None
    input: dict[str, object] | None = None
    result: object = None
    text: str | None = None
    error: str | None = None
    attempt: int
    tries: int = 1
    started_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts(_Facts):
    """A task as it stood when the event was written. Priority is 1 to 3."""

    id: UUID
    number: int
    title: str
    description: str | None = None
    priority: int
    due_at: datetime | None = None
    completed_at: datetime | None = None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptFacts(_Facts):
    """An interrupt as it stood when the event was written."""

    id: UUID
    execution_id: UUID
    step_id: UUID | None = None
    reason: str
    prompt: str
    tool_name: str | None = None
    arguments: object = None
    response_schema: object = None
    status: str
    decision: str | None = None
    answer: object = None
    comment: str | None = None
    answered_at: datetime | None = None
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts(_Facts):
    """A whole message. Number counts from 1 in its conversation."""

    id: UUID
    conversation_id: UUID
    number: int
    role: str
    content: str
    execution_id: UUID | None = None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStatusChanged(_Facts):
    """A run went into another state."""

    kind: ClassVar[str] = "ExecutionStatusChanged"

    execution_id: UUID
    status: str
    end_reason: str | None = None
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(_Facts):
    """A step's row is there; its work begins now."""

    kind: ClassVar[str] = "StepStarted"

    execution_id: UUID
    step: StepFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished(_Facts):
    """A step has its outcome."""

    kind: ClassVar[str] = "StepFinished"

    execution_id: UUID
    step: StepFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReported(_Facts):
    """How far a run says it is. Percent is 0 to 100, or None where nobody knows."""

    kind: ClassVar[str] = "ProgressReported"

    execution_id: UUID
    percent: float | None = None
    message: str | None = None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptOpened(_Facts):
    """A run asks a person."""

    kind: ClassVar[str] = "InterruptOpened"

    interrupt: InterruptFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptClosed(_Facts):
    """It was answered, has expired, or its run has ended."""

    kind: ClassVar[str] = "InterruptClosed"

    interrupt: InterruptFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChanged(_Facts):
    """A task was made, changed or deleted; a deleted one has no facts."""

    kind: ClassVar[str] = "TaskChanged"

    change: Change
    task_id: UUID
    task: TaskFacts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelta(_Facts):
    """A piece of a message that is being written, `offset` characters from its start.

    At offset 0 the message begins, also where an attempt before had written some of it.
    """

    kind: ClassVar[str] = "MessageDelta"

    execution_id: UUID
    message_id: UUID
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCompleted(_Facts):
    """A message is whole: from a person, or written by a run."""

    kind: ClassVar[str] = "MessageCompleted"

    message: MessageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSteered(_Facts):
    """A run took up a message that came while it was active."""

    kind: ClassVar[str] = "MessageSteered"

    execution_id: UUID
    message_id: UUID


Event: TypeAlias = (
    ExecutionStatusChanged
    | StepStarted
    | StepFinished
    | ProgressReported
    | InterruptOpened
    | InterruptClosed
    | TaskChanged
    | MessageDelta
    | MessageCompleted
    | MessageSteered
)


class _Unread:
    """A fact in the payload of a row: a field is read when it is asked for, and what nobody asks for never.

    Subclasses have the fields of one class of facts.
    """

    __slots__ = ("_payload",)

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._payload = payload


@cache
def _unread(facts: type[_Facts]) -> type[_Unread]:
    hints = get_type_hints(facts)
    members = {field.name: property(_getter(facts, field, hints[field.name])) for field in fields(facts)}
    return type(facts.__name__, (_Unread,), {"__slots__": (), **members})


def _getter(facts: type[_Facts], field: Field[Any], hint: object) -> Callable[[Any], Any]:
    name, default, read = field.name, field.default, _reader_of(hint)

    def get(unread: Any) -> Any:
        try:
            value = unread._payload[name]
            return value if read is None or value is None else read(value)
        except KeyError:
            if default is MISSING:
                raise BadPayload(f"{facts.__name__}: {name}: missing") from None
            return default
        except (TypeError, ValueError, AttributeError):  # without the value: it belongs to a user
            raise BadPayload(f"{facts.__name__}: {name}: cannot be read") from None

    return get


def _reader_of(hint: object) -> Callable[[Any], Any] | None:
    """What makes of the JSON value what the facts have; None where it stays as it is."""
    for kind in (hint, *get_args(hint)):
        if kind is UUID:
            return UUID
        if kind is datetime:
            return datetime.fromisoformat
        if isinstance(kind, type) and issubclass(kind, _Facts):
            return _unread(kind)
    return None


_READERS: dict[str, TypeAdapter[Event]] = {
    ExecutionStatusChanged.kind: TypeAdapter(ExecutionStatusChanged),
    StepStarted.kind: TypeAdapter(StepStarted),
    StepFinished.kind: TypeAdapter(StepFinished),
    ProgressReported.kind: TypeAdapter(ProgressReported),
    InterruptOpened.kind: TypeAdapter(InterruptOpened),
    InterruptClosed.kind: TypeAdapter(InterruptClosed),
    TaskChanged.kind: TypeAdapter(TaskChanged),
    MessageDelta.kind: TypeAdapter(MessageDelta),
    MessageCompleted.kind: TypeAdapter(MessageCompleted),
    MessageSteered.kind: TypeAdapter(MessageSteered),
}


def read(kind: str, payload: Mapping[str, object]) -> Event:
    """The event of a row. Raises UnknownKind and BadPayload."""
    reader = _READERS.get(kind)
    if reader is None:
        raise UnknownKind(kind)
    try:
        return reader.validate_python(payload)
    except ValidationError as error:
        raise BadPayload(f"{kind}: {_problems(error)}") from None


_UNREAD = {facts.kind: _unread(facts) for facts in get_args(Event)}


def peruse(kind: str, payload: Mapping[str, object]) -> Event:
    """Like `read`, for who shows a few fields of many events: nothing is checked before it is asked for.

    Raises UnknownKind; BadPayload comes from the field that cannot be read.
    """
    unread = _UNREAD.get(kind)
    if unread is None:
        raise UnknownKind(kind)
    return cast("Event", unread(payload))


def _plain(value: object) -> object:
    return value.payload() if isinstance(value, _Facts) else value


def _problems(error: ValidationError) -> str:
    """Where and what, without the values: they belong to a user."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
