"""Periods as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from leadsync.errors import ConfigError
from leadsync.reports.period import parse_period

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", "2025-12-31T23:00", "2026-12-31T23:00"),
        ("2026-Q4", "2026-09-30T22:00", "2026-12-31T23:00"),
        ("2026-03", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-12", "2026-11-30T23:00", "2026-12-31T23:00"),
        ("2026-11-01/2026-11-15", "2026-10-31T23:00", "2026-11-15T23:00"),
        ("2026-11-01/2026-11-01", "2026-10-31T23:00", "2026-11-01T23:00"),
    ],
)
def test_a_period_is_cut_at_the_midnights_of_the_company(text: str, start: str, end: str) -> None:
    found = parse_period(text, "Europe/Berlin", NOW)
    assert (found.start.isoformat()[:16], found.end.isoformat()[:16]) == (start, end)


def test_the_last_days_begin_with_a_whole_day_and_end_now() -> None:
    found = parse_period("90d", "Europe/Berlin", NOW)
    assert found.start == datetime(2026, 8, 23, 22, 0, tzinfo=UTC)
    assert NOW in found
    assert NOW + timedelta(seconds=1) not in found


def test_quarters_follow_each_other_without_gap_or_overlap() -> None:
    quarters = [parse_period(f"2026-Q{n}", "Europe/Berlin", NOW) for n in (1, 2, 3, 4)]
    assert [one.end for one in quarters[:-1]] == [one.start for one in quarters[1:]]
    year = parse_period("2026", "Europe/Berlin", NOW)
    assert (quarters[0].start, quarters[-1].end) == (year.start, year.end)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13", "2026-Q5", "2026-11-15/2026-11-01", "2026-02-30/2026-03-01", "99999d9", "9999999d", "0000"],
)
def test_what_is_no_period_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(ConfigError, match="is no period; write 2026, 2026-Q3"):
        parse_period(text, "Europe/Berlin", NOW)
