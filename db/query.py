"""Statements: written with SQLAlchemy, compiled once, carried by the driver as typed rows."""

from __future__ import annotations

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
_AS_USER = """
select found.* from (
  select set_config(
    case current_user when '{role}' then 'baton.user_id' else 'not {role}' end, ${user}, true
  ) as id
  offset 0
) as me
cross join lateral (select * from (
{sql}
) as every_row offset (me.id is null)::int) as found
"""


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

    def arguments(self, parameters: dict[str, object]) -> list[object]:
        """Values in the statement's order. Raises KeyError for a parameter that was not given."""
        constants = self._constants
        return [parameters[n] if n in parameters else constants[n] for n in self._names]
