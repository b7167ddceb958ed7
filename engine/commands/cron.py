"""Cron expressions in a time zone: when the next tick is, also where the clock is turned.

The rules are Debian's (crontab(5)). What is due at times of day (minute and hour don't begin with `*`) is
due once a day whatever the clock does: a time that is skipped comes as soon as the clock has passed it, one
that comes twice counts the first time. Anything else follows the clock: it ticks twice where the clock reads
the same twice, and not in what is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LONGEST = 200
_FIELDS = 5
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class NotCron(ValueError):
    """Not a cron expression of five fields; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields (minute, hour, day of month, month, day of week), read by the clock of `zone`."""

    expression: str
    zone: ZoneInfo

    def __post_init__(self) -> None:
        """Raises NotCron."""
        if len(self.expression) > LONGEST or len(self.expression.split()) != _FIELDS:
            raise NotCron(f"Five fields, such as `0 9 * * 1`; at most {LONGEST} characters.")
        try:
            CronSim(self.expression, datetime.min)
        except CronSimError as error:
            raise NotCron(f"{error}.") from None

    def after(self, moment: datetime) -> datetime | None:
        """The first tick after a moment, in UTC. None where there is none in fifty years."""
        wall = _wall(moment.astimezone(self.zone))
        found: datetime | None = None
        for due in CronSim(self.expression, wall - self._repeats(moment)):
            ticks = [tick for tick in self._moments(due) if tick > moment]
            found = min(ticks if found is None else [found, *ticks], default=None)
            if found is not None and due > wall:
                return found
        return found

    @property
    def _is_at_times(self) -> bool:
        minute, hour, *_ = self.expression.split()
        return not (minute.startswith("*") or hour.startswith("*"))

    def _repeats(self, moment: datetime) -> timedelta:
        """How much of the clock's day will come again within a day."""
        return max(self._offset(moment) - self._offset(moment + _DAY), timedelta())

    def _offset(self, moment: datetime) -> timedelta:
        return _wall(moment.astimezone(self.zone)) - _wall(moment.astimezone(UTC))

    def _moments(self, due: datetime) -> Iterator[datetime]:
        """When a reading of the clock counts."""
        if self._is_at_times:
            yield self._first(due)
            return
        for fold in (0, 1):
            tick = due.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
            if _wall(tick.astimezone(self.zone)) == due:
                yield tick

    def _first(self, due: datetime) -> datetime:
        while True:
            tick = due.replace(tzinfo=self.zone).astimezone(UTC)
            if _wall(tick.astimezone(self.zone)) == due:
                return tick
            due += _MINUTE


def _wall(moment: datetime) -> datetime:
    """What the clock on the wall reads."""
    return moment.replace(tzinfo=None, fold=0)
