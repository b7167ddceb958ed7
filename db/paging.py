"""Keyset pages: which rows come after (or before) a row that was seen, whatever was added meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from db.gathering import Gathered
from db.query import Query, Row
from db.session import Reader

R = TypeVar("R", bound=Row)
Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Key:
    """Where a row stands in an order: the value it is ordered by, and its id."""

    value: object
    id: UUID


class Page(NamedTuple):
    """The part of a list that is asked for: `size` rows after `after`, or (backwards) before `before`."""

    size: int
    order: str
    descending: bool = False
    backwards: bool = False
    after: Key | None = None
    before: Key | None = None


class Slice(NamedTuple, Generic[R]):
    """The rows of a page, in order, and whether there are more on either side."""

    rows: list[R]
    has_next: bool
    has_previous: bool


class Listing(Generic[R]):
    """A list that can be paged: its rows, the orders it knows and the filters that narrow it.

    A filter's clause binds a parameter of the filter's own name. Rows without a value come last. Columns
    that a row has from another table stand in `beside`, and `where` says how the two belong together.
    """

    def __init__(
        self,
        row: type[R],
        table: type[Any],
        *,
        where: ColumnElement[bool],
        orders: Mapping[str, Column],
        filters: Mapping[str, ColumnElement[bool]],
        beside: Mapping[str, Column] = MappingProxyType({}),
    ) -> None:
        self._row, self._table, self._where, self._beside = row, table, where, beside
        self._orders, self._filters = orders, filters
        self._pages: dict[object, Query[R]] = {}
        self._counts: dict[object, Query[Row]] = {}

    async def page(self, reader: Reader, page: Page, filters: Mapping[str, object]) -> Slice[R]:
        """One page, in order. `filters` also names what `where` binds."""
        query = self.query(page, frozenset(filters))
        return _slice(page, await reader.all(query, **filters, **_bounds(page)))

    async def pages(
        self, db: Gathered, user_id: UUID, page: Page, filters: Sequence[Mapping[str, object]]
    ) -> list[Slice[R]]:
        """The same page of many lists of one user, in one statement. All have the same filters set."""
        query, bounds = self.query(page, frozenset(filters[0])), _bounds(page)
        asked = [query.arguments({**one, **bounds}) for one in filters]
        return [_slice(page, rows) for rows in await db.ask_all(user_id, query, asked)]

    async def count(self, reader: Reader, filters: Mapping[str, object]) -> int:
        """How many rows there are in all."""
        names = frozenset(filters)
        query = self._counts.get(names)
        if query is None:
            counted = (
                select(func.count().label("count")).select_from(self._table).where(*self._clauses(names))
            )
            query = self._counts[names] = Query(counted)
        return (await reader.one(query, **filters))["count"]

    def query(self, page: Page, names: frozenset[str]) -> Query[R]:
        """The statement of such a page, with these filters. Its `size` is to be one more than the page's."""
        shape = (page.order, page.descending, page.backwards, _shape(page.after), _shape(page.before), names)
        query = self._pages.get(shape)
        if query is None:
            query = self._pages[shape] = Query(self._statement(page, names), self._row)
        return query

    def _statement(self, page: Page, names: frozenset[str]) -> Any:
        order = _Order(self._orders[page.order], self._table.id, page.descending)
        clauses = self._clauses(names)
        if page.after:
            clauses.append(order.beyond("after", page.after))
        if page.before:
            clauses.append(order.reversed().beyond("before", page.before))
        walk = order.reversed() if page.backwards else order
        return (
            select(*(self._column(name) for name in self._row.columns()))
            .where(*clauses)
            .order_by(*walk.terms())
            .limit(bindparam("size", required=True))
        )

    def _column(self, name: str) -> Any:
        found = self._beside.get(name)
        return self._table.__table__.c[name] if found is None else found.label(name)

    def _clauses(self, names: frozenset[str]) -> list[ColumnElement[bool]]:
        return [self._where, *(clause for name, clause in self._filters.items() if name in names)]


@dataclass(frozen=True, slots=True)
class _Order:
    column: Column
    id: Column
    descending: bool
    nulls_first: bool = False

    def reversed(self) -> _Order:
        return _Order(self.column, self.id, not self.descending, not self.nulls_first)

    def terms(self) -> list[ColumnElement[Any]]:
        value = self.column.desc() if self.descending else self.column.asc()
        if self.column.nullable:
            value = value.nulls_first() if self.nulls_first else value.nulls_last()
        return [value, self.id.desc() if self.descending else self.id.asc()]

    def beyond(self, name: str, key: Key) -> ColumnElement[bool]:
        """Rows that come after `key`, which is bound as `<name>_value` and `<name>_id`."""
        id_beyond = self._past(self.id, f"{name}_id")
        if key.value is None:
            same = and_(self.column.is_(None), id_beyond)
            return or_(same, self.column.is_not(None)) if self.nulls_first else same
        value = bindparam(f"{name}_value", type_=self.column.type, required=True)
        past = or_(self._past(self.column, f"{name}_value"), and_(self.column == value, id_beyond))
        if self.column.nullable and not self.nulls_first:
            return or_(past, self.column.is_(None))
        return past

    def _past(self, column: Column, name: str) -> ColumnElement[bool]:
        value = bindparam(name, type_=column.type, required=True)
        return column < value if self.descending else column > value


def _shape(key: Key | None) -> str:
    return "" if key is None else "null" if key.value is None else "value"


def _bounds(page: Page) -> dict[str, object]:
    """What a page's statement binds beside the filters: one row more than the page has tells of a next."""
    bounds: dict[str, object] = {"size": page.size + 1}
    for name, key in (("after", page.after), ("before", page.before)):
        if key is not None:
            bounds |= {f"{name}_value": key.value, f"{name}_id": key.id}
    return bounds


def _slice(page: Page, rows: list[R]) -> Slice[R]:
    more = len(rows) > page.size
    rows = rows[: page.size]
    if page.backwards:
        return Slice(rows[::-1], has_next=page.before is not None, has_previous=more)
    return Slice(rows, has_next=more, has_previous=page.after is not None)
