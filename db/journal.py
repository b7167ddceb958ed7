"""The holders' pen: what many runs have to say, written in one statement and one commit.

Each entry stands for itself: one whose fence was raised, or whose run is asked to stop, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from db.events import CONVERSATIONS_HEAR, USERS_HEAR
from db.query import Query, Row
from db.session import Session


class WrittenRow(Row):
    """What became of an entry. `last_seq` is None where the run is asked to stop: nothing was written."""

    id: UUID
    user_id: UUID
    status: str
    last_seq: int | None
    activity_seq: int | None
    conversation_id: UUID | None
    conversation_seq: int | None


_WRITE = """
    with entry as materialized (
      select * from jsonb_to_recordset(:entries) as entry (
        id uuid, fence int, seqs int, steps jsonb, events jsonb, activity jsonb, talk jsonb, begins int,
        percent float8, message text, progress_at timestamptz,
        input_tokens int, output_tokens int, requests int, cost float8,
        status text, end_reason text, result jsonb, error text)
    ), held as materialized (
      select run.id, run.user_id, run.status
      from (select id, fence from entry order by id) as given
      cross join lateral (
        select id, user_id, status from executions
        where executions.id = given.id and executions.fence = given.fence
          and lease_owner is not null and status in ('RUNNING', 'CANCELLING')
        for no key update
      ) as run
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
        run.status <> 'RUNNING' as ends,
        entry.steps, entry.events, entry.activity, run.conversation_id, entry.talk, entry.begins
    ), stepped as (
      insert into steps
        (id, execution_id, user_id, number, kind, status, tool_name, call_id, input, result, text, error,
         model_message, input_tokens, output_tokens, cost, attempt, tries, effect, started_at,
         finished_at, started_seq, finished_seq)
      select step.id, run.id, run.user_id, number, kind, status, tool_name, call_id, input, result, text,
        error, model_message, input_tokens, output_tokens, cost, attempt, tries, effect, started_at,
        finished_at, coalesce(run.base + began, 0), run.base + ended
      from run, jsonb_to_recordset(run.steps) as step (
        id uuid, number int, kind text, status text, tool_name text, call_id text, input jsonb, result jsonb,
        text text, error text, model_message jsonb, input_tokens int, output_tokens int, cost float8,
        attempt int, tries int, effect text, started_at timestamptz, finished_at timestamptz, began int,
        ended int)
      on conflict (execution_id, number) do update
      set kind = excluded.kind, status = excluded.status, tool_name = excluded.tool_name,
          call_id = excluded.call_id, input = excluded.input, result = excluded.result, text = excluded.text,
          error = excluded.error, model_message = excluded.model_message,
          input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost = excluded.cost,
          attempt = excluded.attempt, tries = excluded.tries, effect = excluded.effect,
          started_at = excluded.started_at, finished_at = excluded.finished_at,
          finished_seq = excluded.finished_seq
      where steps.status in ('RUNNING', 'UNKNOWN')
    ), told as (
      insert into events (stream, seq, user_id, kind, payload)
      select run.id, run.base + line.place, run.user_id, line.event ->> 'kind', line.event -> 'payload'
      from run, jsonb_array_elements(run.events) with ordinality as line (event, place)
    )
"""
_TELL_USERS = f"""
    , news as materialized (
      select run.user_id, line.event ->> 'kind' as kind, line.event -> 'payload' as payload,
        row_number() over of_user as place
      from run, jsonb_array_elements(run.activity) with ordinality as line (event, place)
      window of_user as (partition by run.user_id order by run.id, line.place)
    ), {USERS_HEAR}
"""
_TELL_CONVERSATIONS = f"""
    , said as materialized (
      select run.conversation_id, line.event ->> 'kind' as kind, line.event -> 'payload' as payload,
        line.place = run.begins as begins, run.ends,
        row_number() over (partition by run.conversation_id order by run.id, line.place) as place
      from run, jsonb_array_elements(run.talk) with ordinality as line (event, place)
      where run.conversation_id is not null
    ), {CONVERSATIONS_HEAR}
"""


def _query(*, talks: bool, tells: bool) -> Query[WrittenRow]:
    """The statement that also writes to conversations, or to users' activity: those cost what they cost."""
    talked = "conversation.id as conversation_id, conversation.last_seq as conversation_seq"
    silent = "cast(null as uuid) as conversation_id, cast(null as int) as conversation_seq"
    activity = "owner.last_seq" if tells else "cast(null as int)"
    return Query(
        f"""
        {_WRITE} {_TELL_CONVERSATIONS if talks else ""} {_TELL_USERS if tells else ""}
        select held.id, held.user_id, held.status, run.last_seq, {activity} as activity_seq,
          {talked if talks else silent}
        from held left join run on run.id = held.id
          {"left join owner on owner.id = run.user_id" if tells else ""}
          {"left join conversation on conversation.id = run.conversation_id" if talks else ""}
        """,
        WrittenRow,
    )


# Locks the runs, by id.
WRITE = _query(talks=False, tells=False)
# Locks the runs, by id, then the rows of the users whose activity is told of, by id.
WRITE_AND_TELL = _query(talks=False, tells=True)
# Locks the runs, by id, then their conversations, by id.
WRITE_AND_TALK = _query(talks=True, tells=False)
# Locks the runs, then conversations, then users, each by id.
WRITE_TALK_AND_TELL = _query(talks=True, tells=True)

_QUERIES = {
    (False, False): WRITE,
    (False, True): WRITE_AND_TELL,
    (True, False): WRITE_AND_TALK,
    (True, True): WRITE_TALK_AND_TELL,
}


async def write_entries(session: Session, entries: Sequence[Mapping[str, Any]]) -> list[WrittenRow]:
    """Write these entries, of one run each. The answer leaves out those whose fence was raised."""
    talks = any(entry["talk"] for entry in entries)
    tells = any(entry["activity"] for entry in entries)
    return await session.all(_QUERIES[talks, tells], entries=list(entries))
