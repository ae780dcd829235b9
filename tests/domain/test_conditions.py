"""The condition language: what a test asks of a value, what missing values do, and when time alone turns an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.conditions import (
    ALWAYS,
    All,
    AnyOf,
    Condition,
    FactValue,
    Named,
    Not,
    Operand,
    Operator,
    describe,
    failing,
    fold,
    holds,
    names,
    next_change,
    number_of,
)
from leadsync.domain.conditions import (
    Test as Asks,
)
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.instants import to_text

NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Known:
    """Facts that are simply known."""

    values: Mapping[str, FactValue] = field(default_factory=dict)
    now: datetime = NOON

    def get(self, name: str) -> FactValue:
        return self.values.get(name)

    def after(self, start: datetime, duration: Duration) -> datetime:
        return start + duration.elapsed()


def asks(value: FactValue, op: Operator, operand: Operand = None) -> bool:
    return holds(Asks("it", op, operand), Known({"it": value}))


@pytest.mark.parametrize("country", ["DE", "de", " De ", "dé"])
def test_equality_ignores_case_accents_and_outer_blanks(country: str) -> None:
    assert asks(country, "equals", "de")


@pytest.mark.parametrize(
    ("written", "folded"),
    [("Straße", "strasse"), ("ŁÓDŹ", "lodz"), ("Ærø", "aero"), ("K\u0048", "kh"), ("℡", "tel"), ("İzmir", "izmir")],
)
def test_folding_leaves_plain_small_letters(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(st.text(max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_a_list_asks_for_any_of_its_entries() -> None:
    assert asks("AT", "equals", ("de", "at"))
    assert not asks("FR", "equals", ("de", "at"))


def test_a_long_list_is_looked_up() -> None:
    targets = frozenset({"initech.example", "hooli.example"})
    assert asks("Initech.example", "in_list", targets)
    assert asks(5, "equals", frozenset({"5"}))
    assert not asks("acme.example", "in_list", targets)
    assert not asks(None, "in_list", targets)


def test_a_list_that_is_looked_up_may_also_be_searched() -> None:
    assert asks("Chief Warehouse Officer", "contains", frozenset({"warehouse", "fleet"}))


@pytest.mark.parametrize(
    ("value", "operand"), [(72, 72.0), (72.0, 72), ("72", 72), (" 72.0 ", 72), (72, "72"), (72.0, "72"), (72.5, "72.5")]
)
def test_a_number_equals_itself_however_it_is_kept(value: FactValue, operand: Operand) -> None:
    assert asks(value, "equals", operand)


@pytest.mark.parametrize("value", ["many", "1e3", "0x10", "", "1_000", "nan", True, (), "٣", "9" * 400])
def test_what_is_no_number_has_none(value: FactValue) -> None:
    assert number_of(value) is None
    assert not asks(value, "at_least", 0)
    assert not asks(value, "less_than", 10_000)


@pytest.mark.parametrize("value", [200, 200.0, "200", 999])
def test_employees_between_two_bounds(value: FactValue) -> None:
    mid_size = All((Asks("employees", "at_least", 200), Asks("employees", "less_than", 1000)))
    assert holds(mid_size, Known({"employees": value}))
    assert not holds(mid_size, Known({"employees": 1000}))
    assert not holds(mid_size, Known({"employees": 199.5}))


def test_the_bounds_themselves() -> None:
    assert asks(5, "at_most", 5)
    assert not asks(5, "less_than", 5)
    assert asks(5, "at_least", 5)
    assert not asks(5, "more_than", 5)


@pytest.mark.parametrize(
    ("code", "south"), [("70173", True), ("7", False), ("97999", True), ("98000", False), (70173, True)]
)
def test_postal_codes_compare_letter_by_letter(code: FactValue, south: bool) -> None:
    assert holds(All((Asks("it", "at_least", "70000"), Asks("it", "at_most", "97999"))), Known({"it": code})) is south


def test_the_leading_nought_of_a_postal_code_counts() -> None:
    assert not asks("01067", "at_least", "70000")
    assert not asks("01067", "equals", "1067")


def test_dates_compare_as_dates() -> None:
    assert asks("2026-12-24", "at_least", "2026-12-24")
    assert not asks("2026-12-23T23:59:59Z", "at_least", "2026-12-24")
    assert asks("2026-12-24T18:00:00Z", "more_than", "2026-12-24t17:00:00z")


def test_a_bare_day_as_the_last_one_is_taken_in_whole() -> None:
    assert asks("2026-12-24T18:00:00Z", "at_most", "2026-12-24")
    assert asks("2026-12-24T18:00:00Z", "equals", "2026-12-24")
    assert not asks("2026-12-24T18:00:00Z", "more_than", "2026-12-24")
    assert not asks("2026-12-25T00:00:00Z", "at_most", "2026-12-24")


def test_texts_are_searched_folded() -> None:
    assert asks("Präsident der Jobsuche", "contains", ("arbeit", "president", "prasident"))
    assert asks("Lager Süd", "starts_with", "lager")
    assert asks("Lager Süd", "ends_with", "sud")
    assert asks(70173, "starts_with", 70)
    assert not asks(True, "contains", "tru")
    assert not asks("x", "contains", None)


def test_one_of_several_values_is_enough() -> None:
    assert asks(("de", "en"), "equals", "en")
    assert not asks(("de", None, " "), "equals", "fr")


@pytest.mark.parametrize("missing", [None, "", "  ", (), (None, "")])
def test_a_missing_value_fails_every_test_but_that_it_is_missing(missing: FactValue) -> None:
    operators: tuple[tuple[Operator, Operand], ...] = (
        ("equals", "de"), ("at_least", 0), ("at_most", 9), ("more_than", ""), ("less_than", "z"), ("contains", ""),
        ("starts_with", ""), ("ends_with", ""), ("in_list", ("de",)), ("within", parse_duration("90d")),
        ("older_than", parse_duration("1d")), ("yes", None), ("filled", True),
    )  # fmt: skip
    for op, operand in operators:
        assert not asks(missing, op, operand), op
        assert holds(Not(Asks("it", op, operand)), Known({"it": missing})), op
    assert asks(missing, "filled", False)


def test_a_yes_no_counts_when_it_is_yes_and_any_other_field_when_it_is_filled() -> None:
    assert asks(True, "yes")
    assert not asks(False, "yes")
    assert asks(0, "yes")
    assert asks("2026-11-01", "yes")
    assert not asks("false", "yes")
    assert asks(0, "filled", True)


def test_a_yes_no_is_never_a_number_or_a_text() -> None:
    assert not asks(True, "equals", 1)
    assert not asks(1, "equals", True)
    assert not asks(True, "equals", "true")
    assert not asks(True, "at_least", "a")
    assert asks(False, "equals", (True, False))
    assert asks("true", "equals", True)


def test_a_duration_has_passed_at_its_very_instant() -> None:
    touched = to_text(NOON - timedelta(days=180))
    assert asks(touched, "older_than", parse_duration("180d"))
    assert asks(touched, "at_least", parse_duration("180d"))
    assert asks(touched, "more_than", parse_duration("180d"))
    assert not asks(touched, "within", parse_duration("180d"))
    assert not asks(touched, "less_than", parse_duration("180d"))
    assert asks(touched, "within", parse_duration("181d"))
    assert asks(touched, "at_most", parse_duration("181d"))


def test_what_lies_ahead_is_not_within_the_last_days() -> None:
    renewal = to_text(NOON + timedelta(days=3))
    assert not asks(renewal, "within", parse_duration("90d"))
    assert not asks(renewal, "older_than", parse_duration("1d"))
    assert next_change(Asks("it", "within", parse_duration("90d")), Known({"it": renewal})) == NOON + timedelta(days=3)


@pytest.mark.parametrize("text", ["soon", 20261119, True])
def test_what_is_no_date_is_neither_young_nor_old(text: FactValue) -> None:
    ops: tuple[Operator, ...] = ("within", "older_than", "at_least", "less_than")
    for op in ops:
        assert not asks(text, op, parse_duration("1d"))
    assert next_change(Asks("it", "older_than", parse_duration("1d")), Known({"it": text})) is None


def test_the_last_day_there_is_never_grows_old() -> None:
    assert not asks("9999-12-31", "older_than", parse_duration("90d"))
    assert asks("9999-12-31", "at_most", parse_duration("90d"))


def test_all_of_nothing_holds_and_any_of_nothing_does_not() -> None:
    assert holds(ALWAYS, Known())
    assert not holds(AnyOf(()), Known())
    assert failing(AnyOf(()), Known()) == ("never",)


def test_a_description_reads_like_the_rule() -> None:
    icp = Named("icp", Asks("employees", "at_least", 200))
    rule = All(
        (
            Asks("country", "equals", ("de", "at")),
            AnyOf((icp, Asks("target", "yes"))),
            Not(Asks("email", "filled", True)),
        )
    )
    assert describe(rule) == "country is de or at and (icp or target) and not email is filled"
    assert describe(Not(rule)).startswith("not (country is")
    assert describe(Asks("phone", "filled", False)) == "phone is empty"
    assert describe(Asks("x", "older_than", parse_duration("180d"))) == "x older than 180d"
    assert describe(Asks("x", "in_list", frozenset("gfedcba"))) == "x in list a or b or c or d or e or 2 more"
    assert describe(ALWAYS) == "always"
    assert describe(AnyOf((All((icp,)),))) == "icp"


def test_what_is_lacking_is_named_by_the_rule_that_asks_for_it() -> None:
    email, phone, reason = (Asks(name, "yes") for name in ("email", "phone", "reason"))
    needs = All((AnyOf((All((email, phone)), Not(ALWAYS))), Named("icp", reason), reason))
    assert failing(needs, Known({"phone": "1"})) == ("email or not always", "icp", "reason")
    assert failing(AnyOf((All((email, phone)), reason)), Known()) == ("email and phone or reason",)


def test_the_names_of_named_conditions_are_found_too() -> None:
    rule = All((Asks("a", "yes"), AnyOf((Not(Asks("b", "yes")), Named("icp", Asks("c", "yes"))))))
    assert names(rule) == {"a", "b", "c"}
    assert names(ALWAYS) == frozenset()


NAMES = ("a", "b", "c")
VALUES: st.SearchStrategy[FactValue] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 2.5, "", "de", "2", "2026-11-19"]),
    st.integers(-90, 90).map(lambda hours: to_text(NOON + timedelta(hours=hours))),
    st.tuples(st.sampled_from(["de", "", "2026-11-18T00:00:00Z"]), st.sampled_from([None, "2026-11-20"])),
)
FACTS = st.dictionaries(st.sampled_from(NAMES), VALUES).map(Known)
TESTS = st.one_of(
    st.builds(Asks, st.sampled_from(NAMES), st.sampled_from(["yes"])),
    st.builds(Asks, st.sampled_from(NAMES), st.just("filled"), st.booleans()),
    st.builds(
        Asks,
        st.sampled_from(NAMES),
        st.sampled_from(
            ["equals", "at_least", "at_most", "more_than", "less_than", "contains", "starts_with", "ends_with"]
        ),
        st.sampled_from([1, "de", "2026-11-19", ("de", 2)]),
    ),
    st.builds(
        Asks,
        st.sampled_from(NAMES),
        st.sampled_from(["within", "older_than", "at_least", "at_most", "less_than", "more_than"]),
        st.sampled_from(["30m", "5h", "24h", "3d"]).map(parse_duration),
    ),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    TESTS,
    lambda parts: st.one_of(
        st.builds(Not, parts),
        st.builds(Named, st.just("named"), parts),
        st.builds(All, st.lists(parts, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(parts, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@given(st.lists(CONDITIONS, max_size=3).map(tuple), FACTS)
def test_not_all_is_any_not_whatever_is_missing(parts: tuple[Condition, ...], facts: Known) -> None:
    assert holds(Not(All(parts)), facts) == holds(AnyOf(tuple(Not(part) for part in parts)), facts)
    assert holds(Not(AnyOf(parts)), facts) == holds(All(tuple(Not(part) for part in parts)), facts)


@given(CONDITIONS, FACTS)
def test_something_is_lacking_exactly_when_the_condition_does_not_hold(condition: Condition, facts: Known) -> None:
    lacking = failing(condition, facts)
    assert holds(condition, facts) == (lacking == ())
    assert all(lacking)


@given(CONDITIONS, FACTS, st.integers(0, 400))
def test_no_answer_turns_before_it_is_said_to(condition: Condition, facts: Known, half_hours: int) -> None:
    turn = next_change(condition, facts)
    then = NOON + timedelta(minutes=30) * half_hours
    if turn is None or then < turn:
        assert holds(condition, replace(facts, now=then)) == holds(condition, facts)
    else:
        assert turn > NOON


@given(TESTS, FACTS)
def test_a_lone_test_on_an_age_turns_when_it_is_said_to(test: Asks, facts: Known) -> None:
    turn = next_change(test, facts)
    one_value = not isinstance(facts.get(test.name), tuple)
    if turn is not None and one_value:
        before = holds(test, replace(facts, now=turn - timedelta(seconds=1)))
        assert holds(test, replace(facts, now=turn)) != before
