"""Working hours: where an act that was wished for some instant really happens."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from leadsync.sandbox.world.desks import Desk, at_desk, is_at_desk, is_working_day

BERLIN = Desk(
    ZoneInfo("Europe/Berlin"), time(8, 40), time(17, 40), frozenset(range(5)), ((date(2026, 11, 2), date(2026, 11, 6)),)
)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo", "UTC")


def test_whoever_is_at_the_desk_acts_at_once() -> None:
    noon = datetime(2026, 11, 17, 11, tzinfo=UTC)

    assert at_desk(BERLIN, noon, Random(1)) == noon


def test_friday_evening_waits_for_monday_morning() -> None:
    monday = at_desk(BERLIN, datetime(2026, 11, 20, 18, tzinfo=UTC), Random(1)).astimezone(BERLIN.zone)

    assert monday.date() == date(2026, 11, 23)
    assert time(8, 40) <= monday.time() < time(9, 20)


def test_an_absence_waits_until_it_is_over() -> None:
    back = at_desk(BERLIN, datetime(2026, 11, 3, 10, tzinfo=UTC), Random(1)).astimezone(BERLIN.zone)

    assert back.date() == date(2026, 11, 9)


def test_nobody_works_at_christmas() -> None:
    assert not is_working_day(BERLIN, date(2026, 12, 25))


@given(
    wished=st.integers(0, 730 * 24 * 60).map(
        lambda minute: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    ),
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1),
    seed=st.integers(0, 9),
)
def test_an_act_is_never_earlier_than_wished_and_always_in_hours(
    wished: datetime, zone: str, days: set[int], seed: int
) -> None:
    desk = Desk(ZoneInfo(zone), time(8), time(16), frozenset(days))
    got = at_desk(desk, wished, Random(seed))

    assert got >= wished
    assert is_at_desk(desk, got)
    # Whoever works on Thursdays only may lose two of them to the end of the year.
    assert got - wished < timedelta(days=23)
    assert at_desk(desk, got, Random(seed + 1)) == got
