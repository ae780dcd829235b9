"""Points: lines that add up to the score, caps, decay from each touch's own date, and when time alone changes a score."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.conditions import ALWAYS, FactValue
from leadsync.domain.conditions import Test as Asks
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.fading import HORIZON, next_score_change
from leadsync.domain.instants import to_text
from leadsync.domain.records import Ref
from leadsync.domain.scoring import (
    Decay,
    Product,
    ScoreLine,
    Scoring,
    Term,
    base_points,
    is_hand_raised,
    score,
    share_left,
    touch_facts,
)
from leadsync.domain.titles import Titles
from leadsync.domain.touches import Direction, Touch

DAY_0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
LEAD = Ref("salesforce", "lead", "00Q1")

SCORING = Scoring(
    score_from="rules",
    min_change=5,
    bands=((0, "cold"), (50, "warm"), (100, "qualified"), (150, "hot")),
    caps={"demographic": 5000, "negative": -6000, "behavioural": 12000},
    families={
        "demographic": (Term("manager", 2000, Asks("seniority", "equals", "manager")),),
        "firmographic": (
            Term("core industry", 2000, Asks("industry", "equals", "retail")),
            Term("mid-size", 2000, Asks("employees", "at_least", 200)),
        ),
        "account": (Term("account score", 0, field="account.rating", factor=0.1),),
        "negative": (
            Term("free-mail address", -1000, Asks("free_mail", "yes")),
            Term("silent for half a year", -1000, Asks("last_inbound_at", "older_than", parse_duration("180d"))),
        ),
    },
    default_decay=Decay("half_life", 30),
    decay_by_channel={
        "email": Decay("linear", 30),
        "referral": Decay("step", steps=((60, 0.5), (180, 0.0))),
    },
    weak=frozenset({"opened"}),
    matrix={
        ("medium", "webinar", "attended"): 2000,
        ("medium", "webinar", "registered"): 800,
        ("low", "web", "demo_request"): 3000,
        ("low", "web", "contact_me"): 4000,
        ("low", "email", "opened"): 100,
        ("low", "email", "replied"): 1500,
        ("low", "email", "unsubscribed"): -2500,
        ("low", "referral", "registered"): 1500,
        ("low", "web", "visited"): 0,
    },
    fast_lane=Asks("response", "equals", "contact_me"),
    products=(
        Product("warehouse", "Warehouse Suite", Asks("campaign", "contains", ("wms", "lager")), Decay("half_life", 45)),
        Product("fleet", "Fleet Suite", Asks("campaign", "contains", "fleet"), Decay("linear", 60)),
    ),
    titles=Titles({}, {}),
)


@dataclass(frozen=True)
class Known:
    """Facts that are simply known."""

    values: Mapping[str, FactValue] = field(default_factory=dict)
    now: datetime = DAY_0

    def get(self, name: str) -> FactValue:
        return self.values.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        return start + duration.elapsed()


NOBODY = Known()
GOOD_FIT = Known({"seniority": "manager", "industry": "Retail", "employees": 500})


def a_touch(
    cell: str = "low web demo_request",
    *,
    days: float = 0,
    touch_id: str | None = None,
    campaign: str | None = None,
    direction: Direction = "inbound",
    retracted: bool = False,
) -> Touch:
    investment, channel, response = cell.split()
    at = DAY_0 + timedelta(days=days)
    return Touch(
        touch_id or f"form:{cell}:{days}",
        LEAD,
        "form",
        direction,
        at,
        channel=channel,
        investment=investment,
        response=response,
        campaign=campaign,
        retracted=retracted,
    )


def on_day(days: float) -> datetime:
    return DAY_0 + timedelta(days=days)


def points(*touches: Touch, days: float = 0, facts: Known = NOBODY, scoring: Scoring = SCORING) -> int:
    return score(scoring, facts, touches, on_day(days)).points


def test_fit_and_behaviour_make_a_qualified_lead_whose_behaviour_halves_in_a_month() -> None:
    touches = (a_touch("medium webinar attended"), a_touch())
    first = score(SCORING, GOOD_FIT, touches, DAY_0)
    assert (first.points, first.whole, first.band) == (11000, 110, "qualified")
    assert [(line.family, line.points) for line in first.lines] == [
        ("demographic", 2000),
        ("firmographic", 2000),
        ("firmographic", 2000),
        ("behavioural", 2000),
        ("behavioural", 3000),
    ]
    later = score(SCORING, GOOD_FIT, touches[::-1], on_day(30))
    assert (later.points, later.whole, later.band) == (8500, 85, "warm")


def test_a_line_names_its_touch() -> None:
    assert score(SCORING, NOBODY, (a_touch(touch_id="form:7"),), DAY_0).lines == (
        ScoreLine("behavioural", "web demo_request, low investment", 3000, "form:7"),
    )


def test_a_cell_that_the_matrix_lacks_gives_nothing_and_says_so() -> None:
    unknown = replace(a_touch(), channel=None)
    lines = score(SCORING, NOBODY, (a_touch("high web demo_request"), unknown), DAY_0).lines
    assert {(line.name, line.points) for line in lines} == {
        ("web demo_request, high investment (not in the matrix)", 0),
        ("? demo_request, low investment (not in the matrix)", 0),
    }
    assert base_points(SCORING, unknown) is None


@pytest.mark.parametrize(
    "touch",
    [a_touch(direction="outbound"), a_touch(retracted=True), a_touch(days=0.001)],
    ids=["ours", "retracted", "still to come"],
)
def test_only_what_the_person_has_done_scores(touch: Touch) -> None:
    assert points(touch) == 0


def test_a_held_meeting_scores_for_both_sides() -> None:
    assert points(a_touch(direction="both")) == 3000


def test_weak_touches_score_too() -> None:
    assert points(a_touch("low email opened")) == 100


def test_a_campaign_member_scores_once_by_the_highest_status() -> None:
    registered = a_touch("medium webinar registered", touch_id="cm:00v1:Registered: online")
    attended = a_touch("medium webinar attended", touch_id="cm:00v1:Attended")
    other = a_touch("medium webinar registered", touch_id="cm:00v2:Registered: online")
    assert points(registered, attended) == 2000
    assert points(attended, other) == 2800
    assert points(registered, a_touch("low email unsubscribed", touch_id="cm:00v1:Unsubscribed")) == 800


def test_of_two_equal_statuses_the_newer_one_is_named() -> None:
    old = a_touch("low web visited", touch_id="cm:1:A")
    new = a_touch("low web visited", days=1, touch_id="cm:1:B")
    assert [line.touch_id for line in score(SCORING, NOBODY, (old, new), on_day(1)).lines] == ["cm:1:B"]


@pytest.mark.parametrize(
    ("decay", "shares"),
    [
        (Decay("half_life", 30), {0: 1.0, 30: 0.5, 90: 0.125}),
        (Decay("linear", 60), {0: 1.0, 15: 0.75, 60: 0.0, 900: 0.0}),
        (Decay("step", steps=((60, 0.5), (180, 0.0))), {0: 1.0, 59.99: 1.0, 60: 0.5, 179: 0.5, 180: 0.0}),
    ],
)
def test_what_is_left_of_a_touch(decay: Decay, shares: Mapping[float, float]) -> None:
    assert {days: share_left(decay, DAY_0, on_day(days)) for days in shares} == shares


def test_decay_goes_by_channel() -> None:
    assert points(a_touch("low email replied"), days=15) == 750
    assert points(a_touch("low referral registered"), days=61) == 750
    assert points(a_touch("low web demo_request"), days=15) == 2121


def test_a_family_gives_no_more_than_its_cap_and_a_line_says_so() -> None:
    many = tuple(a_touch(touch_id=f"form:{number}") for number in range(5))
    capped = score(SCORING, NOBODY, many, DAY_0)
    assert capped.points == 12000
    assert capped.lines[-1] == ScoreLine("behavioural", "cap of 120", -3000)


def test_the_negative_family_takes_no_more_than_its_cap() -> None:
    harsh = replace(SCORING, families={"negative": (Term("a", -5000), Term("b", -4000))})
    assert [line.points for line in score(harsh, NOBODY, (), DAY_0).lines] == [-5000, -4000, 3000]
    assert score(harsh, NOBODY, (), DAY_0).points == -6000


def test_the_crm_gets_whole_points_from_0_to_999() -> None:
    low = replace(SCORING, families={"negative": (Term("a", -5),)}, bands=((5, "warm"),))
    high = replace(SCORING, families={"account": (Term("a", 1_234_567),)})
    assert (score(low, NOBODY, (), DAY_0).whole, score(low, NOBODY, (), DAY_0).band) == (0, None)
    assert (score(high, NOBODY, (), DAY_0).whole, score(high, NOBODY, (), DAY_0).band) == (999, "hot")
    assert score(replace(low, families={"account": (Term("a", 9999),)}), NOBODY, (), DAY_0).whole == 99


@pytest.mark.parametrize(("rating", "expected"), [(70, 700), ("35", 350), (None, None), ("hot", None)])
def test_a_number_field_gives_points_by_its_factor(rating: FactValue, expected: int | None) -> None:
    lines = score(SCORING, Known({"account.rating": rating}), (), DAY_0).lines
    assert [line.points for line in lines] == ([] if expected is None else [expected])


def test_a_score_may_be_read_from_a_field_instead() -> None:
    read = replace(SCORING, score_from=("marketing_score", 0.5))
    touches = (a_touch(campaign="Fleet day"),)
    given_score = score(read, Known({"marketing_score": 141, "seniority": "manager"}), touches, DAY_0)
    assert (given_score.points, given_score.whole, given_score.product) == (7050, 70, "fleet")
    assert given_score.lines == (ScoreLine("score_from", "marketing_score", 7050),)
    assert score(read, NOBODY, (), DAY_0).lines == (ScoreLine("score_from", "marketing_score is missing", 0),)
    assert next_score_change(read, GOOD_FIT, touches, DAY_0, last_whole=70) is None


def test_the_recycle_basis_keeps_fit_and_counts_only_what_came_after() -> None:
    touches = (a_touch(), a_touch("medium webinar attended", days=10))
    basis = score(SCORING, GOOD_FIT, touches, on_day(10), since=DAY_0)
    assert basis.points == 6000 + 2000
    assert score(SCORING, GOOD_FIT, touches, on_day(10), since=on_day(10)).points == 6000


def test_the_product_of_most_interest_is_named_and_fades_by_its_own_decay() -> None:
    touches = (a_touch(campaign="WMS tour"), a_touch("low email replied", campaign="Fleet", days=0), a_touch())
    first = score(SCORING, NOBODY, touches, DAY_0)
    assert (first.products, first.product) == ({"warehouse": 3000, "fleet": 1500}, "warehouse")
    assert score(SCORING, NOBODY, touches, on_day(45)).products == {"warehouse": 1500, "fleet": 375}
    assert score(SCORING, NOBODY, (a_touch(),), DAY_0).product is None


def test_a_campaign_member_shows_interest_in_a_product_once() -> None:
    registered = a_touch("medium webinar registered", touch_id="cm:1:Registered", campaign="wms")
    attended = a_touch("medium webinar attended", touch_id="cm:1:Attended", campaign="wms")
    unlisted = a_touch("high web visited", touch_id="x", campaign="wms")
    assert score(SCORING, NOBODY, (attended, registered, unlisted), DAY_0).products["warehouse"] == 2000


def test_a_raised_hand_is_inbound_and_in_the_fast_lane() -> None:
    assert is_hand_raised(SCORING, a_touch("low web contact_me"))
    assert not is_hand_raised(SCORING, a_touch())
    assert not is_hand_raised(SCORING, a_touch("low web contact_me", direction="outbound"))
    assert not is_hand_raised(replace(SCORING, fast_lane=None), a_touch("low web contact_me"))
    assert is_hand_raised(replace(SCORING, fast_lane=ALWAYS), a_touch())


def test_conditions_ask_a_touch_by_five_names() -> None:
    facts = touch_facts(a_touch(campaign="WMS tour"))
    answers = [facts.get(name) for name in ("channel", "investment", "response", "campaign", "kind", "stage")]
    assert answers == ["web", "low", "demo_request", "WMS tour", "form", None]
    assert facts.now == DAY_0
    assert facts.after(DAY_0, parse_duration("2d")) == on_day(2)


CELLS = [" ".join(cell) for cell in SCORING.matrix]
TOUCHES = st.lists(
    st.builds(
        lambda cell, hours, source: a_touch(cell, days=hours / 24, touch_id=f"{source}:{cell}"),
        st.sampled_from(CELLS),
        st.integers(-24 * 200, 0),
        st.sampled_from(["cm:1", "cm:2", "form:3", "form:4", "form:5"]),
    ),
    max_size=8,
    unique_by=lambda touch: touch.touch_id,
).map(tuple)
PEOPLE = st.fixed_dictionaries(
    {
        "seniority": st.sampled_from(["manager", None]),
        "employees": st.sampled_from([500, 10, None]),
        "account.rating": st.sampled_from([None, 33, 77.7]),
        "free_mail": st.booleans(),
    }
)
MINUTES = st.integers(0, 60 * 24 * 400)


@given(PEOPLE, TOUCHES, MINUTES)
def test_the_lines_add_up_to_the_score_for_everybody(
    person: dict[str, FactValue], touches: tuple[Touch, ...], age: int
) -> None:
    now = DAY_0 + timedelta(minutes=age)
    answer = score(SCORING, Known(person, now), touches, now)
    assert sum(line.points for line in answer.lines) == answer.points
    assert answer.whole == min(max(answer.points // 100, 0), 999)


@given(PEOPLE, TOUCHES, MINUTES)
def test_no_line_is_a_whole_hundredth_off(person: dict[str, FactValue], touches: tuple[Touch, ...], age: int) -> None:
    now = DAY_0 + timedelta(minutes=age)
    by_id = {touch.touch_id: touch for touch in touches}
    for line in score(SCORING, Known(person, now), touches, now).lines:
        if line.touch_id is not None:
            touch = by_id[line.touch_id]
            decay = SCORING.decay_by_channel.get(touch.channel or "", SCORING.default_decay)
            exact = (base_points(SCORING, touch) or 0) * Fraction(share_left(decay, touch.at, now))
            assert abs(line.points - exact) < 1


@given(PEOPLE, TOUCHES, st.randoms(use_true_random=False), MINUTES)
def test_the_order_of_events_makes_no_difference(
    person: dict[str, FactValue], touches: tuple[Touch, ...], order: Random, age: int
) -> None:
    now = DAY_0 + timedelta(minutes=age)
    shuffled = order.sample(touches, len(touches))
    assert score(SCORING, Known(person, now), shuffled, now) == score(SCORING, Known(person, now), touches, now)


def test_a_fading_score_is_worth_writing_when_it_crosses_a_band() -> None:
    touches = (a_touch("medium webinar attended"), a_touch())
    facts = replace(GOOD_FIT, values={**GOOD_FIT.values, "seniority": None})  # 40 + 50, fading
    change = next_score_change(SCORING, facts, touches, DAY_0, last_whole=90)
    assert change is not None
    before, then = (score(SCORING, facts, touches, at).points for at in (change - timedelta(minutes=1), change))
    assert before >= 8600 > then
    assert change.second == 0


def test_a_small_fade_matters_at_a_band_s_edge() -> None:
    touches = (a_touch(),)
    facts = Known({"industry": "retail"})  # 20 + 30
    change = next_score_change(SCORING, facts, touches, DAY_0, last_whole=50)
    assert change == DAY_0 + timedelta(minutes=11)  # 49.995 points are 50.00 in hundredths until then


def test_the_bar_is_an_edge_even_where_no_band_begins() -> None:
    plain = replace(SCORING, bands=((0, "all"),), min_change=50)
    facts = replace(GOOD_FIT, values={**GOOD_FIT.values, "account.rating": 200})  # 60 + 20
    touches = (a_touch("medium webinar attended"), a_touch("low email opened"))
    change = next_score_change(plain, facts, touches, DAY_0, last_whole=101)
    assert change is not None
    assert score(plain, facts, touches, change).whole == 99


def test_when_the_score_has_moved_already_it_counts_from_now() -> None:
    touches = (a_touch(),)
    from_now = next_score_change(SCORING, NOBODY, touches, DAY_0, last_whole=30)
    assert from_now is not None
    assert next_score_change(SCORING, NOBODY, touches, DAY_0, last_whole=None) == from_now
    assert next_score_change(SCORING, NOBODY, touches, DAY_0, last_whole=80) == from_now
    assert next_score_change(SCORING, NOBODY, touches, DAY_0, last_whole=28) > from_now  # type: ignore[operator]


def test_what_never_fades_far_enough_never_wakes_anybody() -> None:
    assert next_score_change(SCORING, GOOD_FIT, (), DAY_0, last_whole=60) is None
    assert next_score_change(SCORING, NOBODY, (a_touch("low email opened"),), DAY_0, last_whole=1) is None
    assert next_score_change(SCORING, NOBODY, (a_touch(),), DAY_0, last_whole=30, since=DAY_0) is None
    assert timedelta(days=36_000) < HORIZON


def test_a_condition_on_a_date_turns_at_its_very_instant() -> None:
    silent_since = on_day(-100) + timedelta(seconds=7)
    facts = Known({**GOOD_FIT.values, "last_inbound_at": to_text(silent_since)})
    assert next_score_change(SCORING, facts, (), DAY_0, last_whole=60) == silent_since + timedelta(days=180)


def test_a_score_that_rises_to_the_very_edge_of_a_band_has_crossed_it() -> None:
    fresh_call = Term("called just now", -100, Asks("called_at", "within", parse_duration("24h")))
    rules = replace(SCORING, families={"account": (Term("base", 5000),), "negative": (fresh_call,)})
    facts = Known({"called_at": to_text(DAY_0)})
    assert next_score_change(rules, facts, (), DAY_0, last_whole=49) == on_day(1)


@pytest.mark.parametrize("first", ["gain", "loss"])
def test_a_score_that_leaves_and_comes_back_is_caught_when_it_leaves(first: str) -> None:
    steps = Decay("step", steps=((60, 0.5), (180, 0.0)))
    six, four = (
        (1200, -800) if first == "gain" else (-1200, 800)
    )  # halved after 60 days: 6 points, and 4 back a day later
    rules = replace(
        SCORING,
        families={"account": (Term("base", 5000),)},
        matrix={("low", "web", "a"): six, ("low", "web", "b"): four},
        default_decay=steps,
        bands=(),
    )
    touches = (a_touch("low web a"), a_touch("low web b", days=1))
    now = on_day(2)
    base = score(rules, NOBODY, touches, now).whole
    assert next_score_change(rules, NOBODY, touches, now, last_whole=base) == on_day(60)
    assert abs(score(rules, NOBODY, touches, on_day(61)).whole - base) < 5


def test_two_statuses_of_one_member_may_fade_at_different_paces() -> None:
    old = a_touch(days=-60, touch_id="cm:1:Demo")  # 30 points, 7.5 now
    new = a_touch("low email replied", touch_id="cm:1:Replied")  # 15 points, gone in 30 days
    change = next_score_change(SCORING, NOBODY, (old, new), DAY_0, last_whole=15)
    assert change is not None
    before, then = (score(SCORING, NOBODY, (old, new), at).points for at in (change - timedelta(minutes=1), change))
    assert before >= 1100 > then


def test_no_least_change_at_all_still_means_a_whole_point() -> None:
    eager = replace(SCORING, min_change=0)
    assert next_score_change(eager, GOOD_FIT, (), DAY_0, last_whole=60) is None


def test_a_condition_that_turns_too_little_is_passed_over() -> None:
    gentle = replace(
        SCORING, families={"negative": (Term("a", -400, Asks("seen", "older_than", parse_duration("1d"))),)}, bands=()
    )
    assert next_score_change(gentle, Known({"seen": to_text(DAY_0)}), (), DAY_0, last_whole=0) is None


def test_a_touch_still_to_come_is_a_change_of_its_own() -> None:
    meeting = a_touch("medium webinar attended", days=0.5, direction="both")
    assert next_score_change(SCORING, NOBODY, (meeting,), DAY_0, last_whole=0) == meeting.at


def test_two_conditions_that_turn_within_one_minute_are_told_apart() -> None:
    rules = replace(
        SCORING,
        families={
            "negative": (
                Term("a", -100, Asks("seen", "older_than", parse_duration("24h"))),
                Term("b", -700, Asks("read", "older_than", parse_duration("24h"))),
            ),
            "account": (Term("base", 3000),),
        },
    )
    facts = Known({"seen": to_text(DAY_0 + timedelta(seconds=5)), "read": to_text(DAY_0 + timedelta(seconds=9))})
    assert next_score_change(rules, facts, (), DAY_0, last_whole=30) == on_day(1) + timedelta(seconds=9)


@given(PEOPLE, TOUCHES, st.sampled_from([None, 0, 20, 47, 60]), st.sampled_from([1, 5, 12]), st.data())
def test_no_write_is_due_before_the_change_and_one_is_at_it(
    person: dict[str, FactValue], touches: tuple[Touch, ...], last: int | None, step: int, data: st.DataObject
) -> None:
    rules = replace(SCORING, min_change=step)
    last_at = max((touch.at for touch in touches), default=None)
    facts = Known({**person, "last_inbound_at": to_text(last_at) if last_at else None})

    def at(then: datetime) -> tuple[int, str | None, bool]:
        answer = score(rules, replace(facts, now=then), touches, then)
        return answer.whole, answer.band, answer.whole >= 100

    def is_due(then: datetime, base: int) -> bool:
        band = max(start for start, _ in rules.bands if start <= base)
        now_band = max(start for start, _ in rules.bands if start <= at(then)[0])
        return abs(at(then)[0] - base) >= step or band != now_band

    change = next_score_change(rules, facts, touches, DAY_0, last_whole=last)
    base = at(DAY_0)[0] if last is None or is_due(DAY_0, last) else last
    if change is not None:
        assert change > DAY_0
        assert is_due(change, base)
    minutes = int(((change or on_day(500)) - DAY_0) / timedelta(minutes=1))
    then = DAY_0 + timedelta(minutes=data.draw(st.integers(0, max(minutes - 1, 0))))
    assert not is_due(then, base)
