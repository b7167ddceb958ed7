"""Statements: written with SQLAlchemy, compiled once, carried by the driver as typed rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from inspect import get_annotations
from operator import itemgetter
from typing import Generic, TypeVar

import asyncpg
from sqlalchemy import ClauseElement, TextClause, text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = dialect.PGDialect_asyncpg(paramstyle="numeric_dollar")


class Row(asyncpg.Record):
    """A row as the driver made it, read by attribute: a subclass only names its columns and their types."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in cls.columns():
            setattr(cls, name, property(itemgetter(name)))

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The columns that a statement for this row must return."""
        return tuple(name for base in reversed(cls.__mro__) for name in get_annotations(base))


R = TypeVar("R", bound=Row)

API_ROLE = "baton_api"
"The role of every transaction for a user: row-level security binds it."

# The last clause reads `me`, so that Postgres can only begin with the statement once `me` is there: row-level
# security asks for the user no sooner. Were it otherwise, there would be no user, and no rows. For another
# role there would be no wall: no setting has that name, and Postgres says so.
_ME = """
  select set_config(
    case current_user when '{role}' then 'baton.user_id' else 'not {role}' end, ${user}, true
  ) as id
  offset 0
"""
_AS_USER = f"""
select found.* from ({_ME}) as me
cross join lateral (select * from (
{{sql}}
) as every_row offset (me.id is null)::int) as found
"""
# For each set of values that is asked about, in their order. No statement may have a `question` of its own.
_AS_USER_TOGETHER = f"""
select found.*, question.place from ({_ME}) as me
cross join lateral (
  select * from unnest({{lists}}) with ordinality as given ({{names}}, place) offset (me.id is null)::int
) as question
cross join lateral (select * from (
{{sql}}
) as every_row offset (me.id is null)::int) as found
"""
_AS_SYSTEM_TOGETHER = """
/* system */ select found.*, question.place
from unnest({lists}) with ordinality as question ({names}, place)
cross join lateral (
{sql}
) as found
"""
_PARAMETER = re.compile(r"\$(\d+)\b")


class Query(Generic[R]):
    """One statement and the class of its rows. Parameters are named; they are bound when it runs."""

    def __init__(self, statement: ClauseElement | str, row: type[R] = Row) -> None:
        clause: ClauseElement | TextClause = text(statement) if isinstance(statement, str) else statement
        compiled = clause.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"not a statement: {statement!r}")
        self.sql = str(compiled)
        self.row = row
        self._names = tuple(compiled.positiontup or ())
        self._together: dict[tuple[str, tuple[int, ...]], str] = {}
        self.types: Sequence[str] | None = None
        "Of its arguments, once Postgres was asked (`db.gathering`)."
        self._constants = {n: compiled.params[n] for n in self._names if not compiled.binds[n].required}

    @cached_property
    def as_user(self) -> str:
        """The same, as a whole transaction of a user whose id follows the arguments, as text.

        For statements that only read, on a connection that has the API's role.
        """
        return _AS_USER.format(sql=self.sql, role=API_ROLE, user=len(self._names) + 1)

    @cached_property
    def as_system(self) -> str:
        """The same, as another text: Postgres throws a plan away that was made for another role."""
        return f"/* system */ {self.sql}"

    def together(self, differing: tuple[int, ...], types: Sequence[str]) -> str:
        """`as_user` for many sets of values at once, which differ in these of its arguments.

        An argument that differs is passed as an array of its type, the others as they are. Rows have a column
        `place` more, which counts the sets from 1. The user's id follows, as for `as_user`.
        """
        return self._for_many(_AS_USER_TOGETHER, differing, types)

    def together_as_system(self, differing: tuple[int, ...], types: Sequence[str]) -> str:
        """The same for `as_system`: nothing follows."""
        return self._for_many(_AS_SYSTEM_TOGETHER, differing, types)

    def _for_many(self, form: str, differing: tuple[int, ...], types: Sequence[str]) -> str:
        key = form, differing
        if key not in self._together:
            lists = ", ".join(f"${n + 1}::{types[n]}[]" for n in differing)
            names = ", ".join(f"p{n + 1}" for n in differing)
            numbers = {str(n + 1) for n in differing}
            sql = _PARAMETER.sub(lambda m: f"question.p{m[1]}" if m[1] in numbers else m[0], self.sql)
            values = {"role": API_ROLE, "user": len(self._names) + 1, "lists": lists, "names": names}
            self._together[key] = form.format(sql=sql, **values)
        return self._together[key]

    def arguments(self, parameters: dict[str, object]) -> list[object]:
        """Values in the statement's order. Raises KeyError for a parameter that was not given."""
        constants = self._constants
        return [parameters[n] if n in parameters else constants[n] for n in self._names]
