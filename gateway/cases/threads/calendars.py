"""Calendars: working days, months and the ends of days, where a member is. Pure.

Days are a member's own: its week, its holidays, its time zone.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAY = timedelta(days=1)
_WEEK_DAYS = 7
_FIRST, _LAST = date(1, 1, 3), date(9999, 12, 28)
"""Days that exist in every time zone."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a member works."""

    rest_days: frozenset[int] = frozenset({SATURDAY, SUNDAY})
    """Days of the week on which nobody works, Monday being 0."""
    holidays: frozenset[date] = frozenset()
    zone: tzinfo = UTC

    def day_of(self, at: int) -> date:
        """Return the day on which ``at`` (UTC seconds) falls here."""
        try:
            return _within((_EPOCH + timedelta(seconds=at)).astimezone(self.zone).date())
        except OverflowError:
            return _LAST

    def end_of(self, day: date) -> int:
        """Return the first second (UTC) after a day."""
        midnight = datetime.combine(_within(day) + _DAY, time(), tzinfo=self.zone)
        return int((midnight - _EPOCH).total_seconds())

    def works(self, day: date) -> bool:
        """Tell whether a day is a working day."""
        return day.weekday() not in self.rest_days and day not in self.holidays

    def working_days_after(self, day: date, count: int) -> date:
        """Return the working day that is ``count`` working days after ``day``.

        Where no day of the week is one, every day counts.
        """
        day, never = _within(day), len(self.rest_days) >= _WEEK_DAYS
        while count > 0 and day < _LAST:
            day += _DAY
            count -= never or self.works(day)
        return day


ANYWHERE = Calendar()
"""Of a member of which nothing else is known: Saturday and Sunday, no holidays, UTC."""
Calendars = Mapping[str, Calendar]
"""By member."""


def months_after(day: date, months: int) -> date:
    """Return the same day ``months`` later, or the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if year > _LAST.year:
        return _LAST
    return _within(date(year, month + 1, min(day.day, monthrange(year, month + 1)[1])))


def _within(day: date) -> date:
    return min(max(day, _FIRST), _LAST)
