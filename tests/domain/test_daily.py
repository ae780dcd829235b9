"""Once a day managers hear who of their people's leads waits, in their own morning and in one message each."""

from dataclasses import replace
from datetime import timedelta

import pytest
from building import ALERTS, LEAD, RULES, a_book, a_directory, a_record, a_ref, at, grounds

from leadsync.domain.daily import LINES, Waiter, daily_digests, day_told, is_anybodys_time
from leadsync.domain.effects import Notice
from leadsync.domain.telling import people

BERLIN_MORNING = at("2026-11-25 07:30")  # half past eight in Berlin, half past two in New York


def a_waiter(owner: str | None = "ada", number: int = 1, **more: object) -> Waiter:
    record = a_record("maql", owner=owner, ref=a_ref(record_id=f"00Q-{number}"))
    return replace(Waiter(f"p{number}", record, "maql_review", True, at("2026-11-20 09:00")), **more)  # type: ignore[arg-type]


def digests(*waiters: Waiter, now: object = BERLIN_MORNING, last: object = None, **more: object) -> list[Notice]:
    on = grounds(now, **more)  # type: ignore[arg-type]
    since = last or on.now - timedelta(minutes=1)
    return daily_digests(waiters, on, a_book(on), people(on.directory.users), ALERTS, since)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "now", "day"),
    [
        ("07:29", "07:30", "2026-11-25"), ("07:30", "07:31", None), ("06:00", "07:29", None), ("06:00", "12:00", "2026-11-25"),
    ],
)  # fmt: skip
def test_the_time_of_day_comes_once_a_day_in_each_zone(last: str, now: str, day: str | None) -> None:
    assert day_told("08:30", "Europe/Berlin", at(f"2026-11-25 {last}"), at(f"2026-11-25 {now}")) == day


def test_a_morning_that_was_slept_through_is_made_up_for_until_the_next() -> None:
    assert day_told("08:30", "Europe/Berlin", at("2026-11-24 07:00"), at("2026-11-25 01:00")) == "2026-11-24"
    assert day_told("08:30", "Europe/Berlin", at("2026-11-20 07:00"), at("2026-11-25 09:00")) == "2026-11-25"


def test_a_manager_hears_of_all_their_people_in_one_message() -> None:
    backlog = a_waiter("bela", 2, breached=False, since=at("2025-01-01 09:00"))
    (told,) = digests(a_waiter("ada", 1), backlog)

    assert (told.recipient, told.channel, told.notice) == ("005-dora", "email", "managers_daily")
    assert told.title == "2 people wait"
    first, second = told.text.splitlines()
    assert first == "- Lena Lang with Ada: MAQL reviewed: missed, waits since 2026-11-20 10:00 CET"
    assert "with Bela: MAQL reviewed: from before leadsync went live" in second


def test_each_manager_hears_in_their_own_morning() -> None:
    both = (a_waiter("ada", 1), a_waiter("liam", 2))
    assert [one.recipient for one in digests(*both)] == ["005-dora"]
    new_york = at("2026-11-25 13:30")
    assert [one.recipient for one in digests(*both, now=new_york)] == ["005-kate"]
    assert digests(*both, now=at("2026-11-25 10:00")) == []
    assert digests() == []


def test_the_same_morning_is_told_once_however_often_it_is_asked() -> None:
    first, second = (
        digests(a_waiter()),
        digests(a_waiter(), a_waiter("ada", 2), now=at("2026-11-25 07:45"), last=at("2026-11-25 07:00")),
    )
    assert first[0].effect_id == second[0].effect_id
    (tomorrow,) = digests(a_waiter(), now=BERLIN_MORNING + timedelta(days=1))
    assert tomorrow.effect_id != first[0].effect_id


def test_somebody_always_hears_of_people_without_owner_or_manager() -> None:
    (told,) = digests(a_waiter("Unassigned Leads", 1), a_waiter(None, 2))
    assert told.recipient == "005-dora"  # the lead of queues
    assert "with nobody" in told.text


def test_a_long_list_is_cut_and_counted() -> None:
    unknown = a_waiter("ada", 0, clock="gone", record=a_record("maql")._replace(ref=LEAD, fields={}))
    (told,) = digests(unknown, *(a_waiter("ada", n) for n in range(1, LINES + 3)))
    lines = told.text.splitlines()
    assert lines[0].startswith(f"- {LEAD.id} with Ada: gone: missed")
    assert lines[-1] == "- and 3 more"
    assert told.title == f"{LINES + 3} people wait"


def test_nothing_is_looked_up_while_it_is_nobodys_time() -> None:
    assert is_anybodys_time(grounds(BERLIN_MORNING), BERLIN_MORNING - timedelta(minutes=1))
    assert is_anybodys_time(grounds("2026-11-25 13:30"), at("2026-11-25 13:29"))  # New York
    assert not is_anybodys_time(grounds("2026-11-25 10:00"), at("2026-11-25 09:59"))
    nobody = replace(a_directory(), users={})
    assert is_anybodys_time(grounds(BERLIN_MORNING, directory=nobody), BERLIN_MORNING - timedelta(minutes=1))
    assert RULES.sla.managers_daily == "08:30"
