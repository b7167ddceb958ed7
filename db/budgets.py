"""What callers may spend: one bucket each, filled up again at an even rate, shared by every process.

The table is not logged: it is written often, and a crash of Postgres may well fill every bucket.
"""

from __future__ import annotations

from db.query import Query, Row
from db.session import Session


class BudgetRow(Row):
    """A bucket after something was taken from it."""

    level: float
    granted: int


class LevelRow(Row):
    """How full a bucket is now."""

    level: float


# Locks the bucket's row for this statement: takers of one bucket go one after another.
_TAKE = Query(
    """
    insert into budgets as b (account, level, granted, at)
    values (
      :account,
      cast(:size as double precision) - least(cast(:want as integer), cast(:size as integer)),
      least(cast(:want as integer), cast(:size as integer)), clock_timestamp()
    )
    on conflict (account) do update set (level, granted, at) = (
      select level - granted, granted, clock_timestamp() from (
        select level, case
          when level < cast(:need as integer) then 0 else least(cast(:want as integer), floor(level))::int
        end as granted
        from (
          select least(
            cast(:size as double precision),
            b.level + extract(epoch from clock_timestamp() - b.at) * cast(:size as double precision) / 60
          ) as level
        ) as filled
      ) as taken
    )
    returning level, granted
    """,
    BudgetRow,
)
_LEVEL = Query(
    """
    select least(
      cast(:size as double precision),
      level + extract(epoch from clock_timestamp() - at) * cast(:size as double precision) / 60
    ) as level
    from budgets where account = :account
    """,
    LevelRow,
)
# Passes over the rows that somebody is just taking from.
_PRUNE = Query(
    """
    delete from budgets where account in (
      select account from budgets where at < clock_timestamp() - interval '2 minutes'
      order by at limit 1000 for update skip locked
    )
    """
)


async def take(session: Session, account: str, need: int, want: int, size: int) -> BudgetRow:
    """Take up to `want` points where there are `need`, else nothing. `size` is what a full bucket holds, and
    what flows in within a minute. `need` must not be more than `size`."""
    return await session.one(_TAKE, account=account, need=need, want=want, size=size)


async def level(session: Session, account: str, size: int) -> float:
    """How full the bucket is."""
    row = await session.first(_LEVEL, account=account, size=size)
    return float(size) if row is None else row.level


async def prune(session: Session) -> int:
    """Forget buckets that nobody took from lately, a thousand at most: they are full again."""
    return await session.run(_PRUNE)
