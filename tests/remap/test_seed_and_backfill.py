"""Contacts get their first status from what they have been through; history from exports comes into the ledger once."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


def script(desk: Any, name: str, *words: str, expect: int = 0) -> Any:
    """Run a script in this process and return its JSON."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), SCRIPTS / name)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    code, out = desk.attempt(*words, cli=module.cli)
    assert code == expect, desk.said
    return json.loads(out) if "--json" in words and out else None


def contacts(desk: Any, *statuses: str | None) -> list[str]:
    rows = [{"LastName": f"C{n}", "Contact_Status__c": status} for n, status in enumerate(statuses)]
    found: list[str] = desk.control("load", Contact=rows)["Contact"]
    return found


def deal(desk: Any, contact: str, stage: str, closed: str = "2026-02-01") -> None:
    account = desk.control("load", Account=[{"Name": "Initech"}])["Account"][0]
    rows = [{"Name": "Fleet", "AccountId": account, "StageName": stage, "CloseDate": closed, "Amount": 1000}]
    [key] = desk.control("load", Opportunity=rows)["Opportunity"]
    desk.control(
        "load", OpportunityContactRole=[{"OpportunityId": key, "ContactId": contact, "Role": "Decision Maker"}]
    )


def test_contacts_are_seeded_from_deals_and_converted_leads_and_the_rest_stays_blank(desk: Any) -> None:
    in_deal, won, lost, had_one, nothing = contacts(desk, None, None, None, "SAL", None)
    deal(desk, in_deal, "Prospecting")
    deal(desk, won, "Closed Won")
    deal(desk, lost, "Closed Lost")
    deal(desk, had_one, "Prospecting")
    [lead] = desk.showing("MQL")
    desk.advance(3600)
    converted = desk.control("convert", lead=lead, opportunity=False)["contact"]
    desk.advance(86400)
    script(desk, "seed_contact_status.py", "plan", "--out", str(desk.plan_path))
    assert {(row["record_id"], row["field"], row["to_value"]) for row in desk.csv()} == {
        (in_deal, "stage", "SQL"), (won, "stage", "SQL"), (lost, "stage", "Re-Market"),
        (lost, "recycle_reason", "Lost deal"), (converted, "stage", "MQL"),
    }  # fmt: skip
    assert "in an open opportunity since, 2026-03-02" in {row["reason"] for row in desk.csv()}

    done = script(desk, "seed_contact_status.py", "apply", str(desk.plan_path), "--yes", "--json")

    assert (done["done"], done["left"]) == (4, 0)
    shown = {key: desk.row(key)["status"] for key in (in_deal, won, lost, had_one, nothing, converted)}
    assert shown == {in_deal: "SQL", won: "SQL", lost: "Re-Market", had_one: "SAL", nothing: None, converted: "MQL"}
    assert desk.row(lost)["recycle_reason"] == "Lost deal"


def test_a_seeded_contact_starts_no_clock_and_is_routed_to_nobody(make_desk: Any) -> None:
    desk = make_desk(go_live_at="2026-03-02T12:00:00Z", deliver="[notices, stage_entered, owner]")
    [lead] = desk.showing("MQL")
    [in_deal] = contacts(desk, None)
    deal(desk, in_deal, "Prospecting")
    desk.advance(3600)
    converted = desk.control("convert", lead=lead, opportunity=False)["contact"]
    desk.advance(86400)
    desk.sync()
    entered = desk.query("SELECT entered_at FROM v_spans WHERE stage = 'mql'")
    script(desk, "seed_contact_status.py", "plan", "--out", str(desk.plan_path))
    script(desk, "seed_contact_status.py", "apply", str(desk.plan_path), "--yes")

    for _ in range(3):
        desk.sync()

    assert [desk.row(key)["status"] for key in (converted, in_deal)] == ["MQL", "SQL"]
    assert desk.query("SELECT count(*) FROM assignments") == [(0,)]
    assert desk.query("SELECT count(*) FROM clocks WHERE state <> 'backlog'") == [(0,)]
    assert desk.query("SELECT count(*) FROM outbox WHERE kind IN ('notice', 'escalation')") == [(0,)]
    assert desk.query("SELECT entered_at FROM v_spans WHERE stage = 'mql'") == entered


def test_evidence_older_than_two_years_proves_nothing(make_desk: Any) -> None:
    desk = make_desk(go_live_at="2020-01-01T00:00:00Z")
    [old_one] = contacts(desk, None)
    deal(desk, old_one, "Prospecting")
    desk.advance(731 * 86400)
    [new_one] = contacts(desk, None)
    deal(desk, new_one, "Prospecting")
    script(desk, "seed_contact_status.py", "plan", "--out", str(desk.plan_path))
    assert [row["record_id"] for row in desk.csv()] == [new_one]


def test_a_seeded_contact_goes_back_to_blank(desk: Any) -> None:
    [key] = contacts(desk, None)
    deal(desk, key, "Prospecting")
    desk.advance(86400)
    desk.sync()
    ages = desk.ages()
    script(desk, "seed_contact_status.py", "plan", "--out", str(desk.plan_path))
    script(desk, "seed_contact_status.py", "apply", str(desk.plan_path), "--yes")
    desk.sync()
    assert desk.query("SELECT stage FROM v_people") == [("sql",)]
    desk.advance()

    assert script(desk, "seed_contact_status.py", "undo", str(desk.plan_path), "--yes", "--json")["done"] == 1

    assert desk.row(key)["status"] is None
    desk.sync()
    assert desk.ages() == ages
    assert desk.query("SELECT to_stage, source FROM v_transitions ORDER BY seq")[-1] == (None, "leadsync")


def export(desk: Any, *lines: str) -> str:
    path = desk.folder / "LeadHistory.csv"
    path.write_text(
        "Id,LeadId,Field,OldValue,NewValue,CreatedDate,CreatedById\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    return str(path)


def test_history_from_an_export_comes_into_the_ledger_once(desk: Any) -> None:
    [key] = desk.showing("SAL", created_at="2023-05-01T08:00:00Z")
    desk.advance()
    desk.sync()
    path = export(
        desk,
        f"0171,{key},Status,Inquiry,MQL,2023-06-01T08:00:00.000Z,0058d0000010001AAA",
        f"0172,{key},Status,MQL,SAL,2023-06-03T08:00:00.000Z,0058d0000010001AAA",
        f"0173,{key},Phone,1,2,2023-06-03T08:00:00.000Z,0058d0000010001AAA",
    )
    told = script(desk, "backfill_history.py", "--csv", path, "--json")
    assert told == {"dry_run": True, "rows": 2, "new": 2, "others": 1, "transitions": 0}
    assert desk.query("SELECT count(*) FROM moves") == [(0,)]

    stored = script(desk, "backfill_history.py", "--csv", path, "--yes", "--operator", "Bea", "--json")

    assert (stored["new"], stored["dry_run"]) == (2, False)
    moves = desk.query("SELECT from_stage, to_stage, at, source, verdict FROM v_transitions ORDER BY at")[-2:]
    assert moves == [
        ("inquiry", "mql", "2023-06-01T08:00:00Z", "import", "adopted"), ("mql", "sal", "2023-06-03T08:00:00Z", "import", "adopted"),
    ]  # fmt: skip
    assert desk.query("SELECT stage, entered_at FROM v_spans ORDER BY entered_at")[-1] == (
        "sal",
        "2023-06-03T08:00:00Z",
    )
    assert desk.query("SELECT step, operator FROM jobs") == [("backfill", "Bea")]
    again = script(desk, "backfill_history.py", "--csv", path, "--yes", "--json")
    assert (again["new"], again["transitions"]) == (0, 0)


def test_an_export_that_cannot_be_read_is_named_by_its_line(desk: Any) -> None:
    desk.showing("SAL")
    desk.sync()
    path = export(desk, "0171,00Q8d0000010001AAA,Status,Inquiry,MQL,yesterday,005")
    script(desk, "backfill_history.py", "--csv", path, "--yes", expect=2)
    assert "LeadHistory.csv:2: 'yesterday' is no instant" in desk.said
    Path(path).write_text("a,b\n1,2\n", encoding="utf-8")
    script(desk, "backfill_history.py", "--csv", path, "--yes", expect=2)
    assert "is no export of a status history" in desk.said


def test_the_history_of_the_crm_is_read_once_more_and_adds_nothing_that_is_known(desk: Any) -> None:
    [key] = desk.showing("Inquiry")
    desk.advance(3600)
    desk.edit(key, status="MQL")
    desk.advance(60)
    desk.sync()
    before = desk.query("SELECT seq, from_stage, to_stage, at FROM v_transitions ORDER BY seq")
    told = script(desk, "backfill_history.py", "--yes", "--json")
    assert told["transitions"] == 0
    assert desk.query("SELECT seq, from_stage, to_stage, at FROM v_transitions ORDER BY seq") == before


def test_the_script_for_old_statuses_is_the_command(desk: Any) -> None:
    [key] = desk.showing("Working - Contacted")
    desk.advance(86400)
    words = [sys.executable, str(SCRIPTS / "remap_statuses.py"), "plan", "--out", str(desk.plan_path)]
    made = subprocess.run(
        words, env=desk.env, cwd=desk.folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert made.returncode == 0, made.stderr
    assert script(desk, "remap_statuses.py", "apply", str(desk.plan_path), "--yes", "--json")["done"] == 1
    assert desk.row(key)["status"] == "LAL"
    desk.advance()
    assert script(desk, "remap_statuses.py", "undo", str(desk.plan_path), "--yes", "--json")["done"] == 1
    assert desk.row(key)["status"] == "Working - Contacted"
