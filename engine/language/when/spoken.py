"""A point or stretch of time that a sentence names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from engine.language.arguments import Due

BEFORE = ("by", "before", "until", "till", "til", "no later than", "not later than", "on or before", "up to")
AFTER = ("after", "since", "from", "starting")
DAY = timedelta(days=1)
_LAST_DAY = date.max - 2 * DAY
"The last whose morrow, and the morrow of that, a calendar holds."


@dataclass(frozen=True, slots=True)
class When:
    """The days from `first` to `last` (often one), the hour if one is named, and how the sentence gets there.

    `relation` is the preposition ("by", "on", …), `recurring` is "every …":
    outside the contract, so no due date comes of it. Without `names_day` only an hour was named, for today.
    `running` is a stretch that has begun already ("this week"): what is due in it is due at its end.
    """

    first: date
    last: date
    at: time | None = None
    relation: str = ""
    recurring: bool = False
    names_day: bool = True
    running: bool = False

    def joined(self, other: When) -> When:
        """This time and another one of the same sentence, where one names the day and the other the hour."""
        if self.names_day == other.names_day or (self.at and other.at):
            return self
        day, hour = (self, other) if self.names_day else (other, self)
        return replace(day, at=hour.at)

    def due(self, zone: tzinfo) -> Due | None:
        """When a task is due that has to be done `relation` this time."""
        if self.recurring:
            return None
        day = self.last if self.running or self.relation in BEFORE else self.first
        return datetime.combine(day, self.at, zone) if self.at else day

    def window(self) -> tuple[date | None, date | None]:
        """The days a filter "`relation` this time" lets through, both ends included."""
        if self.relation == "before":
            return None, max(self.first, date.min + DAY) - DAY
        if self.relation in BEFORE:
            return None, self.last
        if self.relation == "after":
            return min(self.last, _LAST_DAY) + DAY, None
        if self.relation in AFTER:
            return self.first, None
        return self.first, self.last
