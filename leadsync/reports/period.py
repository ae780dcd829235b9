"""Periods as people name them, cut in the company's zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from leadsync.errors import ConfigError

_MONTHS = re.compile(r"(\d{4})(?:-(?:(\d\d)|Q([1-4])))?")
_DAYS = re.compile(r"(\d{1,5})d")


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to but not including `end`."""

    text: str
    start: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        """Say whether an instant lies in it."""
        return self.start <= at < self.end


def parse_period(text: str, zone: str, as_of: datetime) -> Period:
    """Return the period that `2026`, `2026-Q3`, `2026-11`, `2026-11-01/2026-11-15` (both days in it) or `90d` names.

    Quarters are the calendar's. `90d` begins with the day 90 days before and ends with `as_of`. Raises ConfigError for
    anything else.
    """
    try:
        if found := _DAYS.fullmatch(text):
            day = as_of.astimezone(ZoneInfo(zone)).date() - timedelta(days=int(found[1]))
            return Period(text, _midnight(day, zone), as_of + timedelta(seconds=1))
        if found := _MONTHS.fullmatch(text):
            year, month, quarter = int(found[1]), found[2], found[3]
            first = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
            count = 1 if month else 3 if quarter else 12
            following = date(year + (first + count > 12), (first + count - 1) % 12 + 1, 1)
            return Period(text, _midnight(date(year, first, 1), zone), _midnight(following, zone))
        start, _, end = text.partition("/")
        first_day, last_day = date.fromisoformat(start), date.fromisoformat(end)
        if last_day >= first_day:
            return Period(text, _midnight(first_day, zone), _midnight(last_day + timedelta(days=1), zone))
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{text!r} is no period; write 2026, 2026-Q3, 2026-11, 2026-11-01/2026-11-15 or 90d")


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
