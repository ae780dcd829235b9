"""`leadsync report` and `leadsync audit` over a ledger that was filled from an org in a box."""

import csv
import io
import re
import sqlite3
from pathlib import Path

import pytest
from installation import Installation, Org

from leadsync.ledger import open_ledger

MAPPED = {"Raw", "Inquiry", "MAQL", "LAL", "MQL", "SAL", "SQL", "Re-Market", "Disqualified"}


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory, org: Org) -> Installation:
    made = Installation(tmp_path_factory.mktemp("synced"), org.url, dict(org.secrets))
    made.write()
    assert made("sync").code == 0
    return made


@pytest.mark.parametrize("name", ["funnel", "velocity", "recycling", "audit"])
def test_a_report_has_the_same_numbers_in_every_form(synced: Installation, name: str) -> None:
    data = synced("report", name, "--json").data
    assert data == synced("report", name, "--format", "json").data
    rows = list(csv.DictReader(io.StringIO(synced("report", name, "--format", "csv").out, newline="")))
    assert {row["definition_hash"] for row in rows} == {data["definition_hash"]}
    lines = synced("report", name).out.splitlines()
    assert lines[-1] == f"definition {data['definition_hash']}"
    for table, told in data["tables"].items():
        written = [row for row in rows if row["table"] == table]
        assert len(written) == len(told)
        for row, one in zip(written, told, strict=True):
            cells = ["" if value is None else str(value) for value in one.values()]
            assert [row[column] for column in one] == cells
            if len(told) <= 50:
                assert any(line.split() == " ".join(cells).split() for line in lines), cells


def test_the_funnel_adds_up_to_the_live_records_of_the_org(synced: Installation, org: Org) -> None:
    snapshot = synced("report", "funnel", "--json").data["tables"]["snapshot"]
    live = [row for row in org.server.box.store.rows("Lead") if not row["IsDeleted"] and not row["IsConverted"]]
    contacts = [row for row in org.server.box.store.rows("Contact") if not row["IsDeleted"]]
    *parts, total = snapshot
    assert (total["line"], total["leads"], total["contacts"]) == ("total", len(live), len(contacts))
    assert sum(row["records"] for row in parts) == total["records"]
    outside = next(row for row in parts if row["line"] == "outside")
    assert outside["leads"] == sum(1 for row in live if row["Status"] not in MAPPED)


def test_the_audit_finds_what_the_org_has_outside_and_the_ledger_equal_to_it(synced: Installation, org: Org) -> None:
    done = synced("audit", "--json")
    outside = done.data["tables"]["outside"]
    expected = sum(
        1 for row in org.server.box.store.rows("Lead")
        if not row["IsDeleted"] and not row["IsConverted"] and row["Status"] not in MAPPED
    )  # fmt: skip
    assert sum(row["records"] for row in outside) == expected > 0
    assert done.code == 1
    assert [(row["object"], row["differences"], row["how"]) for row in done.data["tables"]["reconciliation"]] == [
        ("lead", 0, "compared"), ("contact", 0, "compared"),
    ]  # fmt: skip
    assert done.data["tables"]["differences"] == []
    assert len(done.data["tables"]["checklist"]) == 6
    assert all(line.startswith("off: ") for line in done.data["notes"])
    assert done.err.strip()


def test_an_audit_of_a_clean_org_ends_with_0_until_somebody_sets_a_value_that_nobody_mapped(
    tmp_path: Path, fresh_org: Org
) -> None:
    leads = [fresh_org.lead(Email=f"l{n}@initech.example") for n in range(5)]
    made = Installation(tmp_path, fresh_org.url, dict(fresh_org.secrets))
    made.write()
    fresh_org.advance(600)
    made("sync")
    clean = made("audit")
    assert (clean.code, clean.err.strip()) == (0, "nothing is off")
    fresh_org.edit(leads[0], Status="Unheard of")
    news = made("audit", "--json")
    assert news.code == 0
    assert news.data["tables"]["reconciliation"][0]["news"] == 1
    made("sync")
    off = made("audit")
    assert off.code == 1
    assert "1 live leads of salesforce have a status that stands in no list of the mapping" in off.err


def test_a_ledger_that_is_not_what_the_crm_says_is_off_and_names_the_record(tmp_path: Path, fresh_org: Org) -> None:
    key = fresh_org.lead(Email="l1@initech.example")
    made = Installation(tmp_path, fresh_org.url, dict(fresh_org.secrets))
    made.write()
    fresh_org.advance(3600)
    made("sync")
    con = sqlite3.connect(made.ledger)
    con.execute("UPDATE records SET stage_value = 'MQL'")
    con.commit()
    con.close()
    done = made("audit", "--json")
    assert done.code == 1
    (row,) = done.data["tables"]["differences"]
    assert (row["record_id"], row["what"], row["ledger"], row["in_crm"]) == (key, "status", "MQL", "Inquiry")
    assert "1 leads differ between the ledger and salesforce" in done.err


def test_an_audit_asks_no_crm_when_told_so_or_when_it_is_down(synced: Installation, org: Org) -> None:
    org.requests()
    offline = synced("audit", "--offline", "--json")
    assert offline.data["tables"]["reconciliation"][0]["how"] == "not asked (--offline)"
    assert org.requests() == []
    synced.env["LEADSYNC_SALESFORCE_CLIENT_SECRET"] = "wrong"
    try:
        refused = synced("audit", "--json")
    finally:
        synced.env.update(org.secrets)
    assert refused.data["tables"]["outside"] == offline.data["tables"]["outside"]
    assert "salesforce was not compared" in refused.err
    assert refused.data["tables"]["reconciliation"][0]["records"] is None


def test_an_audit_of_another_orgs_ledger_ends_with_4(leadsync: Installation) -> None:
    with open_ledger(leadsync.ledger) as ledger:
        ledger.belong_to("salesforce", "00D8d0000099999EAA")
    done = leadsync("audit")
    assert (done.code, done.out) == (4, "")
    assert "this ledger belongs to org 00D8d0000099999EAA" in done.err


def test_a_period_a_source_and_a_segment_narrow_a_report(synced: Installation) -> None:
    whole = synced("report", "funnel", "--json").data
    narrowed = synced("report", "funnel", "--period", "7d", "--source", "web", "--segment", "Enterprise", "--json").data
    assert narrowed["filters"] == {"period": "7d", "source": "web", "segment": "Enterprise", "count": "passes"}
    assert narrowed["definition_hash"] == whole["definition_hash"]
    for one, other in zip(narrowed["tables"]["volume"], whole["tables"]["volume"], strict=True):
        assert one["events"] <= other["events"]
    assert narrowed["tables"]["snapshot"][-1]["records"] < whole["tables"]["snapshot"][-1]["records"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["report", "funnel", "--period", "soon"], "is no period; write 2026, 2026-Q3"),
        (["report", "funnel", "--segment", "Moon"], "there is no segment 'Moon'"),
        (["report", "velocity", "--count", "events"], "--count is for the funnel report"),
        (["report", "audit", "--source", "Web"], "the audit report is of everybody"),
        (["report", "nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_reported_is_refused(synced: Installation, args: list[str], words: str) -> None:
    done = synced(*args)
    assert (done.code, done.out) == (2, "")
    assert words in re.sub(r"[\s│╭╮╰╯─]+", " ", done.err)


def test_a_report_goes_into_a_file(synced: Installation, tmp_path: Path) -> None:
    for form in ("csv", "json", "table"):
        target = tmp_path / f"funnel.{form}"
        done = synced("report", "funnel", "--format", form, "--out", str(target))
        assert (done.code, done.out, done.err.strip()) == (0, "", f"wrote {target}")
        assert target.read_bytes()
    on_screen = synced("report", "funnel", "--format", "csv").out
    assert (tmp_path / "funnel.csv").read_bytes().decode() == on_screen
    refused = synced("report", "funnel", "--out", str(tmp_path / "no" / "where.csv"))
    assert refused.code == 1
    assert "cannot be written" in refused.err


def test_a_report_without_a_ledger_says_how_to_get_one(leadsync: Installation) -> None:
    done = leadsync("report", "funnel")
    assert done.code == 5
    assert "`leadsync sync` makes one" in done.err


def test_reports_hold_no_personal_data(synced: Installation, org: Org) -> None:
    names = {str(row["LastName"]) for row in org.server.box.store.rows("Lead") if len(str(row["LastName"])) > 6}
    mails = {str(row["Email"]) for row in org.server.box.store.rows("Lead") if row["Email"]}
    told = "".join(
        synced("report", name, "--format", "csv").out for name in ("funnel", "velocity", "recycling", "audit")
    )
    assert [word for word in names | mails if word in told] == []
