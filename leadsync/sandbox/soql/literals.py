"""What a date or datetime literal covers.

Every literal covers a span of time: a datetime one second (milliseconds are ignored in comparisons:
salesforce.stackexchange.com/questions/234824), a day or TODAY a day, LAST_N_DAYS:30 thirty days and
today. Comparing with a literal means comparing with its span. Days are UTC days (assumed: the integration user's zone).
"""

from datetime import UTC, date, datetime, time, timedelta

from leadsync.sandbox.soql.syntax import Relative

RELATIVE: dict[str, bool] = {
    "YESTERDAY": False, "TODAY": False, "TOMORROW": False,
    "LAST_WEEK": False, "THIS_WEEK": False, "NEXT_WEEK": False,
    "LAST_MONTH": False, "THIS_MONTH": False, "NEXT_MONTH": False,
    "LAST_QUARTER": False, "THIS_QUARTER": False, "NEXT_QUARTER": False,
    "LAST_YEAR": False, "THIS_YEAR": False, "NEXT_YEAR": False,
    "LAST_90_DAYS": False, "NEXT_90_DAYS": False,
    "LAST_N_DAYS": True, "NEXT_N_DAYS": True, "N_DAYS_AGO": True,
    "LAST_N_WEEKS": True, "LAST_N_MONTHS": True, "LAST_N_YEARS": True,
}  # fmt: skip
"""Names of relative literals, and whether they take a number."""

Span = tuple[datetime, datetime]
_DAY = timedelta(days=1)


def span_of(value: datetime | date | Relative, now: datetime) -> Span:
    """The half-open span of time that a literal covers."""
    match value:
        case datetime():
            second = value.replace(microsecond=0)
            return second, second + timedelta(seconds=1)
        case date():
            return _midnight(value), _midnight(value) + _DAY
        case Relative(name, count):
            first, after = _days(name, count or 0, now.astimezone(UTC).date())
            return _midnight(first), _midnight(after)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _months(day: date, count: int) -> date:
    """The first day of the month that lies so many months away."""
    months = day.year * 12 + day.month - 1 + count
    return date(months // 12, months % 12 + 1, 1)


def _days(name: str, count: int, today: date) -> tuple[date, date]:
    """The first day of a relative literal and the day after its last."""
    if name.endswith("_90_DAYS"):
        name, count = name.replace("_90_", "_N_"), 90
    match name:
        case "YESTERDAY" | "TODAY" | "TOMORROW":
            day = today + _DAY * ("YESTERDAY", "TODAY", "TOMORROW").index(name) - _DAY
            return day, day + _DAY
        case "LAST_N_DAYS":
            return today - _DAY * count, today + _DAY
        case "NEXT_N_DAYS":
            return today + _DAY, today + _DAY * (count + 1)
        case "N_DAYS_AGO":
            return today - _DAY * count, today - _DAY * (count - 1)
    shift = {"LAST": -1, "THIS": 0, "NEXT": 1}[name.split("_")[0]]
    sunday = today - _DAY * ((today.weekday() + 1) % 7)
    match name.split("_")[-1]:
        case "WEEK":
            return sunday + shift * 7 * _DAY, sunday + (shift + 1) * 7 * _DAY
        case "MONTH":
            return _months(today, shift), _months(today, shift + 1)
        case "QUARTER":
            first = _months(today, -((today.month - 1) % 3))
            return _months(first, 3 * shift), _months(first, 3 * (shift + 1))
        case "YEAR":
            return date(today.year + shift, 1, 1), date(today.year + shift + 1, 1, 1)
        case "WEEKS":
            return sunday - 7 * _DAY * count, sunday
        case "MONTHS":
            return _months(today, -count), _months(today, 0)
        case _:
            return date(today.year - count, 1, 1), date(today.year, 1, 1)
