"""Relay connections over keyset pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import strawberry

from db.paging import Key, Slice
from projection import Each
from resolvers.paging import write_cursor
from schema.columns import column, off_rows

T = TypeVar("T")


class Paged(Protocol):
    """A page, and where a row of it stands."""

    @property
    def page(self) -> Slice[Any]: ...
    @property
    def cursor(self) -> Callable[[Any], str]: ...


@dataclass(slots=True)
class Listed(Generic[T]):
    """A page of rows, how each becomes a node, where it stands, and how to count them all."""

    page: Slice[Any]
    node: Callable[[Any], T]
    cursor: Callable[[Any], str]
    count: Callable[[], Awaitable[int]]

    def edges(self) -> list[Edge[T]]:
        """Each node with its cursor."""
        return [Edge(cursor=self.cursor(row), node=self.node(row)) for row in self.page.rows]

    def nodes(self) -> Sequence[T]:
        """Each row as clients see it."""
        return Each(self.node, self.page.rows)


def _cursor_at(paged: Paged, place: int) -> str | None:
    rows = paged.page.rows
    return paged.cursor(rows[place]) if rows else None


@off_rows
@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = column(
        lambda paged: paged.page.has_next, description="There is more behind `endCursor`."
    )
    has_previous_page: bool = column(
        lambda paged: paged.page.has_previous, description="There is more before `startCursor`."
    )
    start_cursor: str | None = column(
        lambda paged: _cursor_at(paged, 0), description="Of the first edge; null of an empty page."
    )
    end_cursor: str | None = column(
        lambda paged: _cursor_at(paged, -1), description="Of the last edge; null of an empty page."
    )
    row: strawberry.Private[Paged]


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@off_rows
@strawberry.type
class Connection(Generic[T]):
    edges: list[Edge[T]] = column(Listed[Any].edges)
    nodes: list[T] = column(Listed[Any].nodes)
    page_info: PageInfo = column(lambda listed: PageInfo(row=listed))
    row: strawberry.Private[Listed[Any]]

    @strawberry.field(description="Counted only where it is asked for.")
    async def total_count(self) -> int:
        return await self.row.count()


def connection(
    page: Slice[Any],
    node: Callable[[Any], T],
    cursor: Callable[[Any], str],
    count: Callable[[], Awaitable[int]],
) -> Connection[T]:
    """The connection of one page. A function: to name the type's parameter takes as long as all of it."""
    return Connection(row=Listed(page, node, cursor, count))


def ordered_by(order: str) -> Callable[[Any], str]:
    """How a row of a list in this order becomes a cursor: by the column that the order is named after."""
    column = order.lower()
    return lambda row: write_cursor(order, Key(getattr(row, column), row.id))
