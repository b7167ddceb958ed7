"""Summaries of conversations as rows: of the beginning of one, up to a message.

One holds while nothing is said within what it covers: `db.messages.insert_message` deletes it then.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from db.query import Query, Row
from db.session import Reader, Session


class SummaryRow(Row):
    """A summary, and the place of the last turn that it covers: the number of the turn's first message."""

    through: int
    content: str


_LAST = Query(
    """
    select through, content from summaries
    where user_id = :user_id and conversation_id = :conversation_id
      and through < (select min(number) from messages where execution_id = :execution_id)
    order by through desc limit 1
    """,
    SummaryRow,
)
_INSERT = Query(
    """
    insert into summaries (user_id, conversation_id, through, content)
    values (:user_id, :conversation_id, :through, :content)
    on conflict (conversation_id, through) do update set content = excluded.content, created_at = now()
    """
)


async def last_summary(
    reader: Reader, user_id: UUID, conversation_id: UUID, execution_id: UUID
) -> SummaryRow | None:
    """The one that covers most of what was said before a run's own message."""
    return await reader.first(
        _LAST, user_id=user_id, conversation_id=conversation_id, execution_id=execution_id
    )


async def insert_summary(session: Session, fields: Mapping[str, object]) -> None:
    """Keep a summary. `fields`: user_id, conversation_id, through, content."""
    await session.run(_INSERT, **fields)
