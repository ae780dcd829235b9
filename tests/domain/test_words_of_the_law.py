"""Small things that the other rules stand on: durations as written, reasons by label, facts given in another's place."""

from dataclasses import replace

import pytest
from building import (
    GO_LIVE,
    MAPPING,
    NOW,
    RULES,
    a_book,
    a_directory,
    a_record,
    a_situation,
    at,
    born,
    clock_of,
    decided,
    grounds,
    standing,
)

from leadsync.domain.clocks import agree
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.facts import Given
from leadsync.domain.mapping import stage_of
from leadsync.domain.members import Absence, midnight_of
from leadsync.domain.pools import PoolBook


@pytest.mark.parametrize("text", ["30s", "15m", "24h", "60d", "1 business hour", "3 business days"])
def test_a_duration_reads_as_it_is_written(text: str) -> None:
    assert str(parse_duration(text)) == text


def test_a_duration_that_is_none_is_refused_and_business_time_has_no_length() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("soon")
    with pytest.raises(ValueError, match="no fixed length"):
        Duration(1, "business_days").elapsed()
    assert Duration(1, "days").elapsed() == Duration(86400, "elapsed").elapsed()
    assert Duration(2, "business_days").times(0.5) == Duration(1, "business_days")


def test_a_reason_is_known_by_its_label_or_its_key() -> None:
    law = RULES.law

    assert law.reason_by_label(" timing ") == law.reason_by_label("Timing") == law.reasons["timing"]
    assert law.reason_by_label("no_budget") == law.reasons["no_budget"]
    assert law.reason_by_label("Weather") is None
    assert law.reason_by_label("") is None


def test_a_value_stands_for_a_stage_or_for_none() -> None:
    assert [stage_of(MAPPING, value) for value in ("Marketing Qualified", "Hot", None)] == ["mql", None, None]


def test_given_facts_go_before_those_of_the_person() -> None:
    facts = standing(a_situation(a_record(), born())).facts
    given = Given(facts, {"attempts": 3})

    assert (given.get("attempts"), given.get("stage"), given.now) == (3, "inquiry", NOW)
    assert given.after(NOW, Duration(1, "days")) == at("2026-11-26 10:00")


def test_going_live_divides_what_has_effects_from_what_has_none() -> None:
    assert [grounds().is_live(moment) for moment in (GO_LIVE, None, at("2025-12-31 23:59"))] == [True, False, False]
    assert not grounds(go_live_at=None).is_live(GO_LIVE)


def test_an_absence_begins_at_midnight_in_the_company() -> None:
    ada = a_directory().users["005-ada"]
    pool = RULES.routing.pools["development"]
    members = tuple(replace(m, absences=(Absence("2026-12-21", "2027-01-02"),)) for m in pool.members)
    book = PoolBook({"development": replace(pool, members=members)}, a_directory())

    assert book.leaves_at(ada, now=NOW, zone="Europe/Berlin") == at("2026-12-20 23:00")
    assert book.leaves_at(ada, now=at("2026-12-21 10:00"), zone="Europe/Berlin") is None
    assert a_book(grounds()).leaves_at(ada, now=NOW, zone="Europe/Berlin") is None
    assert midnight_of("2026-12-21", "Europe/Berlin", later=1) == at("2026-12-21 23:00")


def test_two_states_of_a_clock_agree_to_the_minute() -> None:
    clock = clock_of(
        decided(a_situation(a_record("mql", owner="emil"), born("mql", "2026-11-25 09:00"))), "mql_follow_up", "owner"
    )
    due_at = clock.due_at
    assert due_at is not None

    assert agree(clock, replace(clock, due_at=due_at.replace(second=30)))
    assert not agree(clock, replace(clock, due_at=at("2026-11-28 09:00")))
    assert not agree(clock, replace(clock, due_at=None))
    assert not agree(clock, replace(clock, rung_times=()))
