"""The holders' pen: what many runs have to say, written in one statement and one commit.

Each entry stands for itself: one whose fence was raised, or whose run is asked to stop, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from db.connection import Session
from db.query import Query, Row


class WrittenRow(Row):
    """What became of an entry. `last_seq` is None where the run is asked to stop: nothing was written."""

    id: UUID
    user_id: UUID
    status: str
    last_seq: int | None
    activity_seq: int | None


_WRITE = """
    with entry as materialized (
      select * from jsonb_to_recordset(:entries) as entry (
        id uuid, fence int, seqs int, steps jsonb, events jsonb, activity jsonb,
        percent float8, message text, progress_at timestamptz,
        input_tokens int, output_tokens int, requests int, cost float8,
        status text, end_reason text, result jsonb, error text)
    ), held as materialized (
      select run.id, run.user_id, run.status from executions as run join entry on entry.id = run.id
      where run.fence = entry.fence
        and run.lease_owner is not null and run.status in ('RUNNING', 'CANCELLING')
      order by run.id for no key update of run
    ), run as (
      update executions as run
      set last_seq = run.last_seq + entry.seqs,
          progress_percent = case when entry.progress_at is null then run.progress_percent else percent end,
          progress_message = case when entry.progress_at is null then run.progress_message else message end,
          progress_at = coalesce(entry.progress_at, run.progress_at),
          input_tokens = run.input_tokens + entry.input_tokens,
          output_tokens = run.output_tokens + entry.output_tokens,
          requests = run.requests + entry.requests, cost = run.cost + entry.cost,
          status = coalesce(entry.status, run.status), end_reason = entry.end_reason,
          result = entry.result, error = entry.error,
          fence = run.fence + cast(entry.status is not null as int),
          lease_owner = case when entry.status is null then run.lease_owner end,
          lease_until = case when entry.status is null then run.lease_until end,
          finished_at = case when entry.status is not null then clock_timestamp() end
      from entry join held on held.id = entry.id
      where run.id = held.id and held.status = 'RUNNING'
      returning run.id, run.user_id, run.last_seq, run.last_seq - entry.seqs as base,
        entry.steps, entry.events, entry.activity
    ), stepped as (
      insert into steps
        (id, execution_id, user_id, number, kind, status, tool_name, call_id, input, result, text, error,
         model_message, input_tokens, output_tokens, cost, attempt, tries, started_at, finished_at,
         started_seq, finished_seq)
      select step.id, run.id, run.user_id, number, kind, status, tool_name, call_id, input, result, text,
        error, model_message, input_tokens, output_tokens, cost, attempt, tries, started_at, finished_at,
        coalesce(run.base + began, 0), run.base + ended
      from run, jsonb_to_recordset(run.steps) as step (
        id uuid, number int, kind text, status text, tool_name text, call_id text, input jsonb, result jsonb,
        text text, error text, model_message jsonb, input_tokens int, output_tokens int, cost float8,
        attempt int, tries int, started_at timestamptz, finished_at timestamptz, began int, ended int)
      on conflict (execution_id, number) do update
      set kind = excluded.kind, status = excluded.status, tool_name = excluded.tool_name,
          call_id = excluded.call_id, input = excluded.input, result = excluded.result, text = excluded.text,
          error = excluded.error, model_message = excluded.model_message,
          input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost = excluded.cost,
          attempt = excluded.attempt, tries = excluded.tries, started_at = excluded.started_at,
          finished_at = excluded.finished_at, finished_seq = excluded.finished_seq
      where steps.status in ('RUNNING', 'UNKNOWN')
    ), told as (
      insert into events (stream, seq, user_id, kind, payload)
      select run.id, run.base + line.place, run.user_id, line.event ->> 'kind', line.event -> 'payload'
      from run, jsonb_array_elements(run.events) with ordinality as line (event, place)
    )
"""
_TELL_USERS = """
    , news as materialized (
      select run.user_id, line.event, row_number() over of_user as place
      from run, jsonb_array_elements(run.activity) with ordinality as line (event, place)
      window of_user as (partition by run.user_id order by run.id, line.place)
    ), reader as materialized (
      select id from users where id in (select user_id from news) order by id for no key update
    ), owner as (
      update users set last_seq = last_seq + fresh.count
      from (select user_id, count(*) as count from news group by user_id) as fresh
      join reader on reader.id = fresh.user_id
      where users.id = reader.id
      returning users.id, users.last_seq, users.last_seq - fresh.count as base
    ), heard as (
      insert into events (stream, seq, user_id, kind, payload)
      select owner.id, owner.base + news.place, owner.id, news.event ->> 'kind', news.event -> 'payload'
      from owner join news on news.user_id = owner.id
    )
"""
# Locks the runs, by id.
WRITE = Query(
    f"""
    {_WRITE}
    select held.id, held.user_id, held.status, run.last_seq, null as activity_seq
    from held left join run on run.id = held.id
    """,
    WrittenRow,
)
# Locks the runs, by id, then the rows of the users whose activity is told of, by id.
WRITE_AND_TELL = Query(
    f"""
    {_WRITE} {_TELL_USERS}
    select held.id, held.user_id, held.status, run.last_seq, owner.last_seq as activity_seq
    from held left join run on run.id = held.id left join owner on owner.id = run.user_id
    """,
    WrittenRow,
)


async def write_entries(session: Session, entries: Sequence[Mapping[str, Any]]) -> list[WrittenRow]:
    """Write these entries, of one run each. The answer leaves out those whose fence was raised."""
    query = WRITE_AND_TELL if any(entry["activity"] for entry in entries) else WRITE
    return await session.all(query, entries=list(entries))
