"""Scenario 4: a lead and the contact it became are one person, with one line and nothing lost, doubled or written in vain."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from office import Office, iso
from samples import Kind

SETTLING = 2
"""Cycles after which a conversion is known whole: one sees it and writes the contact's status, one reads that back."""


def passed(office: Office, key: str, stage: str) -> timedelta:
    """Return how long a person was in a stage that they have left."""
    [(entered, left)] = [(entered, left) for name, entered, left in office.line(key) if name == stage]
    assert left is not None
    return datetime.fromisoformat(left) - datetime.fromisoformat(entered)


def settled(office: Office) -> None:
    """Run the cycles that a conversion takes, and one that finds nothing."""
    for _ in range(SETTLING):
        office.sync()
    before = office.query("SELECT * FROM v_transitions ORDER BY seq"), office.query("SELECT * FROM v_spans")
    [report] = office.sync()
    assert (report["transitions"], report["wished"]) == (0, 0)
    assert before == (office.query("SELECT * FROM v_transitions ORDER BY seq"), office.query("SELECT * FROM v_spans"))


@pytest.mark.parametrize(
    ("history", "looking_on", "mql_on", "sql_on"),
    [(True, True, 10, 20), (False, True, 10, 20), (True, False, 4, 11)],
    ids=["history", "polls", "first look at the end"],
)
def test_a_lead_and_its_contact_are_one_person_with_three_stages_and_one_conversion(
    make_office: Callable[..., Office], *, history: bool, looking_on: bool, mql_on: int, sql_on: int
) -> None:
    office = make_office(history=history)
    born_at = office.now
    lead = office.lead(stage="inquiry", owner="ldr")
    if looking_on:
        office.sync()
    office.advance_to(born_at + timedelta(days=mql_on))
    office.edit(lead, by="ldr", stage="mql", owner="rep")
    if looking_on:
        office.sync()
    office.advance_to(born_at + timedelta(days=sql_on))
    office.requests()
    contact = office.convert(lead, by="rep", owner="rep", opportunity=True).contact
    settled(office)

    assert office.asked_of(lead) == []
    assert office.stage(contact) == "sql"
    rows = office.view("v_transitions")
    assert {row["person_id"] for row in rows} == {office.person(contact)["person_id"]}
    assert [(row["record_id"], row["from_stage"], row["to_stage"]) for row in rows if row["reason"] != "converted"] == [
        (lead, None, "inquiry"), (lead, "inquiry", "mql"), (contact, None, "sql"),
    ]  # fmt: skip
    [conversion] = [row for row in rows if row["reason"] == "converted"]
    assert (conversion["record_id"], conversion["from_stage"], conversion["at"]) == (
        contact, "mql", iso(born_at + timedelta(days=sql_on)),
    )  # fmt: skip
    assert office.verdicts() == Counter(legal=4)
    assert passed(office, contact, "mql") == timedelta(days=sql_on - mql_on)
    assert office.line(contact)[0][:2] == ("inquiry", iso(born_at))
    assert office.broken_lines() == []
    here = office.person(contact)
    assert (here["state"], here["stage"], here["stage_entered_at"]) == ("live", "sql", conversion["at"])
    assert (here["mql_count"], here["passes"], here["first_mql_at"]) == (1, 1, iso(born_at + timedelta(days=mql_on)))
    assert office.person(lead)["state"] == "converted"
    assert office.row(contact)["stage_entered_at"] == born_at + timedelta(days=sql_on)


@pytest.mark.parametrize("history", [True, False])
def test_a_conversion_without_a_deal_carries_the_stage_and_its_age_over(
    make_office: Callable[..., Office], *, history: bool
) -> None:
    office = make_office(history=history)
    blank = office.contact()
    office.advance(days=1)
    leads = office.leads(2, stage="inquiry", owner="ldr")
    office.sync()
    office.advance(days=6)
    for lead in leads:
        office.edit(lead, by="ldr", stage="lal")
    entered_at = office.now
    office.sync()
    office.advance(hours=30)
    for lead in leads:
        office.call(lead)
    contacts = [
        office.convert(lead, by="ldr", owner="ldr", contact=there).contact
        for lead, there in zip(leads, (blank, None), strict=True)
    ]
    settled(office)

    for contact in contacts:
        assert office.stage(contact) == "lal"
        assert [stage for stage, _, _ in office.line(contact)][-2:] == ["inquiry", "lal"]
        assert office.line(contact)[-1] == ("lal", iso(entered_at), None)
        assert office.person(contact)["stage_entered_at"] == iso(entered_at)
        assert office.row(contact)["stage_entered_at"] == entered_at
    assert office.broken_lines() == []
    clocks = office.view("v_clocks")
    assert len({(row["person_id"], row["clock"], row["kind"], row["owner_id"]) for row in clocks}) == len(clocks)


def test_the_status_that_salesforce_forces_may_name_the_stage(make_office: Callable[..., Office], kind: Kind) -> None:
    if kind != "salesforce":
        pytest.skip("Dynamics forces one status reason")
    office = make_office(history=True)
    lead = office.lead(stage="maql", owner="ldr")
    office.sync()
    office.advance(days=1)
    contact = office.convert(lead, by="ldr", owner="ldr", status="Converted - SQL").contact
    settled(office)

    assert office.stage(contact) == "sql"
    assert [stage for stage, _, _ in office.line(contact)] == ["maql", "sql"]


def test_without_history_a_conversion_is_dated_by_the_best_evidence(
    make_office: Callable[..., Office], kind: Kind
) -> None:
    """The contact's creation, else the lead's last change on that day, else noon and inexact (semantics.md C)."""
    office = make_office(history=False)
    there = office.contacts(2, stage="remarket", recycle_reason="Timing")
    leads = office.leads(3, stage="inquiry", owner="ldr")
    office.sync()
    office.advance(days=2, hours=4)
    converted_at = office.now
    born, changed, touched = (
        office.convert(lead, by="ldr", owner="ldr", contact=contact).contact
        for lead, contact in zip(leads, (None, *there), strict=True)
    )
    office.advance(hours=5)
    office.edit(born, by="ldr", title="Buyer")
    office.advance(days=1)
    office.edit(leads[2], by="admin", title="Buyer")
    settled(office)

    rows = office.view("v_transitions", reason="converted")
    dated = {row["record_id"]: (row["at"], row["at_exact"]) for row in rows}
    # A last change is a bound: it may be a later edit of that day.
    assert (dated[born], dated[changed]) == ((iso(converted_at), 1), (iso(converted_at), 0))
    if kind == "salesforce":  # Dataverse keeps no day of qualification
        assert dated[touched] == (iso(converted_at.replace(hour=12, minute=0)), 0)
    assert office.broken_lines() == []
