"""Streams: frames in the order snapshot, events, an honest end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from enum import Enum
from typing import Annotated

import strawberry

import ids
from db.executions import ExecutionRow
from ids import Kind
from resolvers import streams
from resolvers.snapshots import Past
from resolvers.streams import CloseReason, Frame
from schema.arguments import or_none
from schema.context import Info
from schema.event import Event
from schema.node import Node
from schema.types import Execution

strawberry.enum(CloseReason, name="StreamCloseReason")


@strawberry.enum
class StreamFrom(Enum):
    START = "START"
    NOW = "NOW"


@strawberry.interface(description="A position in a stream: opaque, bound to that stream, never a permission.")
class Resumable:
    cursor: str


@strawberry.type(description="Exactly once, first: the state at `cursor`.")
class StreamOpened(Resumable):
    snapshot: Node


@strawberry.type(
    description="Ascending, each event once. `continuesFrom` equals the cursor of the frame before it."
)
class EventBatch(Resumable):
    continues_from: str
    events: list[Event]


@strawberry.type(description="Every 15 seconds of silence.")
class Heartbeat(Resumable):
    pass


@strawberry.type(
    description="Exactly once, last. A stream that ends without it was cut: come back with the last cursor."
)
class StreamClosed(Resumable):
    reason: CloseReason


StreamFrame = Annotated[StreamOpened | EventBatch | Heartbeat | StreamClosed, strawberry.union("StreamFrame")]


def frame_of(frame: Frame) -> StreamOpened | EventBatch | Heartbeat | StreamClosed:
    """A frame as clients see it."""
    match frame:
        case streams.Opened(cursor, snapshot):
            return StreamOpened(cursor=cursor, snapshot=_snapshot(snapshot))
        case streams.Entries(cursor, continues_from, entries):
            events = [Event.read(entry) for entry in entries]
            return EventBatch(cursor=cursor, continues_from=continues_from, events=events)
        case streams.Quiet(cursor):
            return Heartbeat(cursor=cursor)
        case streams.Closed(cursor, reason):
            return StreamClosed(cursor=cursor, reason=reason)


def _snapshot(of: ExecutionRow | Past) -> Execution:
    return Execution.as_of(of) if isinstance(of, Past) else Execution.of(of)


@strawberry.type
class Subscription:
    @strawberry.subscription(
        description="One run: snapshot, then every event after `after`, then live, until it ends."
    )
    async def execution_stream(
        self,
        info: Info,
        id: strawberry.ID,
        after: str | None = strawberry.UNSET,
        from_: Annotated[StreamFrom | None, strawberry.argument(name="from")] = StreamFrom.START,
    ) -> AsyncGenerator[StreamFrame, None]:
        services, user_id = info.context.services, info.context.user_id
        execution_id = ids.decode(Kind.EXECUTION, id)
        frames = streams.execution_frames(
            services, user_id, execution_id, or_none(after), from_now=from_ is StreamFrom.NOW
        )
        async with aclosing(frames):
            async for frame in frames:
                yield frame_of(frame)
