"""Quantiles, and how many had gone on by a day although some were still waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.reports.estimate import Observation, incidence, quantile


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([4.0], 0.5, 4.0),
        ([1.0, 3.0], 0.5, 2.0),
        ([5.0, 1.0, 3.0], 0.5, 3.0),
        ([float(n) for n in range(1, 11)], 0.8, 8.5),
    ],
)
def test_a_quantile_lies_between_those_below_and_above(
    values: list[float], share: float, expected: float | None
) -> None:
    assert quantile(values, share) == expected


def test_who_is_still_waiting_counts_for_as_long_as_they_were_watched() -> None:
    # Of four, one goes on at 1; one is lost at 2; one of the two left goes on at 3: 1/4 + 3/4 * 1/2.
    seen = [Observation(1, "next"), Observation(2, None), Observation(3, "next"), Observation(4, None)]
    assert incidence(seen, "next", 3) == 62.5


def test_whoever_ended_otherwise_can_never_go_on() -> None:
    # 1/3 go on at 1; then of two one is recycled at 2; the last goes on at 3: 1/3 + 2/3 * 1/2.
    seen = [Observation(1, "next"), Observation(2, "recycled"), Observation(3, "next")]
    assert incidence(seen, "next", 5) == 66.7
    assert incidence(seen, "recycled", 5) == 33.3


def test_nothing_is_said_of_days_that_nobody_was_watched_for() -> None:
    assert incidence([], "next", 7) is None
    assert incidence([Observation(3, None)], "next", 7) is None
    assert incidence([Observation(3, None)], "next", 3) == 0.0


OBSERVED = st.lists(
    st.builds(Observation, st.floats(0, 100), st.sampled_from(["next", "recycled", "disqualified", None])), min_size=1
)


@given(OBSERVED, st.floats(0, 100), st.floats(0, 100))
def test_shares_grow_with_the_days_and_never_exceed_the_whole(
    seen: list[Observation], one: float, other: float
) -> None:
    early, late = (incidence(seen, "next", days) for days in sorted((one, other)))
    if early is not None and late is not None:
        assert 0 <= early <= late <= 100
    shares = [incidence(seen, end, one) for end in ("next", "recycled", "disqualified")]
    if None not in shares:
        assert sum(share for share in shares if share is not None) <= 100.2


@given(
    st.lists(st.builds(Observation, st.floats(0, 50), st.sampled_from(["next", "recycled"])), min_size=1),
    st.floats(0, 60),
)
def test_where_nobody_waits_any_more_it_is_the_plain_share(seen: list[Observation], days: float) -> None:
    plain = 100 * sum(1 for one in seen if one.end == "next" and one.days <= days) / len(seen)
    assert incidence(seen, "next", days) == pytest.approx(plain, abs=0.051)
