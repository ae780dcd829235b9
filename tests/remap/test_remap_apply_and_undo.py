"""Deprecated statuses go out by a plan, and come back by an undo, and nobody's edit is lost on either way."""

from collections.abc import Mapping
from typing import Any


def aged_leads(desk: Any, old: Mapping[str, str], count: int) -> list[str]:
    """Create leads that show the old statuses in turn, then let a day pass."""
    names = list(old)
    keys: list[str] = desk.showing(*(names[n % len(names)] for n in range(count)))
    desk.advance(86400)
    return keys


def test_every_old_status_becomes_what_the_mapping_names_and_no_age_changes(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 40)
    desk.sync()
    ages = desk.ages()

    planned = desk.plan()
    assert planned["records"] == 40
    assert desk.statuses(keys) == [list(old)[n % 4] for n in range(40)]
    done = desk.apply("--yes")

    assert (done["done"], done["skipped"], done["failed"], done["left"]) == (40, 0, 0, 0)
    assert desk.statuses(keys) == [old[list(old)[n % 4]] for n in range(40)]
    desk.sync()
    assert desk.ages() == ages
    assert {row[0] for row in desk.query("SELECT stage FROM v_people")} == {"inquiry", "lal", "mql", "disqualified"}


def test_nothing_is_written_without_yes(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 8)
    desk.plan()
    before = desk.statuses(keys)

    rehearsed = desk.apply()

    assert (rehearsed["dry_run"], rehearsed["would_write"], rehearsed["done"]) == (True, 8, 0)
    assert desk.statuses(keys) == before
    assert not desk.plan_path.with_suffix(".success.csv").exists()
    assert desk.query("SELECT count(*) FROM outbox") == [(0,)]


def test_whoever_was_edited_since_the_plan_is_left_alone_with_the_reason(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 12)
    desk.plan()
    desk.edit(keys[0], status="SAL")
    desk.edit(keys[1], phone="+49 30 1234567")
    desk.control("delete", object="Lead", id=keys[2])

    done = desk.apply("--yes")

    assert (done["done"], done["skipped"]) == (9, 3)
    whys = {row["record_id"]: row["why"] for row in desk.csv(".error.csv")}
    assert set(whys) == set(keys[:3])
    assert "stage shows SAL, not Open - Not Contacted" in whys[keys[0]]
    assert f"edited by {desk.server.box.basics.admin}" in whys[keys[0]]
    assert f"edited by {desk.server.box.basics.admin}" in whys[keys[1]]
    assert whys[keys[2]] == "skipped: deleted"
    assert desk.row(keys[0])["status"] == "SAL"
    assert desk.row(keys[1])["status"] == "Working - Contacted"
    assert {row["record_id"] for row in desk.csv(".success.csv")} == set(keys[3:])


def test_an_edit_between_reading_and_writing_wins(desk: Any, old: Mapping[str, str], monkeypatch: Any) -> None:
    from leadsync.crm.salesforce import SalesforceCrm

    keys = aged_leads(desk, old, 3)
    desk.plan()
    write = SalesforceCrm.write

    def edited_first(crm: Any, writes: Any) -> Any:
        desk.edit(keys[1], status="SQL")
        return write(crm, writes)

    monkeypatch.setattr(SalesforceCrm, "write", edited_first)
    done = desk.apply("--yes")

    assert (done["done"], done["skipped"]) == (2, 1)
    assert desk.row(keys[1])["status"] == "SQL"
    assert desk.csv(".error.csv")[0]["why"] == "skipped: somebody changed it in the same moment"


def test_running_an_applied_plan_again_writes_nothing(desk: Any, old: Mapping[str, str]) -> None:
    aged_leads(desk, old, 8)
    desk.plan()
    desk.apply("--yes")
    desk.api_requests()
    files = [desk.plan_path.with_suffix(f".{name}.csv").read_text() for name in ("success", "error")]
    writes = len(desk.writes())

    again = desk.apply("--yes")

    assert (again["done"], again["left"]) == (8, 0)
    assert len(desk.writes()) == writes == 8
    assert desk.api_requests() <= 1
    assert [desk.plan_path.with_suffix(f".{name}.csv").read_text() for name in ("success", "error")] == files


def test_an_undo_puts_back_what_nobody_has_touched_and_reports_the_rest(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 20)
    desk.sync()
    ages, before = desk.ages(), desk.statuses(keys)
    desk.plan()
    desk.apply("--yes")
    desk.sync()
    desk.edit(keys[3], status="SAL")
    desk.edit(keys[4], phone="+49 30 1234567")

    undone = desk.undo("--yes")

    assert (undone["done"], undone["skipped"], undone["left"]) == (18, 2, 0)
    assert {row["record_id"] for row in desk.csv(".undo.error.csv")} == {keys[3], keys[4]}
    shown = desk.statuses(keys)
    assert shown[3:5] == ["SAL", "Inquiry"]
    assert shown[:3] + shown[5:] == before[:3] + before[5:]
    desk.sync()
    assert {key: age for key, age in desk.ages().items() if key != keys[3]} == {
        key: age for key, age in ages.items() if key != keys[3]
    }


def test_a_plan_that_was_undone_is_not_applied_again(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 4)
    desk.plan()
    desk.apply("--yes")
    desk.undo("--yes")

    desk.apply("--yes", expect=2)

    assert "was undone by ana" in desk.said
    assert desk.statuses(keys) == list(old)


def test_nothing_is_undone_that_was_not_applied(desk: Any, old: Mapping[str, str]) -> None:
    aged_leads(desk, old, 4)
    desk.plan()
    desk.undo("--yes", expect=2)
    assert "there is nothing to undo" in desk.said


def test_what_leadsync_wrote_since_does_not_keep_a_plan_from_being_undone(
    make_desk: Any, old: Mapping[str, str]
) -> None:
    desk = make_desk(deliver="[score, stage_entered]")
    keys = aged_leads(desk, old, 4)
    desk.plan()
    desk.apply("--yes")
    desk.respond(keys[1], response="attended", channel="webinar")
    desk.sync()
    desk.sync()
    assert desk.row(keys[1])["score"]

    undone = desk.undo("--yes")

    assert (undone["done"], undone["skipped"]) == (4, 0)
    assert desk.statuses(keys) == list(old)


def test_a_lead_that_took_its_old_status_later_is_as_old_as_that(desk: Any) -> None:
    [key] = desk.showing("SAL")
    desk.advance(3600)
    desk.edit(key, status="Working - Contacted")
    at = desk.control("advance", seconds=0, world=False)["now"]
    desk.advance(7200)
    desk.sync()
    assert desk.ages()[key] == (at, 1)

    desk.plan()
    desk.apply("--yes")
    desk.sync()

    assert desk.ages()[key] == (at, 1)
    assert desk.query("SELECT stage, entered_at FROM v_spans ORDER BY entered_at")[-1] == ("lal", at)
    assert desk.query("SELECT from_stage, to_stage, source, correction FROM v_transitions ORDER BY seq")[-1] == (
        None, "lal", "leadsync", 1,
    )  # fmt: skip


def test_remapped_people_get_no_clock_no_owner_no_message_and_no_new_entry_instant(
    make_desk: Any, old: Mapping[str, str]
) -> None:
    desk = make_desk(deliver="[notices, stage_entered, contact_stage, lead_stage, owner]")
    keys = aged_leads(desk, old, 8)
    desk.sync()
    desk.sync()
    tables = ("clocks", "assignments", "owners")
    before = {table: desk.query(f"SELECT count(*) FROM {table}") for table in tables}
    owners = [desk.row(key)["owner"] for key in keys]
    ages = desk.ages()
    desk.plan()
    desk.apply("--yes")

    for _ in range(3):
        desk.sync()

    assert {table: desk.query(f"SELECT count(*) FROM {table}") for table in tables} == before
    assert [desk.row(key)["owner"] for key in keys] == owners
    assert desk.query("SELECT count(*) FROM outbox WHERE kind IN ('notice', 'escalation')") == [(0,)]
    assert desk.statuses(keys) == [old[list(old)[n % 4]] for n in range(8)]
    assert desk.ages() == ages
    shown = {desk.row(key)["stage_entered_at"] for key in keys} - {None}
    assert {f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in shown} <= {at for at, _ in ages.values()}


def test_a_call_result_goes_to_its_own_field_and_the_stage_stays_where_it_was_if_that_was_further(desk: Any) -> None:
    fresh, known = desk.showing("Left Vmail", "SAL")
    desk.advance(3600)
    desk.edit(known, status="Attempting Contact")
    desk.advance(3600)
    assert desk.plan()["records"] == 2

    assert desk.apply("--yes")["done"] == 2

    assert [(row["status"], row["disposition"]) for row in (desk.row(fresh), desk.row(known))] == [
        ("LAL", "Left Vmail"), ("SAL", "Attempting Contact"),
    ]  # fmt: skip
    assert desk.undo("--yes")["done"] == 2
    assert [(row["status"], row["disposition"]) for row in (desk.row(fresh), desk.row(known))] == [
        ("Left Vmail", None), ("Attempting Contact", None),
    ]  # fmt: skip


def test_contacts_are_remapped_like_leads(desk: Any) -> None:
    [key] = desk.control("load", Contact=[{"LastName": "Rossi", "Contact_Status__c": "Working - Contacted"}])["Contact"]
    desk.advance(86400)
    desk.sync()
    ages = desk.ages()
    desk.plan()

    assert desk.apply("--yes")["done"] == 1

    assert desk.row(key)["status"] == "LAL"
    desk.sync()
    assert desk.ages() == ages


def test_who_did_which_step_stands_in_the_ledger(desk: Any, old: Mapping[str, str]) -> None:
    keys = aged_leads(desk, old, 4)
    planned = desk.plan()
    desk.apply("--yes", "--operator", "Bea")
    desk.undo("--yes", "--operator", "Cem")

    steps = desk.query("SELECT plan_id, step, operator, finished_at IS NOT NULL FROM jobs ORDER BY job_id")
    assert steps == [
        (planned["plan"], step, who, 1) for step, who in (("plan", "ana"), ("apply", "Bea"), ("undo", "Cem"))
    ]
    desk.sync()
    assert desk.query("SELECT DISTINCT bulk_id FROM v_transitions WHERE source = 'leadsync' ORDER BY 1") == [
        (f"remap:{planned['plan']}",), (f"remap:{planned['plan']}:undo",),
    ]  # fmt: skip
    told = desk.run("history", keys[0], "--json")
    rows = told[0]["history"] if isinstance(told, list) and "history" in told[0] else told
    assert {row["by"] for row in rows if row["what"] == "write"} == {"Bea", "Cem"}
