"""A frame that is rendered once for all is, to the byte, what graphql-core makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    parse,
    specified_rules,
    validate,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.answers import Failure
from edge.core import Execution, inside
from edge.documents import Documents
from edge.live import Views
from events import kinds
from events.source import CloseReason, Told
from resolvers.streams import Closed, Entries, Frame, Quiet, Reset, ResetCause
from schema.root import schema
from schema.streams import frame_of
from settings import Settings

SCHEMA = inside(schema)
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
RUN, STEP, TASK = (UUID(int=n) for n in (1, 2, 3))
ROOT = SCHEMA.subscription_type
assert ROOT is not None

texts = st.none() | st.text(max_size=12) | st.sampled_from(["", 'é\u2028"\\', "😀"])
instants = st.datetimes(
    min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
steps = st.builds(
    kinds.StepFacts,
    id=st.uuids(),
    execution_id=st.just(RUN),
    number=st.integers(1, 2**31 - 1),
    kind=st.sampled_from(["THINKING", "TOOL_CALL", "FINAL_ANSWER"]),
    status=st.sampled_from(["RUNNING", "COMPLETED", "FAILED", "UNKNOWN"]),
    tool_name=texts,
    input=st.none() | st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    result=json_values,
    text=texts,
    error=texts,
    attempt=st.integers(1, 9),
    started_at=instants,
    finished_at=st.none() | instants,
)
tasks = st.builds(
    kinds.TaskFacts,
    id=st.uuids(),
    number=st.integers(1, 999),
    title=st.text(max_size=9),
    description=texts,
    priority=st.sampled_from([1, 2, 3]),
    due_at=st.none() | instants,
    completed_at=st.none() | instants,
    version=st.integers(1, 99),
    created_at=instants,
    updated_at=instants,
)
facts = st.one_of(
    st.builds(
        kinds.ExecutionStatusChanged,
        execution_id=st.just(RUN),
        status=st.sampled_from(["QUEUED", "RUNNING", "COMPLETED"]),
        end_reason=st.sampled_from([None, "FINAL_ANSWER"]),
        attempt=st.integers(0, 9),
    ),
    st.builds(kinds.StepStarted, execution_id=st.just(RUN), step=steps),
    st.builds(kinds.StepFinished, execution_id=st.just(RUN), step=steps),
    st.builds(
        kinds.ProgressReported,
        execution_id=st.just(RUN),
        percent=st.none() | st.floats(0, 100),
        message=texts,
        at=instants,
    ),
    st.builds(
        kinds.TaskChanged,
        change=st.sampled_from(["CREATED", "UPDATED", "DELETED"]),
        task_id=st.just(TASK),
        task=st.none() | tasks,
    ),
    st.builds(
        kinds.MessageDelta,
        execution_id=st.just(RUN),
        message_id=st.just(STEP),
        offset=st.integers(0, 99),
        text=st.text(max_size=9),
    ),
)


def _row(seq: int, fact: Any) -> Any:
    """As the table gives it back: JSON and all."""
    payload = orjson.loads(orjson.dumps(fact.payload()))
    return SimpleNamespace(seq=seq, at=NOON, kind=fact.kind, payload=payload)


batches = st.lists(facts, min_size=1, max_size=5).map(
    lambda some: Entries("b", "a", [_row(seq, fact) for seq, fact in enumerate(some, 1)])
)
frames: st.SearchStrategy[Frame] = st.one_of(
    batches,
    batches,
    st.builds(Quiet, st.just("q")),
    st.builds(Closed, st.just("c"), st.sampled_from(CloseReason)),
)


DIRECTIVES = ["", "", "", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: true)", "@include(if: $no)"]


class Writer:
    """Writes selections at random: aliases, fragments of both sorts, directives, the same key twice."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self.fragments: list[str] = []

    def selection(self, type_: Any, depth: int) -> str:
        parts = [self._part(type_, depth) for _ in range(self._draw(st.integers(1, 4)))]
        return "{ " + " ".join(parts) + " }"

    def _part(self, type_: Any, depth: int) -> str:
        shapes = ["field"] * 5 + (["inline", "named", "members"] if depth else [])
        match self._draw(st.sampled_from(shapes)):
            case "inline":
                on = self._draw(st.sampled_from(["", f"on {type_.name} "]))
                return f"... {on}{self._directive()} {self.selection(type_, depth - 1)}"
            case "named":
                body = self.selection(type_, depth - 1)
                name = f"F{len(self.fragments)}"
                self.fragments.append(f"fragment {name} on {type_.name} {body}")
                return f"...{name} {self._directive()}" * self._draw(st.integers(1, 2))
            case "members" if is_abstract_type(type_):
                member = self._draw(st.sampled_from(SCHEMA.get_possible_types(type_)))
                return f"... on {member.name} {self._directive()} {self.selection(member, depth - 1)}"
            case _:
                return self._field(type_, depth)

    def _field(self, type_: Any, depth: int) -> str:
        fields = [] if not hasattr(type_, "fields") else list(type_.fields.items())
        leaves = [
            name for name, field in fields if is_leaf_type(get_named_type(field.type)) and not field.args
        ]
        below = [name for name, field in fields if not is_leaf_type(get_named_type(field.type))]
        nested = [name for name in below if depth and name in {"events", "step", "task", "progress"}]
        name = self._draw(st.sampled_from(["__typename", *leaves, *nested * 3]))
        alias = f"a{self._draw(st.integers(0, 3))}_{name.strip('_')}: " if self._draw(st.booleans()) else ""
        sub = ""
        if name in nested:
            sub = self.selection(get_named_type(type_.fields[name].type), depth - 1)
        return f"{alias}{name} {self._directive()} {sub}"

    def _directive(self) -> str:
        return self._draw(
            st.sampled_from(
                ["", "", "", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: true)", "@include(if: $no)"]
            )
        )


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Subscriptions to a stream that are valid; most of what is random is not."""
    writer = Writer(draw)
    type_ = SCHEMA.get_type("StreamFrame")
    body = " ".join(writer._part(type_, 4) for _ in range(draw(st.integers(1, 4))))
    alias = draw(st.sampled_from(["", "s: "]))
    field = f'{alias}executionStream(id: "x") {{ __typename {body} }}'
    return f"subscription ($yes: Boolean!, $no: Boolean = false) {{ {field} }} {' '.join(writer.fragments)}"


LIMITS = Settings(max_tokens=5_000, max_aliases=200, max_depth=30)
KEPT = Documents(SCHEMA, LIMITS, {})
VIEWS = Views(SCHEMA)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents(), yes=st.booleans(), no=st.booleans(), frame=frames)
def compare(
    seen: list[str], runner: asyncio.Runner, document: str, yes: bool, no: bool, frame: Frame
) -> None:
    """Notes in `seen` each document that was rendered without graphql-core."""
    if validate(SCHEMA, parse(document), specified_rules):
        return
    variables: dict[str, object] = {"yes": yes, "no": no}
    try:
        operation = KEPT.operation(document, None)
    except Failure:
        return  # beyond a limit of ours: repetitions, say
    execution = Execution.build(SCHEMA, operation.document, None, variables, None)
    assert isinstance(execution, Execution)
    value = frame_of(frame)
    view = VIEWS.of(operation, execution)
    told = Told(value, "at", is_shared=True)
    answer = None if view is None else view.render(told)
    if view is None or answer is None:
        return  # left to graphql-core
    seen.append(document)
    result = runner.run(execution.on(value).result())
    assert result.errors is None
    assert answer.body == orjson.dumps({"data": result.data, "extensions": {"cursor": "at"}})
    assert view.render(told) is answer, "once for all"


def test_any_document_gives_what_a_plain_execution_gives() -> None:
    """And most are plain, else the comparison would say nothing."""
    seen: list[str] = []
    with asyncio.Runner() as runner:
        compare(seen, runner)
    assert len(seen) > 50


def _view(document: str, **variables: object) -> Any:
    operation = KEPT.operation(document, None)
    execution = Execution.build(SCHEMA, operation.document, None, variables, None)
    assert isinstance(execution, Execution)
    return VIEWS.of(operation, execution)


SHAPED = """
subscription ($id: ID!, $more: Boolean!) {
  executionStream(id: $id) { ... on EventBatch { cursor @include(if: $more) events { seq } } }
}"""


def test_subscribers_share_a_view_unless_their_variables_shape_the_output() -> None:
    assert _view(SHAPED, id="a", more=True) is _view(SHAPED, id="b", more=True)
    assert _view(SHAPED, id="a", more=True) is not _view(SHAPED, id="a", more=False)


LIVE = """
subscription {
  activityStream {
    ... on EventBatch { events { seq ... on TaskChanged { task { executions { totalCount } } } } }
  }
}"""


def test_what_is_read_today_is_shared_with_nobody() -> None:
    """A field with a resolver may depend on who asks and when: graphql-core executes it for each."""
    task = kinds.TaskFacts(
        id=TASK, number=1, title="t", priority=2, version=1, created_at=NOON, updated_at=NOON
    )
    change = kinds.TaskChanged(change="CREATED", task_id=TASK, task=task)
    told = Told(frame_of(Entries("b", "a", [_row(1, change)])), "b", is_shared=True)

    assert _view(LIVE).render(told) is None
    gone = kinds.TaskChanged(change="DELETED", task_id=TASK)
    bare = Told(frame_of(Entries("b", "a", [_row(1, gone)])), "b", is_shared=True)
    assert _view(LIVE).render(bare) is not None


@pytest.mark.parametrize("cause", ResetCause)
def test_a_snapshot_is_rendered_by_the_same_rules(cause: ResetCause) -> None:
    """What cannot be shown at all is left to graphql-core, which says why."""
    told = Told(SimpleNamespace(cursor="c", cause=cause), "c", is_shared=False)
    assert _view('subscription { executionStream(id: "x") { __typename } }').render(told) is None
    assert isinstance(SCHEMA.get_type("StreamReset"), GraphQLObjectType)
    assert Reset("c", cause, None).cause is cause
