"""Streams: frames in the order snapshot, events, an honest end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import Enum
from typing import Annotated, cast
from uuid import UUID

import strawberry

import ids
from db.conversations import ConversationRow
from db.executions import ExecutionRow
from db.users import UserRow
from events.source import CloseReason
from ids import Kind
from resolvers import stream_kinds, streams
from resolvers.snapshots import Past, PastConversation
from resolvers.streams import Frame, ResetCause, StreamKind
from schema.arguments import or_none
from schema.context import Info
from schema.event import Event
from schema.node import Node
from schema.types import Conversation, Execution
from schema.users import User

strawberry.enum(CloseReason, name="StreamCloseReason")
strawberry.enum(ResetCause, name="StreamResetCause")


@strawberry.enum
class StreamFrom(Enum):
    START = "START"
    NOW = "NOW"


@strawberry.interface(description="A position in a stream: opaque, bound to that stream, never a permission.")
class Resumable:
    cursor: str


@strawberry.type(description="Exactly once, first: the state at `cursor`.")
class StreamOpened(Resumable):
    snapshot: Node = strawberry.field(
        description="The Execution, the Conversation or the User, as it was at `cursor`."
    )


@strawberry.type(
    description="Ascending, each event once. `continuesFrom` equals the cursor of the frame before it."
)
class EventBatch(Resumable):
    continues_from: str = strawberry.field(
        description="The cursor of the frame before it. Another one than you have means that frames were "
        "lost."
    )
    events: list[Event] = strawberry.field(description="One or more.")


@strawberry.type(
    description="Continuity could not be kept: start over from this snapshot. The stream goes on after it."
)
class StreamReset(Resumable):
    cause: ResetCause = strawberry.field(description="Why it could not be kept.")
    snapshot: Node = strawberry.field(description="The state at `cursor`: it replaces what you know.")


@strawberry.type(description="Every 15 seconds of silence.")
class Heartbeat(Resumable):
    pass


@strawberry.type(
    description="Exactly once, last. A stream that ends without it was cut: come back with the last cursor."
)
class StreamClosed(Resumable):
    reason: CloseReason


StreamFrame = Annotated[
    StreamOpened | EventBatch | StreamReset | Heartbeat | StreamClosed, strawberry.union("StreamFrame")
]


def frame_of(frame: Frame) -> StreamFrame:
    """A frame as clients see it."""
    match frame:
        case streams.Opened(cursor, snapshot):
            return StreamOpened(cursor=cursor, snapshot=_node(snapshot))
        case streams.Entries(cursor, continues_from, entries):
            events = [Event.read(entry) for entry in entries]
            return EventBatch(cursor=cursor, continues_from=continues_from, events=events)
        case streams.Reset(cursor, cause, snapshot):
            return StreamReset(cursor=cursor, cause=cause, snapshot=_node(snapshot))
        case streams.Quiet(cursor):
            return Heartbeat(cursor=cursor)
        case streams.Closed(cursor, reason):
            return StreamClosed(cursor=cursor, reason=reason)


def _node(snapshot: object) -> Node:
    match snapshot:
        case Past():
            return Execution.as_of(snapshot)
        case ExecutionRow():
            return Execution.of(snapshot)
        case PastConversation():
            return Conversation.as_of(snapshot)
        case ConversationRow():
            return Conversation.of(snapshot)
        case UserRow():
            return User.of(snapshot)
        case _:
            raise TypeError(type(snapshot).__name__)


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
    ) -> AsyncIterator[StreamFrame]:
        viewer, stream = info.context.user_id, ids.decode(Kind.EXECUTION, id)
        return await _open(info, stream_kinds.EXECUTION, stream, viewer, after, from_ or StreamFrom.START)

    @strawberry.subscription(
        description="One conversation: messages as they are written, and the runs that write them."
    )
    async def conversation_stream(
        self,
        info: Info,
        id: strawberry.ID,
        after: str | None = strawberry.UNSET,
        from_: Annotated[StreamFrom | None, strawberry.argument(name="from")] = StreamFrom.NOW,
    ) -> AsyncIterator[StreamFrame]:
        viewer, stream = info.context.user_id, ids.decode(Kind.CONVERSATION, id)
        return await _open(info, stream_kinds.CONVERSATION, stream, viewer, after, from_ or StreamFrom.NOW)

    @strawberry.subscription(
        description="Everything of the viewer's: tasks, runs, interrupts; for lists and dashboards. "
        "The snapshot is the viewer."
    )
    async def activity_stream(
        self,
        info: Info,
        after: str | None = strawberry.UNSET,
        from_: Annotated[StreamFrom | None, strawberry.argument(name="from")] = StreamFrom.NOW,
    ) -> AsyncIterator[StreamFrame]:
        viewer = info.context.user_id
        return await _open(info, stream_kinds.ACTIVITY, viewer, viewer, after, from_ or StreamFrom.NOW)


async def _open(
    info: Info, kind: StreamKind, stream: UUID, viewer: UUID, after: str | None, start: StreamFrom
) -> AsyncIterator[StreamFrame]:
    """The edge asks it for its frames one by one; to graphql-core it is an iterator of them."""
    opened = await streams.open_stream(
        info.context.services,
        kind,
        stream,
        viewer,
        or_none(after),
        from_now=start is StreamFrom.NOW,
        show=frame_of,
    )
    return cast("AsyncIterator[StreamFrame]", opened)
