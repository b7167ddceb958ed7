"""Relay connections over keyset pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import strawberry

from db.paging import Key, Slice
from resolvers.paging import write_cursor

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="There is more behind `endCursor`.")
    has_previous_page: bool = strawberry.field(description="There is more before `startCursor`.")
    start_cursor: str | None = strawberry.field(description="Of the first edge; null of an empty page.")
    end_cursor: str | None = strawberry.field(description="Of the last edge; null of an empty page.")


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of rows, how each becomes a node, where it stands, and how to count them all."""

    page: Slice[Any]
    node: Callable[[Any], T]
    cursor: Callable[[Any], str]
    count: Callable[[], Awaitable[int]]


@strawberry.type
class Connection(Generic[T]):
    listed: strawberry.Private[Listed[Any]]

    @strawberry.field
    def edges(self) -> list[Edge[T]]:
        listed = self.listed
        return [Edge(cursor=listed.cursor(row), node=listed.node(row)) for row in listed.page.rows]

    @strawberry.field
    def nodes(self) -> list[T]:
        return [self.listed.node(row) for row in self.listed.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        return page_info(self.listed.page, self.listed.cursor)

    @strawberry.field(description="Counted only where it is asked for.")
    async def total_count(self) -> int:
        return await self.listed.count()

    @classmethod
    def of(
        cls,
        page: Slice[Any],
        node: Callable[[Any], T],
        cursor: Callable[[Any], str],
        count: Callable[[], Awaitable[int]],
    ) -> Self:
        """The connection of one page."""
        return cls(listed=Listed(page, node, cursor, count))


def page_info(page: Slice[Any], cursor: Callable[[Any], str]) -> PageInfo:
    """What a page says of its neighbours."""
    rows = page.rows
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=cursor(rows[0]) if rows else None,
        end_cursor=cursor(rows[-1]) if rows else None,
    )


def ordered_by(order: str) -> Callable[[Any], str]:
    """How a row of a list in this order becomes a cursor: by the column that the order is named after."""
    column = order.lower()
    return lambda row: write_cursor(order, Key(getattr(row, column), row.id))
