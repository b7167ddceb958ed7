"""Documents by name: those that clients registered as they went, or those alone that the operator trusts.

Automatic persisted queries speak Apollo's protocol (`extensions.persistedQuery`), on every road.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from edge.answers import Failure
from edge.requests import GraphQLRequest
from errors import BadRequest

REGISTRATION = 10
"Points that it costs to have a document kept, beside what the operation costs."
LOOK_UP = 1
"Points that it costs to have the store asked for a document."

_DIGEST_BYTES = 32

Pay = Callable[[int], Awaitable[object]]


class Store(Protocol):
    """Where registered documents are kept, for all processes."""

    def recall(self, digest: bytes) -> str | None:
        """The document, if this process knows it already."""
        ...

    async def find(self, digest: bytes) -> str | None:
        """The document, from the store."""
        ...

    async def keep(self, digest: bytes, text: str) -> None:
        """Keep a document. It may be forgotten: clients send it again."""
        ...


class Registry(Protocol):
    """Knows which document a request means."""

    async def text_of(self, request: GraphQLRequest, pay: Pay) -> str:
        """Its text. Raises Failure and BadRequest; `pay` before anything is asked of the database."""
        ...

    async def learn(self, request: GraphQLRequest, pay: Pay) -> None:
        """Called once the document has proved valid."""
        ...


class Automatic:
    """Whoever sends a document with its hash may leave the document out from then on."""

    def __init__(self, store: Callable[[], Store] | None) -> None:
        self._store = store

    async def text_of(self, request: GraphQLRequest, pay: Pay) -> str:
        digest = _digest(request.document_id)
        if request.query is None:
            found = None if digest is None else await self._find(digest, pay)
            if found is None:
                raise _failure("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)
            return found
        if digest is not None and hashlib.sha256(_bytes(request.query)).digest() != digest:
            raise BadRequest("The hash is not that of the document: provided sha does not match query")
        return request.query

    async def learn(self, request: GraphQLRequest, pay: Pay) -> None:
        digest = _digest(request.document_id)
        if self._store is None or digest is None or request.query is None:
            return
        store = self._store()
        if store.recall(digest) is None:
            await pay(REGISTRATION)
            await store.keep(digest, request.query)

    async def _find(self, digest: bytes, pay: Pay) -> str | None:
        if self._store is None:
            return None
        store = self._store()
        known = store.recall(digest)
        if known is None:
            await pay(LOOK_UP)
            known = await store.find(digest)
        return known


class Trusted:
    """Only these documents run, by their name or as they are written."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self._by_id = documents
        self._texts = frozenset(documents.values())

    async def text_of(self, request: GraphQLRequest, pay: Pay) -> str:  # noqa: ARG002
        if request.query is not None:
            if request.query not in self._texts:
                raise _failure("This document is not a trusted one.", "QUERY_NOT_IN_SAFELIST", 403)
            return request.query
        found = self._by_id.get(request.document_id or "")
        if found is None:
            raise _failure("There is no trusted document of this id.", "PERSISTED_QUERY_NOT_IN_LIST", 404)
        return found

    async def learn(self, request: GraphQLRequest, pay: Pay) -> None:
        """Nothing: what is trusted is the operator's to say."""


def _digest(document_id: str | None) -> bytes | None:
    if document_id is None:
        return None
    try:
        digest = bytes.fromhex(document_id)
    except ValueError:
        return None
    return digest if len(digest) == _DIGEST_BYTES else None


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


def _failure(message: str, code: str, status: int) -> Failure:
    return Failure([{"message": message, "extensions": {"code": code}}], status)
