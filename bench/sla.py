"""SLA: a deadline in business time, beside the floor of two bisects in a table of working segments."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, time, timedelta
from random import Random

from bench.measure import Result, compared
from leadsync.domain.calendars import Calendar, Shift, add_business

COUNT = 200_000
QUICK_COUNT = 20_000
RUNS = 5
SEED = 3
HOURS = 16 * 3600
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def measure(*, quick: bool) -> Result:
    """Work out deadlines for starts all over two years, both clock changes included, with both."""
    count = QUICK_COUNT if quick else COUNT
    random = Random(SEED)
    starts = [BEGIN + timedelta(seconds=random.randrange(2 * 365 * 86400)) for _ in range(count)]
    day = (Shift(time(9), time(17)),)
    calendar = Calendar("office", "Europe/Berlin", dict.fromkeys(range(5), day), {})
    for start in (BEGIN, BEGIN + timedelta(days=3 * 365)):  # compiled before anything is measured
        add_business(calendar, start, HOURS)
    table = calendar.memo.table
    assert table is not None
    begins, ends, passed = table.starts, table.ends, table.passed

    def floor(start: datetime) -> datetime:
        at = start.timestamp()
        following = bisect_right(begins, at)
        gone = passed[following - 1] - max(ends[following - 1] - at, 0)
        segment = bisect_left(passed, gone + HOURS)
        return datetime.fromtimestamp(ends[segment] - (passed[segment] - gone - HOURS), UTC)

    assert all(floor(start) == add_business(calendar, start, HOURS) for start in starts[:2000])
    figures = compared(
        {
            "leadsync": lambda: [add_business(calendar, start, HOURS) for start in starts],
            "floor: bisect": lambda: [floor(start) for start in starts],
        },
        RUNS,
    )
    ours, bisect = figures.values()
    return Result(
        "sla",
        f"{count} deadlines of 16 business hours",
        tuple(figures.values()),
        {"leadsync CPU / bisect CPU": ours.cpu / bisect.cpu, "us a deadline": 1e6 * ours.cpu / count},
    )
