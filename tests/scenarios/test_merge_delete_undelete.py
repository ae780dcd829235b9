"""Scenario 14, its part on merging and deleting: nobody is lost, doubled, or told of twice, whatever happened between polls."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from office import Office, iso
from samples import Kind

JOURNEY = ("raw", "inquiry", "maql", "lal", "remarket", "mql")
"""Six transitions, the birth included, that end with sales."""


def with_a_past(office: Office, *, poll: bool = True, **fields: Any) -> str:
    """Return a lead of six transitions that waits in MQL."""
    lead = office.lead(stage=JOURNEY[0], owner="ldr", **fields)
    office.sync()
    for stage in JOURNEY[1:]:
        office.advance(days=1)
        more: dict[str, Any] = {"remarket": {"recycle_reason": "Timing"}, "mql": {"owner": "rep"}}.get(stage, {})
        office.edit(lead, by="rep" if stage == "mql" else "ldr", stage=stage, **more)
        if poll:
            office.sync()
    office.sync()
    assert [row["to_stage"] for row in office.transitions(lead)] == list(JOURNEY)
    return lead


def open_clocks(office: Office, key: str, kind: str = "lead") -> list[dict[str, Any]]:
    person = office.person(key)["person_id"]
    return [row for row in office.view("v_clocks", person_id=person, kind=kind) if row["stopped_at"] is None]


def all_rows(office: Office) -> list[Any]:
    return office.query(
        "SELECT record_id, from_value, to_value, at, reason FROM v_transitions ORDER BY record_id, at, seq"
    )


@pytest.mark.parametrize(("winner_stage", "history"), [("mql", True), ("inquiry", True), ("sal", False)])
def test_a_merged_lead_brings_its_past_along_and_an_undelete_takes_it_back(
    make_office: Callable[..., Office], winner_stage: str, *, history: bool
) -> None:
    office = make_office(history=history)
    loser = with_a_past(office)
    started = office.person(loser)["stage_entered_at"]
    office.advance(hours=2)
    winner = office.lead(stage=winner_stage, owner="rep", created_by="rep")
    office.sync()
    alone = office.person(loser)["person_id"], office.person(winner)["person_id"]
    before, flagged = all_rows(office), office.verdicts()["flagged"]

    office.advance(hours=1)
    office.merge(winner, loser)
    for _ in range(3):
        office.sync()

    one = {office.person(key)["person_id"] for key in (loser, winner)}
    assert len(one) == 1
    assert office.person(loser)["state"] == "merged"
    here = office.person(winner)
    assert (here["state"], here["stage"]) == ("live", "sal" if winner_stage == "sal" else "mql")
    assert (here["recycle_count"], here["mql_count"]) == (1, 2 if winner_stage == "mql" else 1)
    assert [row for row in all_rows(office) if row in before] == before
    assert len(all_rows(office)) == len(before) + (winner_stage == "inquiry")
    [clock] = open_clocks(office, winner)
    if winner_stage != "sal":
        assert (clock["clock"], clock["started_at"]) == ("mql_follow_up", started)
        assert len(open_clocks(office, winner, "owner")) == 1
    if winner_stage == "mql":
        other = [
            row for row in office.view("v_clocks", kind="lead", clock="mql_follow_up") if row["started_at"] != started
        ]
        assert [(row["state"], row["void_reason"]) for row in other] == [("void", "merged")]
    # What we wrote to the winner is a row of its own, flagged for people to look at.
    assert office.verdicts()["flagged"] == flagged + (winner_stage == "inquiry")
    assert office.broken_lines() == []

    merged = all_rows(office)
    office.advance(hours=3)
    office.undelete(loser)
    for _ in range(3):
        office.sync()

    assert (office.person(loser)["person_id"], office.person(winner)["person_id"]) == alone
    assert [office.person(key)["state"] for key in (loser, winner)] == ["live", "live"]
    assert all_rows(office) == merged
    assert office.person(loser)["stage_entered_at"] == started
    assert (office.person(loser)["mql_count"], office.person(loser)["recycle_count"]) == (1, 1)
    assert office.person(winner)["recycle_count"] == 0
    clocks = open_clocks(office, loser)
    assert [(row["clock"], row["started_at"]) for row in clocks] == [("mql_follow_up", started)]
    assert len(open_clocks(office, winner)) == 1
    assert office.broken_lines() == []


def test_deleted_and_undeleted_between_two_polls_is_nothing(make_office: Callable[..., Office]) -> None:
    office = make_office(history=True)
    lead = with_a_past(office, poll=False)
    before, line = all_rows(office), office.line(lead)
    clocks = open_clocks(office, lead)
    office.delete(lead)
    office.advance(minutes=2)
    office.undelete(lead)
    for _ in range(2):
        office.sync()

    assert (all_rows(office), office.line(lead), open_clocks(office, lead)) == (before, line, clocks)
    assert office.person(lead)["state"] == "live"
    assert office.broken_lines() == []


def test_a_delete_ends_the_stay_and_the_clock_and_an_undelete_takes_both_up_again(
    make_office: Callable[..., Office],
) -> None:
    office = make_office(history=True)
    lead = with_a_past(office)
    before, line = all_rows(office), office.line(lead)
    office.delete(lead)
    deleted_at = office.now
    office.sync()
    office.sync()

    assert office.person(lead)["state"] == "deleted"
    # Dataverse says what was deleted, but not when: then it was when that was read.
    stage, entered_at, left_at = office.line(lead)[-1]
    assert (stage, entered_at) == line[-1][:2]
    assert left_at is not None
    assert iso(deleted_at) <= left_at <= iso(deleted_at + timedelta(minutes=1 if office.kind == "dynamics" else 0))
    assert open_clocks(office, lead) == []
    assert office.broken_lines() == []

    office.advance(hours=5)
    office.undelete(lead)
    office.sync()
    office.sync()

    assert (all_rows(office), office.line(lead)) == (before, line)
    [clock] = open_clocks(office, lead)
    assert clock["started_at"] == line[-1][1]
    assert office.broken_lines() == []


def test_what_was_deleted_in_twenty_days_of_down_time_is_found(make_office: Callable[..., Office], kind: Kind) -> None:
    office = make_office(history=True)
    leads, contact = office.leads(30, stage="inquiry", owner="ldr"), office.contact(stage="inquiry")
    office.sync()
    office.advance(days=1)
    office.delete(leads[3])
    office.edit(leads[4], by="ldr", stage="lal")
    moved_at = office.now
    office.advance(days=2)
    office.delete(leads[5])
    office.delete(contact)
    office.advance(days=17)
    if kind == "dynamics":
        office.faults(expire_delta_tokens=True)
    office.sync()
    office.sync()

    gone = {row["record_id"] for row in office.view("v_people", state="deleted")}
    assert gone == {leads[3], leads[5], contact}
    assert office.counts() == Counter(inquiry=27, lal=1)
    assert office.person(leads[4])["stage_entered_at"] == iso(moved_at)
    assert office.broken_lines() == []
    [report] = office.sync()
    assert report["transitions"] == 0


def test_who_is_live_in_a_lead_and_a_contact_is_reported_and_nothing_is_merged(
    make_office: Callable[..., Office],
) -> None:
    office = make_office(history=True)
    contact = office.contact(stage="inquiry", email="Tina@Twin.example")
    leads = [office.lead(stage="inquiry", owner="ldr", email="tina@twin.example ") for _ in range(2)]
    shared = [office.lead(stage="inquiry", owner="ldr", email="info@firm.example") for _ in range(2)]
    office.sync()
    office.respond(leads[0], response="contact_me")
    office.sync()
    office.sync()

    speaker = office.person(contact)["person_id"]
    assert {key: office.person(key)["twin_of"] for key in (contact, *leads, *shared)} == {
        contact: None, leads[0]: speaker, leads[1]: speaker, shared[0]: None, shared[1]: None,
    }  # fmt: skip
    assert len({office.person(key)["person_id"] for key in (contact, *leads)}) == 3
    # The hand that was raised on the lead is the person's: who speaks for them is promoted, the others are not.
    assert (office.stage(contact), [office.stage(lead) for lead in leads]) == ("mql", ["inquiry", "inquiry"])
    assert len(open_clocks(office, contact)) == 2
    assert [open_clocks(office, lead) for lead in leads] == [[], []]
    listed = office.run("report", "quality", "--json")["tables"]["duplicate_records"]
    assert {row["record_id"] for row in listed if row["key"] == "email"} == {contact, *leads}
    assert office.broken_lines() == []
    # Once the one who speaks is gone, the other two are a pair; and alone, once they share no address.
    office.advance(hours=1)
    office.delete(contact)
    office.sync()
    office.sync()
    assert [office.person(lead)["twin_of"] for lead in leads] == [None, office.person(leads[0])["person_id"]]
    office.edit(leads[0], by="ldr", email="tina@home.example")
    office.sync()
    assert [office.person(lead)["twin_of"] for lead in leads] == [None, None]


def test_a_contact_merged_away_after_its_conversion_keeps_the_leads_past(make_office: Callable[..., Office]) -> None:
    office = make_office(history=True)
    lead = with_a_past(office)
    born_at = office.person(lead)["person_id"]
    office.advance(hours=1)
    loser = office.convert(lead, by="rep", owner="rep", opportunity=True).contact
    office.sync()
    office.sync()
    winner = office.contact(stage="inquiry")
    office.sync()
    office.advance(minutes=5)
    office.merge(winner, loser)
    for _ in range(3):
        office.sync()

    assert {office.person(key)["person_id"] for key in (lead, loser, winner)} == {born_at}
    assert office.stage(winner) == "sql"
    here = office.person(winner)
    assert (here["mql_count"], here["recycle_count"]) == (1, 1)
    assert office.broken_lines() == []
    assert office.line(winner)[-1][0] == "sql"
