"""Registered documents: kept in the database for all processes; those in use are at hand here."""

from __future__ import annotations

from collections import OrderedDict

from db import documents as rows
from db.connection import Database

_LONGEST = 20_000
_MOST_CHARACTERS = 2_000_000


class Documents:
    """Found by the SHA-256 of their text. What is at hand is no truth of its own: the hash is the text's."""

    def __init__(self, db: Database, most: int = rows.MOST) -> None:
        self._db, self._most = db, most
        self._at_hand: OrderedDict[bytes, str] = OrderedDict()
        self._characters = 0

    def recall(self, digest: bytes) -> str | None:
        """The document, if it was used here lately."""
        text = self._at_hand.get(digest)
        if text is not None:
            self._at_hand.move_to_end(digest)
        return text

    async def find(self, digest: bytes) -> str | None:
        """The document, if anybody registered it. Raises Unavailable."""
        async with self._db.as_system() as session:
            row = await rows.find_document(session, digest)
        if row is None:
            return None
        self._remember(digest, row.text)
        return row.text

    async def keep(self, digest: bytes, text: str) -> None:
        """Register a document whose hash this is; one beyond 20,000 characters is not kept."""
        if len(text) > _LONGEST or "\0" in text:
            return
        async with self._db.as_system() as session:
            await rows.keep_document(session, digest, text, self._most)
        self._remember(digest, text)

    def _remember(self, digest: bytes, text: str) -> None:
        if digest not in self._at_hand:
            self._characters += len(text)
        self._at_hand[digest] = text
        while self._characters > _MOST_CHARACTERS:
            _, oldest = self._at_hand.popitem(last=False)
            self._characters -= len(oldest)
