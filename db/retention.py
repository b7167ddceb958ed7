"""What is too old to keep: deleted a batch at a time, so that no lock is held for long.

Each statement skips rows that somebody else has locked; what it leaves behind is there for the next. All of
them need a system transaction. Ages are judged by Postgres' clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from db.events import delete_events
from db.query import Query, Row
from db.session import Session

_BATCH = 1_000
_RUNS = 100
_CONVERSATIONS_AT_ONCE = 20
OWNERS = 200
_EVENTS = 10_000
"How many events may go with the logs of one batch of runs; the first log goes whole."
_EVENTS_EACH = 100
_PIECES_KEPT = "interval '1 hour'"


class CountRow(Row):
    """How many rows are gone."""

    count: int


class PageRow(CountRow):
    """How many entries are gone, and the last of the owners that were looked at."""

    last_id: UUID | None


class PiecesRow(Row):
    """Entries of one log."""

    stream: UUID
    user_id: UUID
    seqs: list[int]


# Locks nothing but the one row: who comes first in each interval has the turn.
_TAKE_TURN = Query(
    """
    insert into sweeps (name, at) values (:name, clock_timestamp())
    on conflict (name) do update set at = excluded.at
    where sweeps.at <= excluded.at - make_interval(secs => :seconds)
    """
)
# A key is good for 24 hours: after that `claim_key` takes it for a new one.
_KEYS = Query(
    f"""
    delete from idempotency_keys where (user_id, mutation, key) in (
      select user_id, mutation, key from idempotency_keys
      where created_at < clock_timestamp() - interval '24 hours'
      order by created_at limit {_BATCH} for update skip locked
    )
    """
)
# Until it expires a used token must be known, so that its reuse ends its family.
_TOKENS = Query(
    f"""
    delete from refresh_tokens where hash in (
      select hash from refresh_tokens where expires_at < clock_timestamp()
      order by expires_at limit {_BATCH} for update skip locked
    )
    """
)
# Locks the runs whose logs go: `pruned_seq` tells readers what is gone by the time that it is.
_RUN_LOGS = Query(
    f"""
    with ended as (
      select id, last_seq, finished_at from executions
      where finished_at < clock_timestamp() - make_interval(days => :days) and pruned_seq = 0
      order by finished_at, id limit {_RUNS} for no key update skip locked
    ), counted as (
      select id, last_seq, sum(last_seq) over (order by finished_at, id) - last_seq as before from ended
    ), chosen as (
      select id, last_seq from counted where before < {_EVENTS}
    ), moved as (
      update executions as run set pruned_seq = chosen.last_seq from chosen where run.id = chosen.id
      returning run.id
    ), gone as (
      delete from events using moved where events.stream = moved.id returning 1
    )
    select count(*) as count from gone
    """,
    CountRow,
)
# Locks the runs that go, from the top of each family, so that none of it is left without its head. A family
# of which one still lives, or asks a person, stays whole.
_RUN_FAMILIES = Query(
    f"""
    with recursive heads as (
      select id from executions
      where parent_id is null and finished_at < clock_timestamp() - make_interval(days => :days)
      order by finished_at, id limit {_RUNS} for update skip locked
    ), family as (
      select id, id as head from heads
      union all
      select run.id, family.head from executions as run join family on run.parent_id = family.id
    ), alive as (
      select family.head from family join executions as run using (id)
      where run.finished_at is null
        or exists (select from interrupts where execution_id = run.id and status = 'OPEN')
    ), over as (
      select id from family where head not in (select head from alive)
    ), logs as (
      delete from events using over where events.stream = over.id
    ), gone as (
      delete from executions using over where executions.id = over.id returning 1
    )
    select count(*) as count from gone
    """,
    CountRow,
)

# Once its run has ended, a message is whole, or never will be: what was told of it piece by piece is void.
_PIECES = Query(
    f"""
    select stream, user_id, array_agg(seq) as seqs from (
      select entry.stream, entry.user_id, entry.seq
      from events as entry
      left join executions as run on run.id = cast(entry.payload ->> 'execution_id' as uuid)
      where entry.kind = 'MessageDelta' and entry.at < clock_timestamp() - {_PIECES_KEPT}
        and (run.id is null or run.finished_at < clock_timestamp() - {_PIECES_KEPT})
        and exists (select from events as later where later.stream = entry.stream and later.seq > entry.seq)
      order by entry.at limit {_EVENTS}
    ) as old group by stream, user_id
    """,
    PiecesRow,
)


def _log_heads(owners: str) -> Query[PageRow]:
    """The old beginning of the logs that go on. Locks the owners of those that have one."""
    return Query(
        f"""
        with page as (
          select id, pruned_seq from {owners}
          where id > :after and last_seq > pruned_seq order by id limit :most
        ), old as (
          select page.id, (
            select max(seq) from (
              select seq, at from events where stream = page.id and seq > page.pruned_seq
              order by seq limit {_EVENTS_EACH}
            ) as first where at < clock_timestamp() - make_interval(days => :days)
          ) as seq from page
        ), locked as (
          select owner.id, owner.pruned_seq, old.seq from {owners} as owner join old using (id)
          where old.seq > owner.pruned_seq for no key update of owner skip locked
        ), moved as (
          update {owners} as owner set pruned_seq = locked.seq from locked where owner.id = locked.id
          returning owner.id, locked.pruned_seq as after, locked.seq
        ), gone as (
          delete from events using moved
          where stream = moved.id and events.seq > moved.after and events.seq <= moved.seq returning 1
        )
        select (select count(*) from gone) as count, (select id from page order by id desc limit 1) as last_id
        """,
        PageRow,
    )


def _tombstones(table: str) -> Query[Row]:
    return Query(
        f"""
        delete from {table} where id in (
          select id from {table} where deleted_at < clock_timestamp() - make_interval(days => :days)
          order by deleted_at limit {_BATCH} for update skip locked
        )
        """
    )


# Locks the conversations that go; one in which a run still writes is left.
_CONVERSATIONS = Query(
    f"""
    with buried as (
      select id from conversations
      where deleted_at < clock_timestamp() - make_interval(days => :days)
        and not exists (
          select from executions where conversation_id = conversations.id and finished_at is null
        )
      order by deleted_at limit {_CONVERSATIONS_AT_ONCE} for update skip locked
    ), logs as (
      delete from events using buried where events.stream = buried.id
    ), gone as (
      delete from conversations using buried where conversations.id = buried.id returning 1
    )
    select count(*) as count from gone
    """,
    CountRow,
)
_LOGS = {owners: _log_heads(owners) for owners in ("users", "conversations")}
_DELETED = {table: _tombstones(table) for table in ("tasks", "schedules")}
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Page:
    """What came of one page of owners."""

    deleted: int
    last: UUID | None
    "Where the next page begins; None: there is none."


async def take_turn(session: Session, name: str, seconds: float) -> bool:
    """Whether this is the first to ask since so many seconds, of all workers."""
    return await session.run(_TAKE_TURN, name=name, seconds=seconds) == 1


async def delete_keys(session: Session) -> int:
    """A thousand idempotency keys that are no longer good."""
    return await session.run(_KEYS)


async def delete_tokens(session: Session) -> int:
    """A thousand refresh tokens that have expired."""
    return await session.run(_TOKENS)


async def delete_run_logs(session: Session, days: int) -> int:
    """The events of up to a hundred runs that ended so long ago."""
    return (await session.one(_RUN_LOGS, days=days)).count


async def delete_pieces(session: Session) -> int:
    """Up to 10,000 pieces of answers whose runs ended more than an hour ago; streams pass over them."""
    found = await session.all(_PIECES)
    for log in found:
        await delete_events(session, log.stream, log.user_id, log.seqs)
    return sum(len(log.seqs) for log in found)


async def delete_runs(session: Session, days: int) -> int:
    """Up to a hundred runs that ended so long ago, with their children and all that belongs to them."""
    return (await session.one(_RUN_FAMILIES, days=days)).count


async def delete_log_heads(session: Session, owners: str, days: int, after: UUID = _NOBODY) -> Page:
    """The events of that age of the next 200 `owners` (users, conversations), a hundred of each."""
    row = await session.one(_LOGS[owners], days=days, after=after, most=OWNERS)
    return Page(row.count, row.last_id)


async def delete_tombstones(session: Session, table: str, days: int) -> int:
    """A thousand rows of `table` (tasks, schedules) that were deleted so long ago."""
    return await session.run(_DELETED[table], days=days)


async def delete_conversations(session: Session, days: int) -> int:
    """Up to twenty conversations that were deleted so long ago, with their messages."""
    return (await session.one(_CONVERSATIONS, days=days)).count
