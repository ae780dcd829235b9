"""Scenario 6: who is sent back to marketing waits out the cool-down, comes back on new engagement, and is counted right."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from office import Office, iso

BERLIN = ZoneInfo("Europe/Berlin")
RECYCLED_AT = datetime(2026, 3, 1, 9, 0, tzinfo=BERLIN).astimezone(UTC)
MQL_AT = RECYCLED_AT - timedelta(days=20)
KEEN = ("demo_request", "demo_request")
"""What brings somebody who fits from 75 points to 135, and leaves 122 after ten days."""


def fitting(office: Office) -> str:
    """Return an account whose people who decide fit with 75 points, and none more."""
    return office.account("Umbrella Works", Industry="Manufacturing", NumberOfEmployees=500, BillingCountry="Germany")


def with_sales(office: Office, *, until: datetime = RECYCLED_AT, **fields: object) -> str:
    """Return a contact who was handed to sales twenty days before, and is in SQL since ten days, at `until`."""
    who = {"account": fitting(office), "title": "Chief Executive Officer", **fields}
    contact = office.contact(stage="inquiry", **who)
    office.sync()
    office.advance_to(until - timedelta(days=20))
    office.edit(contact, by="ldr", stage="mql", assignee="rep")
    office.sync()
    office.call(contact, by="rep")
    office.advance_to(until - timedelta(days=10))
    office.edit(contact, by="rep", stage="sql")
    office.sync()
    office.advance_to(until)
    return contact


def starting(make_office: Callable[..., Office], **options: object) -> Office:
    return make_office(start=RECYCLED_AT - timedelta(days=21), **{"history": True, **options})


def recycle(office: Office, key: str, reason: str | None = "Timing", by: str = "rep") -> None:
    more: dict[str, Any] = {} if reason is None else {"recycle_reason": reason}
    office.edit(key, by=by, stage="remarket", **more)
    office.sync()
    office.sync()


def become_keen(office: Office, key: str) -> None:
    for number, response in enumerate(KEEN):
        office.respond(key, response=response, campaign=f"Demo {number}")


@pytest.mark.parametrize("history", [True, False])
def test_score_alone_waits_for_the_end_of_the_cool_down(make_office: Callable[..., Office], *, history: bool) -> None:
    office = starting(make_office, history=history)
    contact = with_sales(office)
    recycle(office, contact)
    waits_until = datetime(2026, 4, 30, 9, 0, tzinfo=BERLIN)

    person = office.person(contact)
    assert person["held_until"] == iso(waits_until)
    assert office.row(contact)["held_until"] == waits_until
    assert (person["recycle_count"], person["mql_count"], person["passes"]) == (1, 1, 1)
    assert office.nurtured(contact) == {"Nurture - stay in touch"}
    [row] = [row for row in office.transitions(contact) if row["to_stage"] == "remarket"]
    assert (row["verdict"], row["reason"]) == ("legal", "timing")
    before = office.stage_writes(contact)

    office.advance_to(datetime(2026, 4, 20, 10, 0, tzinfo=BERLIN))
    become_keen(office, contact)
    office.sync()
    office.sync()
    assert office.person(contact)["score"] >= 100
    office.advance_to(datetime(2026, 4, 30, 8, 58, tzinfo=BERLIN))
    office.sync()
    assert (office.stage(contact), office.stage_writes(contact)) == ("remarket", before)
    assert office.person(contact)["held_until"] == iso(waits_until)
    [told] = office.run("explain", contact, "--json")
    assert told["held_until"] == iso(waits_until)
    assert told["basis"] >= 100

    office.advance_to(datetime(2026, 4, 30, 9, 0, tzinfo=BERLIN))
    office.sync()
    back_at = office.now
    office.sync()

    assert office.stage(contact) == "mql"
    assert office.stage_writes(contact) == [*before, "MQL"]
    person = office.person(contact)
    assert (person["recycle_count"], person["mql_count"], person["passes"]) == (1, 2, 2)
    assert (person["first_mql_at"], person["last_mql_at"]) == (iso(MQL_AT), iso(back_at))
    assert (person["held_until"], office.row(contact)["held_until"]) == (None, None)
    assert office.row(contact)["recycle_reason"] is None
    assert office.row(contact)["first_mql_at"] == MQL_AT
    assert office.nurtured(contact) == set()
    clocks = office.view("v_clocks", clock="mql_follow_up", kind="lead")
    assert sorted((row["started_at"], row["state"]) for row in clocks) == [(iso(MQL_AT), "met"), (iso(back_at), "open")]
    assert office.verdicts() == Counter(legal=5)
    assert office.broken_lines() == []
    assert [stage for stage, _, _ in office.line(contact)] == ["inquiry", "mql", "sql", "remarket", "mql"]
    [told] = office.run("explain", contact, "--json")
    assert told["moves"][-1]["said"] == 'allowed: leadsync made the move itself, by the rule "ready again"'


def test_a_lead_comes_back_where_leads_come_back_and_by_its_own_cool_down(make_office: Callable[..., Office]) -> None:
    office = starting(make_office)
    lead = office.lead(
        stage="sql",
        owner="rep",
        title="Chief Executive Officer",
        industry="Manufacturing",
        employees=500,
        country="Germany",
    )
    office.sync()
    recycle(office, lead, "No budget")
    held_until = datetime.fromisoformat(office.person(lead)["held_until"])
    assert held_until.astimezone(BERLIN).date() == (office.now.astimezone(BERLIN) + timedelta(days=90)).date()
    office.advance_to(held_until - timedelta(days=1))
    become_keen(office, lead)
    office.sync()
    assert office.stage(lead) == "remarket"
    office.advance_to(held_until)
    office.sync()

    assert office.stage(lead) == "maql"


def test_what_somebody_did_before_the_recycle_brings_nobody_back(make_office: Callable[..., Office]) -> None:
    office = starting(make_office)
    contact = with_sales(office)
    become_keen(office, contact)
    office.sync()
    recycle(office, contact, "Wrong or missing data")  # without any cool-down

    office.advance(days=1)
    office.sync()
    assert office.person(contact)["score"] >= 100
    assert office.stage(contact) == "remarket"
    become_keen(office, contact)
    office.sync()
    assert office.stage(contact) == "mql"


def test_a_hand_back_without_a_reason_is_flagged_and_asked_for_once(make_office: Callable[..., Office]) -> None:
    office = starting(make_office)
    contact = with_sales(office)
    recycle(office, contact, None)
    for _ in range(2):
        office.advance(hours=3)
        office.sync()

    [row] = [row for row in office.transitions(contact) if row["to_stage"] == "remarket"]
    assert (row["verdict"], row["reason"]) == ("flagged", None)
    assert [note["recipient"] for note in office.notices("reason_missing")] == [office.user("rep")]
    assert office.stage(contact) == "remarket"
    assert office.person(contact)["held_until"][:10] == "2026-05-30"  # ninety days, the default
    assert office.nurtured(contact) == set()

    # Given within a day it counts as if it had come with the hand-back.
    office.advance(hours=10)
    office.edit(contact, by="rep", recycle_reason="Chose another vendor")
    office.sync()
    office.sync()
    assert office.person(contact)["held_until"][:10] == "2026-08-28"
    assert office.nurtured(contact) == {"Nurture - win back"}

    # Later it is another story.
    office.advance(days=3)
    office.edit(contact, by="rep", recycle_reason="Timing")
    office.sync()
    office.sync()
    assert office.person(contact)["held_until"][:10] == "2026-08-28"
    assert office.nurtured(contact) == {"Nurture - win back"}
    assert len(office.notices("reason_missing")) == 1
    assert office.verdicts() == Counter(legal=3, flagged=1)


@pytest.mark.parametrize("history", [True, False])
def test_the_way_back_never_goes_to_inquiry(make_office: Callable[..., Office], *, history: bool) -> None:
    office = starting(make_office, history=history)
    contact = with_sales(office)
    recycle(office, contact)
    held_until, entered_at = office.person(contact)["held_until"], office.person(contact)["stage_entered_at"]

    office.advance(days=5, hours=1)
    office.edit(contact, by="marketing", stage="inquiry")
    office.sync()
    office.sync()

    assert office.stage(contact) == "remarket"
    assert office.verdicts() == Counter(legal=5, redirected=1)
    person = office.person(contact)
    assert (person["held_until"], person["stage_entered_at"]) == (held_until, entered_at)
    assert (person["recycle_count"], person["mql_count"], person["passes"]) == (1, 1, 1)
    assert office.row(contact)["recycle_reason"] == "Timing"
    assert office.nurtured(contact) == {"Nurture - stay in touch"}
    assert office.broken_lines() == []


def test_a_raised_hand_breaks_a_cool_down_unless_the_reason_is_hard(make_office: Callable[..., Office]) -> None:
    office = starting(make_office)
    cases = [
        ("remarket", "Timing", True, "mql"),
        ("remarket", "Timing", False, "remarket"),
        ("disqualified", "Not a fit", True, "mql"),
        ("disqualified", "Not a fit", False, "disqualified"),
        ("disqualified", "Competitor", True, "disqualified"),
        ("disqualified", "Do not contact", True, "disqualified"),
        ("disqualified", "Duplicate", True, "disqualified"),
    ]
    who = {"account": fitting(office), "title": "Chief Executive Officer"}
    contacts = office.contacts(len(cases), stage="sql", **who)
    office.sync()
    for contact, (stage, reason, _, _) in zip(contacts, cases, strict=True):
        office.edit(contact, by="rep", stage=stage, recycle_reason=reason)
    office.sync()
    office.advance(days=3)
    for contact, (_, _, raised, _) in zip(contacts, cases, strict=True):
        if raised:
            office.respond(contact, response="contact_me")
        else:
            become_keen(office, contact)
    office.sync()
    office.sync()

    assert [office.stage(contact) for contact in contacts] == [wanted for *_, wanted in cases]
    assert office.broken_lines() == []


def test_who_opted_out_is_never_nurtured(make_office: Callable[..., Office]) -> None:
    office = starting(make_office)
    contact = with_sales(office, email_opt_out=True)
    recycle(office, contact)

    assert office.stage(contact) == "remarket"
    assert office.nurtured(contact) == set()
