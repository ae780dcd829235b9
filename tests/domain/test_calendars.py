"""Working time against a walk of every minute, written without any of the code under test."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadsync.domain.calendars import (
    Calendar,
    Calendars,
    OwnerCalendar,
    Shift,
    add_business,
    after,
    business_seconds,
    calendar_for,
    counted_intervals,
    is_zone,
    local_text,
)
from leadsync.domain.durations import Duration, Unit, parse_duration
from leadsync.domain.records import User

MINUTE = timedelta(minutes=1)


def shifts(*spans: str) -> tuple[Shift, ...]:
    return tuple(Shift(*(time.fromisoformat(edge) for edge in span.split("-"))) for span in spans)


def a_calendar(
    zone: str = "Europe/Berlin",
    days: Mapping[int, tuple[Shift, ...]] | None = None,
    special: Mapping[date, tuple[Shift, ...]] | None = None,
) -> Calendar:
    usual = dict.fromkeys(range(5), shifts("09:00-17:00"))
    return Calendar("a calendar", zone, usual if days is None else days, special or {})


EMEA = a_calendar(days={**dict.fromkeys(range(4), shifts("08:30-12:30", "13:15-17:30")), 4: shifts("08:30-14:30")})
NEW_YORK = a_calendar("America/New_York", special={date(2026, 11, 26): ()})


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> datetime:
    # In UTC, because Python never calls a repeated hour equal to an instant of another zone.
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def later(start: str, duration: str, calendar: Calendar = EMEA) -> datetime:
    return after(at(start, calendar.zone), parse_duration(duration), calendar, calendar.zone)


# Scenario 8 of the acceptance scenarios, number by number.


def test_eight_business_hours_before_thanksgiving_are_due_on_friday_at_four() -> None:
    due = later("2026-11-25 16:00", "8 business hours", NEW_YORK)

    assert due == at("2026-11-27 16:00", "America/New_York")
    assert add_business(NEW_YORK, due, 2 * 3600) == at("2026-11-30 10:00", "America/New_York")


def test_48_hours_from_the_day_before_the_spring_change_end_an_hour_later_on_the_wall() -> None:
    assert later("2026-03-28 12:00", "48h") == at("2026-03-30 13:00")


def test_the_counted_intervals_explain_the_eight_hours_around_thanksgiving() -> None:
    start, due = at("2026-11-25 16:00", "America/New_York"), at("2026-11-27 16:00", "America/New_York")

    assert counted_intervals(NEW_YORK, start, due) == (
        (at("2026-11-25 16:00", "America/New_York"), at("2026-11-25 17:00", "America/New_York")),
        (at("2026-11-27 09:00", "America/New_York"), at("2026-11-27 16:00", "America/New_York")),
    )


# Calendar days and elapsed time


def test_calendar_days_end_at_the_same_time_of_day_across_the_spring_change() -> None:
    assert later("2026-03-28 12:00", "2d") == at("2026-03-30 12:00")


def test_a_calendar_day_that_ends_in_the_skipped_hour_is_moved_on_by_it() -> None:
    assert later("2026-03-28 02:30", "1d") == at("2026-03-29 03:30")


def test_a_calendar_day_that_ends_in_the_repeated_hour_ends_at_its_first_passing() -> None:
    due = later("2026-10-24 02:30", "1d")

    assert due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_no_days_at_all_from_the_second_passing_of_an_hour_stay_there() -> None:
    start = at("2026-10-25 02:30", fold=1)

    assert after(start.astimezone(ZoneInfo("Europe/Berlin")), Duration(0, "days"), EMEA, "Europe/Berlin") == start


def test_half_a_calendar_day_is_half_of_the_time_between_the_two_days_around_it() -> None:
    # Saturday 12:00 to Sunday 12:00 lasts 23 hours on the night of the spring change.
    assert after(at("2026-03-28 12:00"), Duration(0.5, "days"), EMEA, "Europe/Berlin") == at("2026-03-28 23:30")


def test_company_days_are_cut_in_the_company_zone_whatever_zone_the_start_is_given_in() -> None:
    start = at("2026-03-28 12:00")

    assert after(start, parse_duration("2d"), EMEA, "Europe/Berlin") == at("2026-03-30 12:00")
    assert after(start, parse_duration("2d"), EMEA, "UTC") == at("2026-03-30 13:00")


# Business days


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        ("2026-11-16 10:00", "3 business days", "2026-11-19 10:00"),  # Monday to Thursday
        ("2026-11-19 10:00", "2 business days", "2026-11-23 10:00"),  # over a weekend
        ("2026-11-21 15:00", "1 business day", "2026-11-24 08:30"),  # Saturday counts from Monday's opening
        ("2026-11-16 17:30", "1 business day", "2026-11-18 08:30"),  # closing time is no working time
        ("2026-11-16 12:45", "1 business day", "2026-11-17 13:15"),  # a lunch break counts from its end
        ("2026-11-19 16:00", "1 business day", "2026-11-20 14:30"),  # Friday has closed by four
        ("2026-11-20 12:45", "1 business day", "2026-11-23 12:30"),  # Monday is at lunch then
    ],
)
def test_business_days_end_at_the_same_time_of_day_or_with_the_shift_before_it(
    start: str, duration: str, due: str
) -> None:
    assert later(start, duration) == at(due)


def test_a_business_day_that_ends_before_the_day_opens_ends_with_its_opening() -> None:
    late_riser = a_calendar(days={0: shifts("08:00-16:00"), 1: shifts("12:00-20:00")})

    assert later("2026-11-16 09:00", "1 business day", late_riser) == at("2026-11-17 12:00")


def test_four_and_a_half_business_days_are_half_of_the_working_time_between_the_fourth_and_the_fifth() -> None:
    # Fourth: Friday 10:00, fifth: Monday 10:00; between them 4.5 h on Friday and 1.5 h on Monday.
    due = after(at("2026-11-16 10:00"), parse_duration("3 business days").times(1.5), EMEA, "UTC")

    assert due == at("2026-11-20 13:00")


def test_half_a_business_day_from_a_weekend_is_half_of_mondays_working_time() -> None:
    assert after(at("2026-11-21 15:00"), Duration(0.5, "business_days"), EMEA, "UTC") == at("2026-11-23 13:22:30")


# The corners of working time


def test_time_that_ends_with_a_shift_ends_at_closing_and_not_at_the_next_opening() -> None:
    assert later("2026-11-16 16:30", "1 business hour") == at("2026-11-16 17:30")


def test_no_working_time_at_all_leaves_the_start_where_it_is() -> None:
    start = at("2026-11-21 15:00")

    assert add_business(EMEA, start, 0) == start


def test_working_time_before_a_compiled_year_is_found_when_it_is_asked_for() -> None:
    calendar = a_calendar()
    later_year = business_seconds(calendar, at("2026-03-02 08:00"), at("2026-03-02 20:00"))

    assert later_year == 8 * 3600
    assert business_seconds(calendar, at("2024-12-31 16:00"), at("2025-01-01 10:00")) == 2 * 3600
    assert business_seconds(calendar, at("2025-01-01 10:00"), at("2024-12-31 16:00")) == -2 * 3600


def test_a_shift_that_ends_at_midnight_lasts_to_the_end_of_the_day() -> None:
    night = a_calendar(days={5: shifts("22:00-00:00"), 6: shifts("00:00-02:00")})

    assert later("2026-11-21 23:00", "2 business hours", night) == at("2026-11-22 01:00")


@pytest.mark.parametrize("microseconds", [1, 100_000, 300_000, 700_001, 999_999])
def test_a_start_within_a_second_still_ends_at_closing(microseconds: int) -> None:
    start = at("2026-11-16 09:00") + timedelta(microseconds=microseconds)

    assert add_business(a_calendar(), start, 8 * 3600 - microseconds / 1e6) == at("2026-11-16 17:00")


def test_a_business_day_into_the_next_autumn_change_ends_at_the_first_passing_of_the_hour() -> None:
    nights = a_calendar(days={}, special=dict.fromkeys((date(2026, 10, 25), date(2027, 10, 31)), shifts("01:00-04:00")))
    second_passing = at("2026-10-25 02:30", fold=1)

    assert after(second_passing, parse_duration("1 business day"), nights, "UTC") == at("2027-10-31 02:30")


def test_overlapping_shifts_count_once_and_touching_ones_are_one() -> None:
    touching = a_calendar(days={0: shifts("09:00-13:00", "13:00-15:00")})
    monday = (at("2026-11-16 00:00"), at("2026-11-17 00:00"))
    assert counted_intervals(touching, *monday) == ((at("2026-11-16 09:00"), at("2026-11-16 15:00")),)

    doubled = a_calendar(days={0: shifts("09:00-13:00", "12:00-15:00")})

    assert business_seconds(doubled, at("2026-11-16 00:00"), at("2026-11-17 00:00")) == 6 * 3600


def test_the_skipped_hour_counts_nothing_and_the_repeated_hour_twice() -> None:
    always = a_calendar(days=dict.fromkeys(range(7), shifts("01:00-04:00")))

    assert business_seconds(always, at("2026-03-29 00:00"), at("2026-03-30 00:00")) == 2 * 3600
    assert business_seconds(always, at("2026-10-25 00:00"), at("2026-10-26 00:00")) == 4 * 3600


def test_a_shift_that_ends_inside_the_repeated_hour_counts_in_both_passings() -> None:
    calendar = a_calendar(days={6: shifts("01:00-02:30")})
    day = (at("2026-10-25 00:00"), at("2026-10-26 00:00"))

    assert counted_intervals(calendar, *day) == (
        (at("2026-10-25 01:00"), at("2026-10-25 02:30")),
        (at("2026-10-25 02:00", fold=1), at("2026-10-25 02:30", fold=1)),
    )


@pytest.mark.parametrize("duration", ["1 business hour", "1 business day"])
def test_a_calendar_without_working_time_is_refused_and_not_searched_for_ever(duration: str) -> None:
    with pytest.raises(ValueError, match="'a calendar' has no working time in 2027"):
        later("2026-11-16 10:00", duration, a_calendar(days={}))


def test_a_calendar_whose_hours_end_is_refused_where_a_whole_year_is_without_them() -> None:
    once = a_calendar(days={}, special={date(2026, 11, 16): shifts("09:00-17:00")})

    assert later("2026-11-16 10:00", "1 business hour", once) == at("2026-11-16 11:00")
    with pytest.raises(ValueError, match="no working time in 2027"):
        later("2026-11-16 10:00", "1 business day", once)


def test_working_time_that_starts_next_year_is_found() -> None:
    future = a_calendar(days={}, special={date(2027, 1, 4): shifts("09:00-17:00")})

    assert later("2026-11-16 10:00", "1 business hour", future) == at("2027-01-04 10:00")


def test_no_working_time_lies_between_two_instants_of_a_calendar_without_any() -> None:
    assert business_seconds(a_calendar(days={}), at("2026-01-01 00:00"), at("2027-06-01 00:00")) == 0


@pytest.mark.parametrize("duration", ["1h", "1d", "1 business hour", "1 business day"])
def test_an_instant_without_a_zone_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        after(datetime(2026, 11, 16, 10), parse_duration(duration), EMEA, "UTC")  # noqa: DTZ001


def test_an_instant_reads_as_local_time_with_its_zone() -> None:
    assert local_text(datetime(2026, 11, 27, 21, tzinfo=UTC), "America/New_York") == "2026-11-27 16:00 EST"
    assert local_text(datetime(2026, 11, 27, 21, tzinfo=UTC), "105") == "2026-11-27 21:00 UTC"


# Calendars that depend on the owner


def a_user(zone: str | None = None, country: str | None = None) -> User:
    return User("salesforce", "005A", "ada@acme.example", None, "Ada", active=True, zone=zone, country=country)


OWNER_HOURS = OwnerCalendar(
    "owner_hours", None, dict.fromkeys(range(5), shifts("09:00-17:30")), country_from_owner=True
)
BERLIN_OFFICE = OwnerCalendar(
    "berlin", "Europe/Berlin", dict.fromkeys(range(5), shifts("09:00-17:00")),
    own_days={date(2026, 12, 24): (), date(2026, 12, 25): shifts("10:00-11:00")}, country="de", region="BE",
)  # fmt: skip
CALENDARS = Calendars(
    default="emea_office",
    calendars={"emea_office": EMEA},
    templates={"owner_hours": OWNER_HOURS, "berlin": BERLIN_OFFICE},
    holidays={
        "US": frozenset({date(2026, 11, 26)}),
        "DE-BE": frozenset({date(2026, 3, 8), date(2026, 3, 9), date(2026, 12, 25)}),
    },
)


def test_an_owner_works_in_his_own_zone_and_keeps_his_countrys_holidays() -> None:
    calendar = calendar_for(CALENDARS, "owner_hours", a_user("America/New_York", "us"), "Europe/Berlin")

    assert calendar.zone == "America/New_York"
    assert business_seconds(calendar, at("2026-11-26 00:00"), at("2026-11-27 00:00")) == 0


@pytest.mark.parametrize("owner", [None, a_user(), a_user("Mars/Olympus", "XX"), a_user("Europe", ""), a_user("../x")])
def test_an_owner_of_unknown_zone_works_in_the_companys_and_one_of_unknown_country_has_no_holidays(
    owner: User | None,
) -> None:
    calendar = calendar_for(CALENDARS, "owner_hours", owner, "Europe/Berlin")

    assert calendar.zone == "Europe/Berlin"
    assert business_seconds(calendar, at("2026-12-25 00:00"), at("2026-12-26 00:00")) == 8.5 * 3600


def test_a_regions_holidays_close_the_office_unless_the_company_says_otherwise() -> None:
    calendar = calendar_for(CALENDARS, "berlin", a_user("America/New_York", "US"), "UTC")

    assert calendar.zone == "Europe/Berlin"
    assert business_seconds(calendar, at("2026-03-09 00:00"), at("2026-03-10 00:00")) == 0
    assert business_seconds(calendar, at("2026-12-24 00:00"), at("2026-12-26 00:00")) == 3600


def test_a_calendar_is_completed_once_for_all_owners_of_one_zone_and_country() -> None:
    ada = calendar_for(CALENDARS, "owner_hours", a_user("Europe/Warsaw", "PL"), "UTC")

    assert calendar_for(CALENDARS, "owner_hours", a_user("Europe/Warsaw", "pl "), "Europe/Berlin") is ada
    assert calendar_for(CALENDARS, "owner_hours", a_user("Europe/Warsaw", "DE"), "UTC") is not ada


def test_a_calendar_that_the_rulebook_no_longer_has_means_the_default() -> None:
    assert calendar_for(CALENDARS, "closed_branch", None, "UTC") is EMEA


def test_only_names_of_the_zone_database_are_zones() -> None:
    assert is_zone("America/Los_Angeles")
    assert not is_zone("W. Europe Standard Time")


# The reference: every minute of UTC asked for its wall time, every date for its hours.

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Sao_Paulo",
)
# Around clock changes of all these zones, a year's end, a date that Samoa never had, and a Sao Paulo change at midnight.
AROUND = ("2026-03-27", "2026-10-23", "2026-03-06", "2026-10-30", "2026-04-03", "2026-10-02", "2026-12-30", "2011-12-28", "2018-02-16", "2018-11-02")  # fmt: skip

UNITS: tuple[Unit, ...] = ("elapsed", "days", "business_hours", "business_days")

minutes_of_day = st.integers(0, 24 * 4 - 1).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def day_hours(draw: st.DrawFn) -> tuple[Shift, ...]:
    edges = sorted(draw(st.sets(minutes_of_day, max_size=4)))
    return tuple(Shift(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    days = draw(st.dictionaries(st.integers(0, 6), day_hours(), min_size=4))
    if not any(days.values()):
        days[2] = shifts("01:00-03:30")
    special = draw(st.dictionaries(st.sampled_from([date(2026, 3, 30), date(2026, 10, 26)]), day_hours()))
    return Calendar("random", draw(st.sampled_from(ZONES)), days, special)


instants = st.builds(
    lambda day, minute: datetime.fromisoformat(day).replace(tzinfo=UTC) + minute * MINUTE,
    st.sampled_from(AROUND),
    st.integers(0, 4 * 24 * 60),
)


def is_working(calendar: Calendar, minute: datetime) -> bool:
    wall = minute.astimezone(ZoneInfo(calendar.zone))
    hours = calendar.special.get(wall.date(), calendar.days.get(wall.weekday(), ()))
    return any(shift.start <= wall.time() < shift.end for shift in hours)


def walked_minutes(calendar: Calendar, start: datetime, end: datetime) -> int:
    return sum(is_working(calendar, start + n * MINUTE) for n in range(round((end - start) / MINUTE)))


def walked_to(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    while minutes:
        minutes -= is_working(calendar, start)
        start += MINUTE
    return start


@settings(deadline=None, max_examples=120)
@given(calendars(), instants, st.integers(0, 3 * 24 * 60))
@example(a_calendar(days={6: shifts("01:00-02:30")}), datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 300)
def test_working_time_between_two_instants_is_what_a_walk_of_every_minute_counts(
    calendar: Calendar, start: datetime, length: int
) -> None:
    end = start + length * MINUTE

    assert business_seconds(calendar, start, end) == walked_minutes(calendar, start, end) * 60
    pieces = counted_intervals(calendar, start, end)
    assert sum((until - since).total_seconds() for since, until in pieces) == walked_minutes(calendar, start, end) * 60
    assert all(start <= since < until <= end for since, until in pieces)
    assert list(pieces) == sorted(pieces)


@settings(deadline=None, max_examples=80)
@given(calendars(), instants, st.integers(1, 600))
def test_working_time_is_added_as_a_walk_of_every_minute_would(
    calendar: Calendar, start: datetime, minutes: int
) -> None:
    assert add_business(calendar, start, minutes * 60) == walked_to(calendar, start, minutes)


def walked_business_day(calendar: Calendar, start: datetime, count: int) -> datetime:
    """Count working dates one by one, then walk the target date's minutes for the time of day."""
    zone = ZoneInfo(calendar.zone)
    opening = start
    while not is_working(calendar, opening):
        opening += MINUTE
    if not count:
        return opening
    day = opening.astimezone(zone).date()
    while count:
        day += timedelta(days=1)
        # Twelve hours around cover every zone's idea of that date.
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        working = [
            minute
            for minute in (midnight + n * MINUTE for n in range(-14 * 60, 38 * 60))
            if minute.astimezone(zone).date() == day and is_working(calendar, minute)
        ]
        count -= bool(working)
    wanted = datetime.combine(day, opening.astimezone(zone).time(), zone).astimezone(UTC)
    if wanted in working:
        return wanted
    before = [minute + MINUTE for minute in working if minute < wanted]
    return min(before[-1], wanted) if before else working[0]


@settings(deadline=None, max_examples=25)
@given(calendars(), instants, st.integers(0, 3))
def test_business_days_are_what_a_walk_over_dates_finds(calendar: Calendar, start: datetime, count: int) -> None:
    due = after(start, Duration(count, "business_days"), calendar, "UTC")

    assert due == walked_business_day(calendar, start, count)


@settings(deadline=None, max_examples=150)
@given(
    calendars(),
    instants,
    st.sampled_from(UNITS),
    st.floats(0, 6),
    st.floats(0, 6),
)
def test_more_of_a_duration_is_never_earlier_and_never_before_the_start(
    calendar: Calendar, start: datetime, unit: Unit, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    zone = calendar.zone

    first, second = (after(start, Duration(amount, unit), calendar, zone) for amount in (less, more))

    assert start <= first <= second
    assert second.tzinfo is UTC


@settings(deadline=None, max_examples=100)
@given(calendars(), instants, st.integers(1, 40_000), st.integers(1, 40_000))
def test_working_time_added_in_two_steps_ends_where_one_step_does(
    calendar: Calendar, start: datetime, first: int, second: int
) -> None:
    halfway = add_business(calendar, start, first)

    assert add_business(calendar, halfway, second) == add_business(calendar, start, first + second)
    assert business_seconds(calendar, start, halfway) == first
