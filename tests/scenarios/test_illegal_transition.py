"""Scenario 7: an illegal move is put back once and never fought over; pulling forward and skipping are fine."""

from collections import Counter
from collections.abc import Callable

import pytest
from office import Office, iso
from samples import Kind


@pytest.fixture
def watched(make_office: Callable[..., Office], kind: Kind) -> Office:
    """An office whose CRM keeps history, so that everybody is known by what they did, flows as well."""
    office = make_office(history=True)
    if kind == "dynamics":
        office.edit_mapping("crm", "automation: {user: [SYSTEM,", "automation: {user: [autoproc@acme.example, SYSTEM,")
    return office


def turned_away(office: Office, **fields: str) -> str:
    """Return a lead that was disqualified before leadsync's first look, which has been had."""
    reason = "Competitor"
    lead = office.lead(stage="disqualified", owner="rep", recycle_reason=reason, **fields)
    office.sync()
    office.advance(hours=1)
    return lead


def insist(office: Office, lead: str, by: str) -> None:
    """Have somebody revive a lead, and leadsync look at it until nothing more comes of it."""
    office.edit(lead, by=by, stage="sql")
    office.sync()
    office.sync()


@pytest.mark.parametrize("again_by", ["rep", "automation", "leadsync"], ids=["the rep", "a flow", "a flow in our name"])
def test_an_illegal_move_is_put_back_once_and_who_insists_is_reported_once(watched: Office, again_by: str) -> None:
    office = watched
    lead = turned_away(office)
    born_at = office.person(lead)["stage_entered_at"]

    insist(office, lead, "rep")

    assert office.stage(lead) == "disqualified"
    assert office.stage_writes(lead) == ["Disqualified"]
    assert [row["recipient"] for row in office.notices("put_back")] == [office.user("rep")]
    assert office.notices("insisted") == []
    assert office.verdicts() == Counter(legal=2, reverted=1)
    assert office.line(lead) == [("disqualified", born_at, None)]

    office.advance(hours=23)  # past the quiet hours, still within the day
    insist(office, lead, again_by)

    assert office.stage(lead) == "sql"
    assert office.stage_writes(lead) == ["Disqualified"]
    assert len(office.notices("put_back")) == 1
    assert [row["recipient"] for row in office.notices("insisted")] == ["ops"]
    assert office.verdicts() == Counter(legal=2, reverted=1, flagged=1)

    # Somebody takes it back, and the same happens once more within the day: no second report, and still no war.
    office.advance(minutes=20)
    office.edit(lead, by="admin", stage="disqualified", recycle_reason="Competitor")
    office.sync()
    office.advance(minutes=20)
    insist(office, lead, again_by)

    assert office.stage_writes(lead) == ["Disqualified"]
    assert len(office.notices("insisted")) == 1
    assert office.verdicts()["reverted"] == 1
    assert office.broken_lines() == []


def test_a_day_later_the_law_holds_again(watched: Office) -> None:
    office = watched
    lead = turned_away(office)
    insist(office, lead, "rep")
    office.advance(hours=24, minutes=1)

    insist(office, lead, "rep")

    assert office.stage_writes(lead) == ["Disqualified"] * 2
    assert len(office.notices("put_back")) == 2
    assert office.notices("insisted") == []
    assert office.verdicts() == Counter(legal=3, reverted=2)
    assert office.stage(lead) == "disqualified"
    assert len(office.line(lead)) == 1


def test_what_a_flow_did_first_is_flagged_and_left(watched: Office) -> None:
    office = watched
    lead = turned_away(office)

    insist(office, lead, "automation")

    assert office.stage(lead) == "sql"
    assert office.stage_writes(lead) == []
    assert office.verdicts() == Counter(legal=1, flagged=1)
    assert (office.notices("put_back"), office.notices("insisted")) == ([], [])


def test_a_rep_who_takes_it_back_within_a_quarter_of_an_hour_has_made_a_slip(watched: Office) -> None:
    office = watched
    lead = turned_away(office)
    office.edit(lead, by="rep", stage="sql")
    office.advance(minutes=10)
    office.edit(lead, by="rep", stage="disqualified")
    office.sync()
    office.sync()

    assert office.stage_writes(lead) == []
    assert office.notices("put_back") == []
    assert len(office.line(lead)) == 1


def test_without_history_nobody_is_put_back_on_a_guess(make_office: Callable[..., Office]) -> None:
    office = make_office(history=False)
    lead = turned_away(office)
    for _ in range(2):
        insist(office, lead, "rep")
        office.advance(hours=2)

    assert office.stage(lead) == "sql"
    assert office.stage_writes(lead) == []
    assert office.verdicts() == Counter(legal=1, flagged=1)
    assert office.notices("insisted") == []
    assert office.broken_lines() == []


def test_pulling_forward_and_skipping_are_accepted_and_say_what_was_skipped(watched: Office) -> None:
    office = watched
    skips = {"lal": ("ldr", "skipped 1"), "mql": ("rep", "skipped 2"), "sal": ("rep", "skipped 3")}
    leads = {to: office.lead(stage="inquiry", owner=by) for to, (by, _) in skips.items()}
    office.sync()
    office.advance(hours=3)
    moved_at = office.now
    for to, lead in leads.items():
        office.edit(lead, by=skips[to][0], stage=to)
    office.sync()
    office.sync()

    for to, lead in leads.items():
        assert office.stage(lead) == to
        assert office.stage_writes(lead) == []
        assert office.moves(lead)[1:] == [("inquiry", to, "legal")]
        [told] = office.run("explain", lead, "--json")
        assert skips[to][1] in told["moves"][1]["why"]
        judged = [row for row in office.run("history", lead, "--json") if row["verdict"]]
        assert skips[to][1] in judged[-1]["why"]
        # A skipped stage is never given a date that it did not have.
        assert [stage for stage, _, _ in office.line(lead)] == ["inquiry", to]
        assert office.line(lead)[-1][1] == iso(moved_at)
        assert office.person(lead)["mql_count"] == (to == "mql")
    assert office.broken_lines() == []


def test_explain_calls_people_by_their_names_and_never_by_an_id(watched: Office) -> None:
    office = watched
    lead = office.lead(stage="inquiry", owner="ldr", country="US")
    office.sync()
    office.edit(lead, by="ldr", stage="mql")
    office.sync()
    office.sync()

    code, text = office.attempt("explain", lead)

    assert (code, " is next in turn" in text) == (0, True)
    ids = {row["owner_id"] for row in office.view("v_assignments")} | {
        row["actor_id"] for row in office.view("v_transitions")
    }
    assert [one for one in sorted(ids - {None}) if one in text] == []
