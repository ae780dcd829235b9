"""When people sit at their desks: working hours in their own time zone, days off, and weeks away. The world moves every human act
to such a moment; what is done there is not decided here.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SHUT = frozenset({(1, 1), (12, 24), (12, 25), (12, 26), (12, 31)})
"""Days (month, day) on which nobody at the company works."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One person's working week; `away` holds first and last day of each absence."""

    zone: ZoneInfo
    opens: time
    closes: time
    days: frozenset[int]
    away: tuple[tuple[date, date], ...] = ()


def is_working_day(desk: Desk, day: date) -> bool:
    """Whether the person works on that local day at all."""
    if day.weekday() not in desk.days or (day.month, day.day) in _SHUT:
        return False
    return not any(first <= day <= last for first, last in desk.away)


def is_at_desk(desk: Desk, instant: datetime) -> bool:
    """Whether the person works at that very moment."""
    local = instant.astimezone(desk.zone)
    return is_working_day(desk, local.date()) and desk.opens <= local.time() < desk.closes


def at_desk(desk: Desk, instant: datetime, rng: Random) -> datetime:
    """Return the first moment from `instant` on at which the person works, in UTC.

    Whoever has to wait for the morning does not act on the stroke of the hour but within the first forty minutes.
    """
    if is_at_desk(desk, instant):
        return instant
    local = instant.astimezone(desk.zone)
    day = local.date() if local.time() < desk.opens else local.date() + _DAY
    while not is_working_day(desk, day):
        day += _DAY
    morning = datetime.combine(day, desk.opens, desk.zone).astimezone(instant.tzinfo)
    return morning + timedelta(seconds=rng.randrange(2400))
