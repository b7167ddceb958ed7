"""Registered documents by the SHA-256 of their text: a bounded number, forgotten when nobody uses them."""

from __future__ import annotations

from db.query import Query, Row
from db.session import Session

MOST = 10_000
KEPT_DAYS = 30


class DocumentRow(Row):
    """A document."""

    text: str


# Locks the row where it was not used today: it is marked as used once a day.
_FIND = Query(
    f"""
    with marked as (
      update documents set used_at = now() where digest = :digest and used_at < now() - interval '1 day'
    )
    select text from documents
    where digest = :digest and used_at > now() - interval '{KEPT_DAYS} days'
    """,
    DocumentRow,
)
_KEEP = Query(
    """
    insert into documents (digest, text) values (:digest, :text)
    on conflict (digest) do update set used_at = now()
    """
)
# Passes over the rows that somebody is just marking.
_PRUNE = Query(
    """
    delete from documents where digest in (
      select digest from documents
      where used_at < now() - interval '30 days'
         or digest in (select digest from documents order by used_at desc offset :most)
      for update skip locked
    )
    """
)


async def find_document(session: Session, digest: bytes) -> DocumentRow | None:
    """The document, unless it was not used for 30 days."""
    return await session.first(_FIND, digest=digest)


async def keep_document(session: Session, digest: bytes, text: str, most: int = MOST) -> None:
    """Keep it, and let go of what was not used for longest where there are more than `most`."""
    await session.run(_KEEP, digest=digest, text=text)
    await session.run(_PRUNE, most=most)
