"""What is due by the clock, of all that workers do beside their runs: asked in one statement."""

from __future__ import annotations

from db.leases import LATE
from db.query import Query, Row
from db.session import Session

RETENTION = "retention"
"Under this name its sweeps take turns."


class DueRow(Row):
    """In how many seconds the first of each kind is due, negative where it is; None: there is none."""

    scheduled_runs: float | None
    lost_runs: float | None
    late_runs: float | None
    ticks: float | None
    interrupts: float | None
    retention: float


def _until(moment: str, table: str, condition: str) -> str:
    return f"""(
      select cast(extract(epoch from min({moment}) - clock_timestamp()) as float8)
      from {table} where {condition}
    )"""


_NEXT_SWEEP = _until("at + make_interval(secs => :retention_seconds)", "sweeps", f"name = '{RETENTION}'")

_LOOK = Query(
    f"""
    select {_until("start_at", "executions", "status = 'SCHEDULED'")} as scheduled_runs,
      {_until("lease_until", "executions", "lease_until is not null")} as lost_runs,
      {_until("deadline", "executions", LATE)} as late_runs,
      {_until("next_run_at", "schedules", "next_run_at is not null")} as ticks,
      {_until("expires_at", "interrupts", "status = 'OPEN'")} as interrupts,
      coalesce({_NEXT_SWEEP}, 0) as retention
    """,
    DueRow,
)


async def look(session: Session, retention_seconds: float) -> DueRow:
    """What is due, and what is next. Needs a system transaction."""
    return await session.one(_LOOK, retention_seconds=retention_seconds)
