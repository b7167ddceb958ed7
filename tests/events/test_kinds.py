"""A fact goes into the log as JSON and comes out equal, also between versions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.kinds import (
    BadPayload,
    Event,
    ExecutionStatusChanged,
    InterruptClosed,
    InterruptFacts,
    InterruptOpened,
    MessageCompleted,
    MessageDelta,
    MessageFacts,
    MessageSteered,
    ProgressReported,
    StepFacts,
    StepFinished,
    StepStarted,
    TaskChanged,
    TaskFacts,
    UnknownKind,
    peruse,
    read,
)

_times = st.datetimes(timezones=st.just(UTC))
_int64 = st.integers(-(2**63), 2**63 - 1)
_json = st.recursive(
    st.none() | st.booleans() | _int64 | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_texts = st.none() | st.text()
_objects = st.none() | st.dictionaries(st.text(), _json, max_size=3)
_steps = st.builds(
    StepFacts,
    id=st.uuids(),
    execution_id=st.uuids(),
    number=_int64,
    kind=st.text(),
    status=st.text(),
    tool_name=_texts,
    input=_objects,
    result=_json,
    text=_texts,
    error=_texts,
    attempt=_int64,
    started_at=_times,
    finished_at=st.none() | _times,
)
_tasks = st.builds(
    TaskFacts,
    id=st.uuids(),
    number=_int64,
    title=st.text(),
    description=_texts,
    priority=st.integers(1, 3),
    due_at=st.none() | _times,
    completed_at=st.none() | _times,
    version=_int64,
    created_at=_times,
    updated_at=_times,
)
_interrupts = st.builds(
    InterruptFacts,
    id=st.uuids(),
    execution_id=st.uuids(),
    step_id=st.none() | st.uuids(),
    reason=st.text(),
    prompt=st.text(),
    tool_name=_texts,
    arguments=_json,
    response_schema=_json,
    status=st.text(),
    decision=_texts,
    answer=_json,
    comment=_texts,
    answered_at=st.none() | _times,
    expires_at=_times,
    created_at=_times,
)
_messages = st.builds(
    MessageFacts,
    id=st.uuids(),
    conversation_id=st.uuids(),
    number=_int64,
    role=st.text(),
    content=st.text(),
    execution_id=st.none() | st.uuids(),
    created_at=_times,
)
_events = st.one_of(
    st.builds(InterruptOpened, interrupt=_interrupts),
    st.builds(InterruptClosed, interrupt=_interrupts),
    st.builds(
        ExecutionStatusChanged,
        execution_id=st.uuids(),
        status=st.text(),
        end_reason=_texts,
        attempt=_int64,
    ),
    st.builds(StepStarted, execution_id=st.uuids(), step=_steps),
    st.builds(StepFinished, execution_id=st.uuids(), step=_steps),
    st.builds(
        ProgressReported,
        execution_id=st.uuids(),
        percent=st.none() | st.floats(0, 100),
        message=_texts,
        at=_times,
    ),
    st.builds(
        TaskChanged,
        change=st.sampled_from(["CREATED", "UPDATED", "DELETED"]),
        task_id=st.uuids(),
        task=st.none() | _tasks,
    ),
    st.builds(MessageDelta, execution_id=st.uuids(), message_id=st.uuids(), offset=_int64, text=st.text()),
    st.builds(MessageCompleted, message=_messages),
    st.builds(MessageSteered, execution_id=st.uuids(), message_id=st.uuids()),
)


def _through_json(event: Event) -> dict[str, Any]:
    return orjson.loads(orjson.dumps(event.payload()))


@given(_events)
def test_an_event_reads_back_as_it_was_written(event: Event) -> None:
    assert read(event.kind, _through_json(event)) == event


@given(_events)
def test_an_event_that_is_read_field_by_field_says_the_same(event: Event) -> None:
    assert _shown(peruse(event.kind, _through_json(event)), event) == event.payload()


def _shown(unread: Any, fact: Any) -> dict[str, Any]:
    """Every field of the facts, as read off the payload."""
    return {
        name: _shown(getattr(unread, name), getattr(fact, name))
        if isinstance(value, dict) and hasattr(getattr(fact, name), "payload")
        else getattr(unread, name)
        for name, value in fact.payload().items()
    }


@given(_events)
def test_keys_of_a_newer_version_are_passed_over(event: Event) -> None:
    payload = _through_json(event)
    payload["from_tomorrow"] = 1
    for inner in ("step", "task", "message"):
        if isinstance(payload.get(inner), dict):
            payload[inner]["also_from_tomorrow"] = {"a": [1]}
    assert read(event.kind, payload) == event


def test_keys_that_an_older_version_did_not_write_have_defaults() -> None:
    step = {
        "id": "0190163d-8694-739b-aea5-966c26f8ad90",
        "execution_id": "0190163d-8694-739b-aea5-966c26f8ad91",
        "number": 1,
        "kind": "THINKING",
        "status": "RUNNING",
        "attempt": 1,
        "started_at": "2026-11-21T07:00:00Z",
    }
    event = read("StepStarted", {"execution_id": step["execution_id"], "step": step})
    assert isinstance(event, StepStarted)
    assert event.step.started_at == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert (event.step.tool_name, event.step.input, event.step.result) == (None, None, None)
    assert (event.step.text, event.step.error, event.step.finished_at) == (None, None, None)
    perused: Any = peruse("StepStarted", {"execution_id": step["execution_id"], "step": step})
    assert (perused.step.tries, perused.step.result, perused.step.finished_at) == (1, None, None)


def test_every_kind_has_the_name_of_its_class() -> None:
    """The names stand in databases: they are a format, and this test is where one is changed."""
    for kind in (
        ExecutionStatusChanged,
        StepStarted,
        StepFinished,
        ProgressReported,
        TaskChanged,
        MessageDelta,
        MessageCompleted,
        MessageSteered,
    ):
        assert kind.kind == kind.__name__


@given(st.text())
def test_a_kind_that_is_not_known_is_said_to_be_so(kind: str) -> None:
    with pytest.raises(UnknownKind):
        read(f"{kind}?", {})
    with pytest.raises(UnknownKind):
        peruse(f"{kind}?", {})


@given(st.sampled_from(["ExecutionStatusChanged", "StepStarted", "TaskChanged"]), _objects)
def test_a_payload_of_another_shape_is_a_bad_payload(kind: str, payload: dict[str, object] | None) -> None:
    with pytest.raises(BadPayload):
        read(kind, payload or {})


def test_a_bad_payload_is_described_without_its_values() -> None:
    payload = {"change": "my secret", "task_id": "another secret"}
    with pytest.raises(BadPayload, match=r"TaskChanged: change: .*; task_id: ") as caught:
        read("TaskChanged", payload)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "payload", [{}, {"step": "my secret", "execution_id": 1}, {"step": {"id": "my secret"}}]
)
def test_a_field_that_cannot_be_read_is_a_bad_payload_when_it_is_asked_for(
    payload: dict[str, object],
) -> None:
    unread: Any = peruse("StepStarted", payload)
    with pytest.raises(BadPayload, match=r"StepFacts: id|StepStarted: step") as caught:
        _ = unread.step.id
    assert "secret" not in str(caught.value)
    with pytest.raises(BadPayload, match="StepStarted: execution_id"):
        _ = unread.execution_id
