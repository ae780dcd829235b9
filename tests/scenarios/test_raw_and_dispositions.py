"""Scenario 1: an untouched list import becomes raw, call results leave the status field, and one form brings one lead back."""

from collections import Counter
from typing import Any

import pytest
from office import Office


def funnel(office: Office) -> dict[str, int]:
    """Return the records of each line of the funnel report's snapshot."""
    return {row["line"]: row["records"] for row in office.report("funnel")["snapshot"]}


def left_alone(office: Office, keys: list[str]) -> None:
    """None of these leads is scored, routed or clocked."""
    ids = set(keys)
    for view in ("v_clocks", "v_assignments", "v_escalations"):
        people = {row["person_id"] for row in office.view(view)}
        assert not people & {row["person_id"] for row in office.view("v_people") if row["record_id"] in ids}
    assert {row["score"] for row in office.view("v_people") if row["record_id"] in ids} <= {0, None}
    assert not {office.row(key)["score"] for key in keys} - {None}
    assert {office.owner(key) for key in keys} == {"dataloader"}


@pytest.mark.parametrize(
    ("imported", "vmail", "attempting"), [(500, 37, 12), (7, 2, 1)], ids=["the numbers of the text", "a small list"]
)
def test_a_list_import_becomes_raw_and_call_results_leave_the_status(
    office: Office, imported: int, vmail: int, attempting: int
) -> None:
    office.edit_config("limits:\n", "limits:\n  writes: {normal: {per_cycle: 1000, per_day: 10000}}\n")
    real = office.leads(20, stage="inquiry", owner="ldr")
    office.respond(*real, response="registered")
    office.sync()
    before = funnel(office)
    assert before["inquiry"] == 20

    source: dict[str, Any] = {"source": "Purchased List", "created_by": "dataloader", "owner": "dataloader"}
    listed = office.leads(imported, stage="inquiry", **source)
    called = [
        *office.leads(vmail, status="Left Vmail", owner="ldr"),
        *office.leads(attempting, status="Attempting Contact", owner="ldr"),
    ]
    office.sync()

    assert office.stages(listed) == {"raw": imported}
    assert office.writes_per_record() == Counter([*listed, *called])
    assert Counter((office.row(key)["disposition"], office.stage(key)) for key in called) == {
        ("Left Vmail", "lal"): vmail,
        ("Attempting Contact", "lal"): attempting,
    }
    office.sync()
    assert funnel(office)["inquiry"] == before["inquiry"]
    assert office.counts() == {"inquiry": 20, "raw": imported, "lal": vmail + attempting}
    assert {tuple(office.moves(key)) for key in listed} == {
        ((None, "inquiry", "redirected"), ("inquiry", "raw", "legal"))
    }
    left_alone(office, listed)

    [form] = listed[3:4]
    office.respond(form, response="registered")
    office.sync()
    office.sync()

    assert [move for move in office.moves(form) if move[0] == "raw"] == [("raw", "inquiry", "legal")]
    assert office.stage(form) == "inquiry"
    rows = office.view("v_transitions", from_stage="raw")
    assert [(row["record_id"], row["to_stage"]) for row in rows] == [(form, "inquiry")]
    assert office.counts() == {"inquiry": 21, "raw": imported - 1, "lal": vmail + attempting}


def test_a_call_result_does_not_pull_a_lead_back_that_was_further_along(office: Office) -> None:
    [far, fresh] = office.leads(2, stage="sal", owner="rep")
    office.edit(fresh, by="admin", stage="inquiry")
    office.sync()
    office.edit(far, by="rep", status="Left Vmail")
    office.edit(fresh, by="ldr", status="Attempting Contact")
    office.sync()

    assert [(office.stage(key), office.row(key)["disposition"]) for key in (far, fresh)] == [
        ("sal", "Left Vmail"), ("lal", "Attempting Contact"),
    ]  # fmt: skip


def test_leads_without_any_sign_of_an_import_stay_inquiries(office: Office) -> None:
    """Fewer than a hundred untouched leads, by somebody who imports no lists, from no list: nothing is taken from them."""
    keys = office.leads(60, stage="inquiry", created_by="marketing", source="Other")
    office.sync()
    office.sync()
    assert office.stages(keys) == {"inquiry": 60}
    assert office.writes() == []
    assert office.verdicts() == {"legal": 60}

    answered, *silent = keys
    office.respond(answered, response="registered")
    office.advance(hours=25)
    office.sync()
    office.sync()

    assert {tuple(office.moves(key)) for key in silent} == {((None, "inquiry", "flagged"),)}
    assert office.moves(answered) == [(None, "inquiry", "legal")]
    assert office.stages(keys) == {"inquiry": 60}
    [told] = office.run("explain", silent[0], "--json")
    assert told["moves"][0]["said"].startswith("reported: it claims to have interacted")
