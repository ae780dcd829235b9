"""Clocks on people who wait: due times, ladders across down-time, pauses, ends, and what never launders a breach."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.domain.calendars import Calendar, Calendars, Shift
from leadsync.domain.clocks import (
    REASSIGNED,
    ClockTick,
    calendar_name,
    clock_words,
    lasting,
    minutes_late,
    next_wake,
    rescheduled,
    resume,
    start_clock,
    tick,
    while_away,
)
from leadsync.domain.durations import Duration, parse_duration
from leadsync.domain.routing import Member, Pool
from leadsync.domain.sla import Clock, ClockRule, Rung

NINE_TO_FIVE = dict.fromkeys(range(5), (Shift(time(9), time(17)),))
NEW_YORK = Calendar("new_york", "America/New_York", NINE_TO_FIVE, {date(2026, 11, 26): ()})
BERLIN = Calendar("berlin", "Europe/Berlin", NINE_TO_FIVE, {})
CALENDARS = Calendars("berlin", {"berlin": BERLIN, "new_york": NEW_YORK})

HOUR = timedelta(hours=1)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


START = at("2026-11-16 10:00")  # a Monday


def a_rule(target: str = "48h", ladder: tuple[Rung, ...] | None = None, calendar: str = "owner") -> ClockRule:
    usual = (
        Rung(0.75, ("owner",), message="reminder"),
        Rung(1.0, ("manager",)),
        Rung(1.5, act="reassign"),
    )
    return ClockRule(
        name="mql_follow_up",
        label="MQL followed up",
        starts="mql",
        target=parse_duration(target),
        calendar=calendar,
        met_when=None,
        paused_when=None,
        when_away="reassign",
        ladder=usual if ladder is None else ladder,
    )


RULE = a_rule()  # due after 48 hours: rungs at 36, 48 and 72


def a_clock(
    rule: ClockRule = RULE, start: datetime = START, kind: Any = "owner", calendar: str = "berlin", **given: Any
) -> Clock:
    facts: dict[str, Any] = {"cause": "t:812", "owner_id": "005A", "owner": None, "zone": "Europe/Berlin", **given}
    return start_clock(
        rule, person_id="p_1", kind=kind, calendar_name=calendar, at=start, calendars=CALENDARS, **facts
    )  # fmt: skip


def after_hours(hours: float) -> datetime:
    return START + hours * HOUR


def look(clock: Clock, hours: float, rule: ClockRule = RULE, calendar: Calendar = BERLIN, **facts: Any) -> ClockTick:
    return tick(rule, clock, now=after_hours(hours), calendar=calendar, **facts)


# Starting


def test_a_clock_knows_its_due_time_and_the_times_of_its_ladder_from_the_start() -> None:
    clock = a_clock()

    assert clock.state == "open"
    assert clock.due_at == after_hours(48)
    assert clock.rung_times == (after_hours(36), after_hours(48), after_hours(72))
    assert next_wake(clock) == after_hours(36)


def test_the_lead_clock_has_a_due_time_and_no_ladder() -> None:
    clock = a_clock(kind="lead")

    assert (clock.due_at, clock.rung_times) == (after_hours(48), ())
    assert next_wake(clock) == after_hours(48)


def test_one_start_is_one_clock_and_every_other_start_is_another() -> None:
    clocks = [
        a_clock(),
        a_clock(kind="lead"),
        a_clock(cause="t:900"),
        a_clock(owner_id="005B"),
        a_clock(rule=replace(RULE, name="other")),
    ]

    assert a_clock(start=after_hours(5)).clock_id == clocks[0].clock_id
    assert len({clock.clock_id for clock in clocks}) == len(clocks)


def test_a_percentage_rung_counts_in_the_unit_of_the_target_and_a_rung_in_time_in_its_own() -> None:
    ladder = (Rung(parse_duration("2 business days")), Rung(1.5), Rung(parse_duration("30m")))
    clock = a_clock(a_rule("3 business days", ladder))

    assert clock.due_at == at("2026-11-19 10:00")
    assert clock.rung_times == (at("2026-11-18 10:00"), at("2026-11-20 14:00"), at("2026-11-16 10:30"))


def test_a_clock_never_falls_due_a_fraction_of_a_second_early() -> None:
    clock = a_clock(replace(RULE, target=Duration(1 / 3, "elapsed"), ladder=()))

    assert clock.due_at == START + timedelta(seconds=1)


def test_a_backlog_clock_has_no_due_time_and_no_rungs_and_only_ends() -> None:
    clock = a_clock(backlog=True)

    assert (clock.state, clock.due_at, clock.rung_times, next_wake(clock)) == ("backlog", None, (), None)
    assert look(clock, 1000).clock == clock
    left = look(clock, 1000, left_at=after_hours(900)).clock
    assert (left.state, left.stopped_at, left.followed_up) == ("backlog", after_hours(900), False)
    assert look(clock, 1000, void="deleted").clock.state == "void"


POOL = Pool("sales", "weighted", "emea_office", None, (), "assigned", ())


@pytest.mark.parametrize(
    ("calendar", "pool", "member", "name"),
    [
        ("owner", POOL, Member("jan", calendar="warsaw_part_time"), "warsaw_part_time"),
        ("owner", POOL, Member("ada"), "emea_office"),
        ("owner", POOL, None, "emea_office"),
        ("owner", None, None, "the default"),
        ("pool", POOL, Member("jan", calendar="warsaw_part_time"), "emea_office"),
        ("pool", None, None, "the default"),
        ("new_york", POOL, Member("jan", calendar="warsaw_part_time"), "new_york"),
    ],
)
def test_a_clock_counts_in_the_members_calendar_else_the_pools_else_the_default(
    calendar: str, pool: Pool | None, member: Member | None, name: str
) -> None:
    assert calendar_name(a_rule(calendar=calendar), pool, member, "the default") == name


# Rungs, each exactly once


def test_a_rung_is_due_at_its_time_and_not_a_second_before() -> None:
    clock = a_clock()

    early = tick(RULE, clock, now=after_hours(36) - timedelta(seconds=1), calendar=BERLIN)
    assert (early.due_rungs, early.next_at) == ((), after_hours(36))
    on_time = look(clock, 36)
    assert (on_time.due_rungs, on_time.late, on_time.next_at) == ((0,), (False,), after_hours(48))
    assert look(on_time.clock, 36).due_rungs == ()


def test_rungs_missed_in_a_down_time_are_due_in_order_marked_late_and_never_again() -> None:
    first = look(a_clock(), 36).clock

    back = look(first, 73)

    assert (back.due_rungs, back.late) == ((1, 2), (True, True))
    assert [minutes_late(back.clock, rung, after_hours(73)) for rung in back.due_rungs] == [25 * 60, 60]
    assert (back.clock.state, back.clock.breached_at) == ("breached", after_hours(48))
    assert back.next_at is None
    assert look(back.clock, 74).due_rungs == ()


def test_a_rung_told_within_five_minutes_is_not_late() -> None:
    clock = a_clock()
    edge = after_hours(36) + timedelta(minutes=5)

    assert tick(RULE, clock, now=edge, calendar=BERLIN).late == (False,)
    assert tick(RULE, clock, now=edge + timedelta(seconds=1), calendar=BERLIN).late == (True,)


def test_missed_rungs_follow_their_times_even_when_the_file_lists_them_otherwise() -> None:
    rule = a_rule(ladder=(Rung(1.0), Rung(0.5), Rung(1.0)))

    assert look(a_clock(rule), 60, rule).due_rungs == (1, 0, 2)


def test_a_rung_that_the_ladder_no_longer_has_is_forgotten() -> None:
    shorter = a_rule(ladder=RULE.ladder[:1])
    seen = look(a_clock(), 100, shorter)

    assert seen.due_rungs == (0,)
    assert seen.next_at is None


@settings(max_examples=100)
@given(st.lists(st.floats(0, 120), min_size=1, max_size=12), st.booleans())
def test_whenever_the_clock_is_looked_at_every_rung_comes_once_in_order_and_never_early(
    hours: list[float], business: bool
) -> None:
    rule = a_rule("3 business hours" if business else "48h")
    clock = a_clock(rule)
    told: list[int] = []
    for hour in sorted(hours):
        seen = look(clock, hour, rule)
        assert all(seen.clock.rung_times[rung] <= after_hours(hour) for rung in seen.due_rungs)
        assert seen.next_at is None or seen.next_at > after_hours(hour)
        assert seen.next_at == next_wake(seen.clock)
        told += seen.due_rungs
        clock = seen.clock

    assert told == [rung for rung in range(3) if clock.rung_times[rung] <= after_hours(max(hours))]


# Ends


def test_a_follow_up_up_to_the_due_time_meets_the_clock() -> None:
    seen = look(a_clock(), 50, met=True, met_at=after_hours(48))

    assert (seen.clock.state, seen.clock.stopped_at, seen.clock.followed_up) == ("met", after_hours(48), True)
    assert (seen.due_rungs, seen.next_at) == ((), None)
    assert look(seen.clock, 200).clock == seen.clock


def test_a_follow_up_after_the_due_time_stops_a_clock_that_stays_breached() -> None:
    for breached in (a_clock(), look(a_clock(), 49).clock):
        clock = look(breached, 50, met=True, met_at=after_hours(49.5)).clock

        assert (clock.state, clock.breached_at, clock.stopped_at) == ("breached", after_hours(48), after_hours(49.5))


def test_a_follow_up_of_unknown_instant_counts_from_now() -> None:
    assert look(a_clock(), 7, met=True).clock.stopped_at == after_hours(7)


def test_a_follow_up_before_the_due_time_that_is_seen_later_takes_the_breach_back() -> None:
    breached = look(a_clock(), 48).clock
    assert breached.state == "breached"

    clock = look(breached, 48.1, met=True, met_at=after_hours(47.9)).clock

    assert (clock.state, clock.breached_at) == ("met", None)


def test_leaving_the_stage_without_an_attempt_is_met_without_follow_up() -> None:
    silent = look(a_clock(), 20, left_at=after_hours(19)).clock
    tried = look(a_clock(), 20, left_at=after_hours(19), attempted=True).clock

    assert (silent.state, silent.stopped_at, silent.followed_up) == ("met", after_hours(19), False)
    assert (tried.state, tried.followed_up) == ("met", True)


def test_the_earliest_end_counts() -> None:
    left_first = look(a_clock(), 20, met=True, met_at=after_hours(19), left_at=after_hours(10), void="deleted")
    deleted_first = look(a_clock(), 20, met=True, left_at=after_hours(10), void="deleted", void_at=after_hours(9))

    assert (left_first.clock.state, left_first.clock.stopped_at) == ("met", after_hours(10))
    assert not left_first.clock.followed_up
    assert (deleted_first.clock.state, deleted_first.clock.void_reason) == ("void", "deleted")


def test_a_stage_left_before_the_assignment_ends_the_clock_where_it_began() -> None:
    assert look(a_clock(), 1, left_at=after_hours(-3)).clock.stopped_at == START


def test_a_clock_that_counts_no_longer_is_void_before_its_due_time_and_breached_after_it() -> None:
    before = look(a_clock(), 40, void="deleted", void_at=after_hours(39)).clock
    later = look(a_clock(), 60, void=REASSIGNED).clock

    assert (before.state, before.stopped_at, before.void_reason) == ("void", after_hours(39), "deleted")
    assert (later.state, later.breached_at, later.stopped_at) == ("breached", after_hours(48), after_hours(60))
    assert not before.followed_up


# Pauses


def test_two_paused_business_hours_move_friday_at_four_to_monday_at_ten() -> None:
    rule = a_rule("8 business hours", (Rung(1.0), Rung(0.125)))
    clock = a_clock(rule, at("2026-11-25 16:00", "America/New_York"), calendar="new_york")
    friday = "America/New_York"
    assert clock.due_at == at("2026-11-27 16:00", friday)

    paused = tick(
        rule, clock, now=at("2026-11-27 10:01", friday), calendar=NEW_YORK,
        paused=True, paused_from=at("2026-11-27 10:00", friday),
    )  # fmt: skip
    assert paused.next_at is None
    going_on = tick(
        rule, paused.clock, now=at("2026-11-27 12:30", friday), calendar=NEW_YORK,
        resumed_at=at("2026-11-27 12:00", friday),
    ).clock  # fmt: skip

    assert going_on.due_at == at("2026-11-30 10:00", friday)
    assert going_on.rung_times == (at("2026-11-30 10:00", friday), at("2026-11-25 17:00", friday))
    assert (going_on.paused_minutes, going_on.paused_since) == (120, None)


def test_a_pause_outside_working_time_moves_nothing_that_counts_business_time() -> None:
    rule = a_rule("3 business days", ())
    clock = a_clock(rule)
    paused = look(clock, 7.5, rule, paused=True).clock

    assert look(paused, 20, rule).clock == replace(clock, paused_minutes=0)


def test_nothing_falls_due_while_a_clock_is_paused_and_what_was_due_before_still_does() -> None:
    paused = look(a_clock(), 100, paused=True, paused_from=after_hours(40))

    assert paused.due_rungs == (0,)
    assert paused.clock.state == "open"
    assert look(paused.clock, 200, paused=True).due_rungs == ()
    going_on = look(paused.clock, 200).clock
    assert going_on.due_at == after_hours(208)
    assert going_on.rung_times == (after_hours(36), after_hours(208), after_hours(232))
    assert going_on.paused_minutes == 160 * 60


def test_a_pause_ends_with_the_clock_and_counts_up_to_there() -> None:
    paused = look(a_clock(), 40, paused=True).clock

    met = look(paused, 90, paused=True, met=True, met_at=after_hours(80)).clock

    assert (met.state, met.due_at, met.paused_minutes, met.paused_since) == ("met", after_hours(88), 40 * 60, None)


def test_a_pause_that_began_after_the_end_is_none() -> None:
    met = look(a_clock(), 90, paused=True, paused_from=after_hours(50), met=True, met_at=after_hours(40)).clock

    assert (met.state, met.due_at, met.paused_minutes) == ("met", after_hours(48), 0)


def test_a_pause_that_is_yet_to_come_brings_nothing_forward() -> None:
    seen = look(a_clock(), 10, paused=True, paused_from=after_hours(40))

    assert (seen.due_rungs, seen.clock.paused_since) == ((), None)


def test_a_pause_that_is_seen_after_the_breach_does_not_take_it_back() -> None:
    paused = look(look(a_clock(), 49).clock, 50, paused=True, paused_from=after_hours(47)).clock

    going_on = look(paused, 60).clock

    assert (going_on.state, going_on.due_at, going_on.breached_at) == ("breached", after_hours(48), after_hours(48))


def test_a_clock_that_ended_in_a_pause_is_moved_no_further_by_the_rest_of_it() -> None:
    paused = look(a_clock(), 40, paused=True).clock

    met = look(paused, 50, met=True, met_at=after_hours(41), resumed_at=after_hours(45)).clock

    assert (met.due_at, met.paused_minutes) == (after_hours(49), 60)


def test_an_end_that_lies_before_the_pause_already_noted_moves_nothing() -> None:
    paused = look(a_clock(), 40, paused=True).clock

    met = look(paused, 90, met=True, met_at=after_hours(30)).clock

    assert (met.due_at, met.paused_minutes, met.paused_since) == (after_hours(48), 0, None)


def test_a_breach_stands_when_a_pause_follows_and_the_ladder_waits() -> None:
    paused = look(look(a_clock(), 50).clock, 60, paused=True).clock

    going_on = look(paused, 70)

    assert (going_on.clock.state, going_on.clock.due_at) == ("breached", after_hours(48))
    assert going_on.clock.rung_times[2] == after_hours(82)
    assert going_on.next_at == after_hours(82)


@settings(max_examples=80)
@given(st.floats(0, 47), st.floats(0, 100), st.floats(0, 100))
def test_paused_hours_never_count_and_all_others_do(begin: float, length: float, rest: float) -> None:
    paused = look(a_clock(), begin, paused=True).clock
    going_on = look(paused, begin + length).clock

    clock = look(going_on, begin + length + rest).clock

    assert clock.due_at is not None
    assert abs(clock.due_at - after_hours(48 + length)) <= timedelta(seconds=1)
    assert (clock.state == "breached") == (clock.due_at <= after_hours(begin + length + rest))


# Resuming


def test_a_former_owner_who_gets_the_person_back_goes_on_where_he_stopped() -> None:
    told = look(a_clock(), 36).clock
    gone = look(told, 40, void=REASSIGNED).clock

    back = resume(RULE, gone, at=after_hours(100), calendar=BERLIN)

    assert back.clock_id == a_clock().clock_id
    assert (back.state, back.stopped_at, back.void_reason) == ("open", None, None)
    assert (back.due_at, back.rungs_done) == (after_hours(108), (0,))
    assert look(back, 108).due_rungs == (1,)


def test_a_breach_is_not_laundered_by_giving_the_person_away_and_back() -> None:
    gone = look(look(a_clock(), 50).clock, 60, void=REASSIGNED).clock

    back = resume(RULE, gone, at=after_hours(100), calendar=BERLIN)

    assert (back.state, back.due_at, back.breached_at) == ("breached", after_hours(48), after_hours(48))
    assert look(back, 112).due_rungs == (2,)


@pytest.mark.parametrize("clock", [a_clock(), look(a_clock(), 1, met=True).clock])
def test_only_a_void_clock_is_resumed(clock: Clock) -> None:
    assert resume(RULE, clock, at=after_hours(100), calendar=BERLIN) == clock


# Edited hours, absences, words


def test_edited_targets_move_what_is_still_to_come() -> None:
    clock = look(a_clock(), 37).clock

    moved = rescheduled(a_rule("60h"), clock, now=after_hours(40), calendar=BERLIN, zone="Europe/Berlin")

    assert moved.due_at == after_hours(60)
    assert moved.rung_times == (after_hours(36), after_hours(60), after_hours(90))


def test_an_edit_breaches_nobody_in_the_past_and_tells_no_new_rung_for_time_gone_by() -> None:
    rule = replace(a_rule("20h"), ladder=(*RULE.ladder, Rung(0.5), Rung(4.0)))

    moved = rescheduled(rule, look(a_clock(), 37).clock, now=after_hours(40), calendar=BERLIN, zone="Europe/Berlin")

    assert moved.due_at == after_hours(40)
    assert moved.rung_times == (after_hours(36), *[after_hours(40)] * 2, after_hours(10), after_hours(80))
    assert moved.rungs_done == (0, 3)


def test_an_edit_keeps_the_pauses_and_a_breach_that_happened() -> None:
    paused = look(look(a_clock(), 30, paused=True).clock, 40).clock
    assert rescheduled(RULE, paused, now=after_hours(41), calendar=BERLIN, zone="UTC") == paused

    breached = look(paused, 59).clock
    moved = rescheduled(a_rule("60h"), breached, now=after_hours(59), calendar=BERLIN, zone="UTC")
    assert (moved.due_at, moved.rung_times[2]) == (after_hours(58), after_hours(100))


@pytest.mark.parametrize("clock", [look(a_clock(), 1, met=True).clock, a_clock(backlog=True)])
def test_an_edit_leaves_clocks_alone_that_do_not_run(clock: Clock) -> None:
    assert rescheduled(a_rule("60h"), clock, now=after_hours(2), calendar=BERLIN, zone="UTC") == clock


def test_only_an_absence_longer_than_what_is_left_touches_a_clock() -> None:
    clock = a_clock()

    assert while_away(RULE, clock, after_hours(48)) == "run"
    assert while_away(RULE, clock, after_hours(49)) == "reassign"
    assert while_away(replace(RULE, when_away="wait"), clock, after_hours(49)) == "wait"
    assert while_away(RULE, a_clock(backlog=True), after_hours(49)) == "run"


def test_the_words_about_a_clock_say_what_is_gone_and_since_when_it_is_late() -> None:
    early = clock_words(RULE, a_clock(), now=after_hours(24), calendar=BERLIN, zone="Europe/Berlin", attempts=1)
    overdue = clock_words(RULE, a_clock(), now=after_hours(51.5), calendar=BERLIN, zone="UTC", attempts=0)

    assert early == {
        "clock": "MQL followed up", "target": "48h", "used": "50%", "due": "2026-11-18 11:00 CET", "attempts": "1",
    }  # fmt: skip
    assert (overdue["late"], overdue["used"], overdue["due"]) == ("3 h 30 min", "107%", "2026-11-18 10:00 UTC")


def test_the_words_leave_paused_time_out_and_count_working_time_in_its_unit() -> None:
    paused = look(look(a_clock(), 12, paused=True).clock, 36).clock
    still = look(a_clock(), 12, paused=True).clock
    working = a_rule("8 business hours", ())

    def used(rule: ClockRule, clock: Clock, hours: float) -> str:
        return clock_words(rule, clock, now=after_hours(hours), calendar=BERLIN, zone="UTC", attempts=0)["used"]

    assert used(RULE, paused, 48) == "50%"
    assert used(RULE, still, 40) == "25%"
    assert used(working, a_clock(working), 20) == "75%"  # six of eight hours on Monday, none at night
    assert used(a_rule("0s", ()), a_clock(a_rule("0s", ())), 1) == "100%"


def test_the_words_about_a_backlog_clock_name_no_due_time() -> None:
    words = clock_words(RULE, a_clock(backlog=True), now=after_hours(1), calendar=BERLIN, zone="UTC", attempts=2)

    assert words == {"clock": "MQL followed up", "target": "48h", "attempts": "2"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 min"), (59, "0 min"), (300, "5 min"), (5400, "1 h 30 min"), (183_900, "2 d 3 h"), (86_700, "1 d 5 min")],
)
def test_a_length_of_time_reads_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert lasting(seconds) == text
