"""Working time: local shifts and holidays turned into UTC intervals, and durations added to instants.

An instant is working time when the wall clock of the calendar's zone shows a time inside a shift of its date: an hour
that the spring change skips counts nothing, one that the autumn change repeats counts twice. What rules do with the
instants (due, held until) stands in `clocks.py` and `stages.py`; which public holidays a country has is `settings`' to say.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from leadsync.domain.durations import Duration
from leadsync.domain.records import User

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86400
_EVER = 10**12  # epoch seconds beyond every date that Python can name


@dataclass(frozen=True, slots=True)
class Shift:
    """Local working time of one day, from `start` up to but not including `end`; an end of 00:00 is the day's last midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """The working segments of some whole local years, as UTC epoch seconds in order of time.

    `passed[i]` is the working time from the first segment to the end of segment i. `days` are the proleptic ordinals of
    the local dates that have any working time, `by_day` the segments of each.
    """

    first_year: int
    last_year: int
    since: float
    until: float
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    passed: tuple[int, ...]
    days: tuple[int, ...]
    by_day: Mapping[int, tuple[tuple[int, int], ...]]


@dataclass(slots=True)
class _Memo:
    """What was compiled so far; a table is replaced whole, so that a reader never sees half of one."""

    years: dict[int, tuple[tuple[int, int, int], ...]] = field(default_factory=dict)
    table: WorkingTime | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working time of one place. `days` are the shifts per weekday (0 is Monday), `special` what differs on a date.

    It is compiled to UTC when first asked, a local year at a time (`memo`).
    """

    name: str
    zone: str
    days: Mapping[int, tuple[Shift, ...]]
    special: Mapping[date, tuple[Shift, ...]]
    memo: _Memo = field(default_factory=_Memo, init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class OwnerCalendar:
    """A calendar of which something is found out later: the owner's zone, or the public holidays of a country.

    `zone` None is the owner's zone. `country` and `region` name the public holidays, or `country_from_owner` takes
    the owner's country. `own_days` beat holidays. With a fixed zone and country it is one calendar for everybody.
    """

    name: str
    zone: str | None
    days: Mapping[int, tuple[Shift, ...]]
    own_days: Mapping[date, tuple[Shift, ...]] = field(default_factory=dict)
    country: str | None = None
    region: str | None = None
    country_from_owner: bool = False


@dataclass(frozen=True, slots=True)
class Calendars:
    """All calendars of calendars.yaml: complete ones, and templates to be completed by `calendar_for`.

    `holidays` maps an ISO country code, or `DE-BE` for a region, to its public holidays; a missing key has none.
    """

    default: str
    calendars: Mapping[str, Calendar]
    templates: Mapping[str, OwnerCalendar] = field(default_factory=dict)
    holidays: Mapping[str, frozenset[date]] = field(default_factory=dict)
    memo: dict[tuple[str, str, str], Calendar] = field(default_factory=dict, init=False, repr=False, compare=False)


def calendar_for(calendars: Calendars, name: str, owner: User | None, company_zone: str) -> Calendar:
    """Return the calendar of that name as it is for this owner (None: a queue, or nobody).

    An owner whose zone is unknown, or no IANA name, works in the company's zone; one whose country is unknown has no
    public holidays. A name that the Rulebook no longer has (of a clock started under an older one) means the default.
    """
    if name not in calendars.calendars and name not in calendars.templates:
        name = calendars.default
    if name in calendars.calendars:
        return calendars.calendars[name]
    template = calendars.templates[name]
    zone = template.zone or (owner.zone if owner and owner.zone and is_zone(owner.zone) else company_zone)
    if template.country_from_owner:
        place = (owner.country or "").strip().upper() if owner else ""
    else:
        place = (template.country or "").upper() + (f"-{template.region}" if template.region else "")
    key = (name, zone, place)
    if key not in calendars.memo:
        closed: dict[date, tuple[Shift, ...]] = dict.fromkeys(calendars.holidays.get(place, frozenset()), ())
        calendars.memo[key] = Calendar(name, zone, template.days, {**closed, **template.own_days})
    return calendars.memo[key]


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Say whether a text is the name of an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder of the zone database, such as "Europe"
        return False
    return True


def add_business(calendar: Calendar, start: datetime, seconds: float) -> datetime:
    """Return the UTC instant at which `seconds` of working time have passed since `start`.

    A start outside working time counts from the next opening; time that ends with a shift ends at its closing, not at
    the next opening; no seconds at all are the start itself. Raises ValueError when a whole year has no working time.
    """
    at, seconds = _epoch(start), round(seconds, 6)
    if not seconds:
        return start.astimezone(UTC)
    table = _covering(calendar, at)
    wanted = round(_passed(table, at) + seconds, 6)  # else a sum of fractions might end an instant after closing
    while not table.passed or table.passed[-1] < wanted:
        table = _another_year(calendar, table)
    segment = bisect_left(table.passed, wanted)
    return _instant(table.ends[segment] - (table.passed[segment] - wanted))


def business_seconds(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Return the working time between two instants in seconds, negative when `end` is the earlier one."""
    first, last = _epoch(start), _epoch(end)
    _covering(calendar, first)
    table = _covering(calendar, last)
    return _passed(table, last) - _passed(table, first)


def counted_intervals(calendar: Calendar, start: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """Return the pieces of working time between two instants in UTC; their lengths add up to `business_seconds`."""
    first, last = _epoch(start), _epoch(end)
    _covering(calendar, first)
    table = _covering(calendar, last)
    pieces = zip(
        table.starts[max(bisect_right(table.starts, first) - 1, 0) :],
        table.ends[max(bisect_right(table.starts, first) - 1, 0) : bisect_left(table.starts, last)],
        strict=False,
    )
    return tuple((_instant(max(s, first)), _instant(min(e, last))) for s, e in pieces if max(s, first) < min(e, last))


def after(start: datetime, duration: Duration, calendar: Calendar, zone: str) -> datetime:
    """Return the UTC instant at which a duration from `start` has passed.

    Elapsed time is counted in UTC. Calendar days end at the same time of day in `zone`: a time that the spring change
    skips is moved on by the skipped hour, one that comes twice is the first. Business time follows the calendar:

    - Working days are the local dates with any working time. N of them end at the same time of day on the Nth working day
      after the start's; a start outside hours counts from the next opening. Where that day has no working time at that
      time of day, they end with its last shift before it, else with the opening of its first shift.
    - A part of a day is that part of the time (calendar days) or the working time (business days) between the two
      whole days around it, so that more is never earlier.

    Raises ValueError when business time meets a whole year without any.
    """
    match duration.unit:
        case "elapsed":
            return _instant(_epoch(start) + duration.amount)
        case "days":
            return _days_later(start, duration.amount, zone)
        case "business_hours":
            return add_business(calendar, start, duration.amount * 3600)
        case _:
            return _working_days_later(calendar, start, duration.amount)


def local_text(at: datetime, zone: str) -> str:
    """Return an instant as people of a zone read it, to the minute: `2026-11-27 16:00 EST`; in UTC if there is no such zone."""
    return at.astimezone(ZoneInfo(zone) if is_zone(zone) else UTC).strftime("%Y-%m-%d %H:%M %Z")


def _days_later(start: datetime, days: float, zone: str) -> datetime:
    local = _instant(_epoch(start)).astimezone(ZoneInfo(zone))
    whole = math.floor(days)

    def same_time(count: int) -> float:
        # The sum has fold 0: a skipped time is read with the offset from before the change, which moves it on.
        return (local + timedelta(days=count)).timestamp() if count else local.timestamp()

    reached = same_time(whole)
    if days > whole:
        reached += (days - whole) * (same_time(whole + 1) - reached)
    return _instant(reached)


def _working_days_later(calendar: Calendar, start: datetime, days: float) -> datetime:
    opening = _opening(calendar, _epoch(start))
    whole = math.floor(days)
    reached = _instant(_workday(calendar, opening, whole))
    if days > whole:
        following = _instant(_workday(calendar, opening, whole + 1))
        reached = add_business(calendar, reached, (days - whole) * business_seconds(calendar, reached, following))
    return reached


def _opening(calendar: Calendar, at: float) -> float:
    """Return `at` itself inside working time, else the start of the next segment."""
    table = _covering(calendar, at)
    following = bisect_right(table.starts, at)
    if following and at < table.ends[following - 1]:
        return at
    while following == len(table.starts):
        table = _another_year(calendar, table)
    return table.starts[following]


def _workday(calendar: Calendar, opening: float, count: int) -> float:
    if not count:
        return opening
    zone = ZoneInfo(calendar.zone)
    local = datetime.fromtimestamp(opening, zone)
    table = _covering(calendar, opening)
    wanted = bisect_left(table.days, local.toordinal()) + count
    while wanted >= len(table.days):
        table = _another_year(calendar, table)
    day = table.days[wanted]
    wall = datetime.combine(date.fromordinal(day), local.time(), zone).replace(fold=0).timestamp()
    reached: float = table.by_day[day][0][0]
    for opens, closes in table.by_day[day]:
        if opens <= wall:
            reached = min(wall, closes)
    return reached


def _passed(table: WorkingTime, at: float) -> float:
    following = bisect_right(table.starts, at)
    return table.passed[following - 1] - max(table.ends[following - 1] - at, 0) if following else 0


def _covering(calendar: Calendar, at: float) -> WorkingTime:
    table = calendar.memo.table
    if table is not None and table.since <= at < table.until:
        return table
    year = datetime.fromtimestamp(at, ZoneInfo(calendar.zone)).year
    return _compiled(
        calendar, min(year, table.first_year if table else year), max(year, table.last_year if table else year)
    )


def _another_year(calendar: Calendar, table: WorkingTime) -> WorkingTime:
    year = table.last_year + 1
    longer = _compiled(calendar, table.first_year, year)
    if not calendar.memo.years[year]:
        raise ValueError(f"calendar {calendar.name!r} has no working time in {year}; give it hours")
    return longer


def _compiled(calendar: Calendar, first_year: int, last_year: int) -> WorkingTime:
    memo, zone = calendar.memo, ZoneInfo(calendar.zone)
    for year in range(first_year, last_year + 1):
        if year not in memo.years:
            memo.years[year] = _segments(calendar, zone, year)
    segments = [segment for year in range(first_year, last_year + 1) for segment in memo.years[year]]
    by_day: dict[int, tuple[tuple[int, int], ...]] = {}
    for start, end, day in segments:
        by_day[day] = (*by_day.get(day, ()), (start, end))
    memo.table = WorkingTime(
        first_year=first_year,
        last_year=last_year,
        since=datetime(first_year, 1, 1, tzinfo=zone).timestamp(),
        until=datetime(last_year + 1, 1, 1, tzinfo=zone).timestamp(),
        starts=tuple(start for start, _, _ in segments),
        ends=tuple(end for _, end, _ in segments),
        passed=tuple(accumulate(end - start for start, end, _ in segments)),
        days=tuple(sorted(by_day)),
        by_day=by_day,
    )
    return memo.table


def _segments(calendar: Calendar, zone: ZoneInfo, year: int) -> tuple[tuple[int, int, int], ...]:
    """Return (start, end, ordinal of the local date) of one local year's working time, in order and without overlap."""
    offsets = _offsets(zone, year)
    found: list[tuple[int, int, int]] = []
    for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
        day = date.fromordinal(ordinal)
        midnight = (ordinal - _EPOCH_DAY) * _DAY
        for shift in calendar.special.get(day, calendar.days.get(day.weekday(), ())):
            opens = midnight + _second(shift.start)
            closes = midnight + (_second(shift.end) or _DAY)
            for since, until, offset in offsets:
                start, end = max(opens - offset, since), min(closes - offset, until)
                if start < end:
                    found.append((start, end, ordinal))
    joined: list[tuple[int, int, int]] = []
    for start, end, ordinal in sorted(found):
        if joined and start <= joined[-1][1] and ordinal == joined[-1][2]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), ordinal)
        else:
            joined.append((start, end, ordinal))
    return tuple(joined)


def _offsets(zone: ZoneInfo, year: int) -> list[tuple[int, int, int]]:
    """Return (since, until, seconds east of UTC) for the year and a little around it; every change of offset starts a new one."""
    first = (date(year, 1, 1).toordinal() - _EPOCH_DAY - 2) * _DAY
    pieces: list[tuple[int, int, int]] = []
    since, offset = -_EVER, _offset(zone, first)
    for at in range(first, first + 371 * _DAY, _DAY):
        if _offset(zone, at) != offset:
            before, changed = at - _DAY, at
            while changed - before > 1:
                middle = (before + changed) // 2
                before, changed = (middle, changed) if _offset(zone, middle) == offset else (before, middle)
            pieces.append((since, changed, offset))
            since, offset = changed, _offset(zone, at)
    return [*pieces, (since, _EVER, offset)]


def _offset(zone: ZoneInfo, at: int) -> int:
    shift = datetime.fromtimestamp(at, zone).utcoffset()
    assert shift is not None
    return round(shift.total_seconds())


def _second(of_day: time) -> int:
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


def _epoch(at: datetime) -> float:
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone; a naive one would be read as this machine's local time")
    return at.timestamp()


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
