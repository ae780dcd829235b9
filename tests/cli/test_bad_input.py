"""Whatever is put into leadsync by mistake: one clear message, the right exit code, and nothing is lost."""

import os
import resource
from collections.abc import Mapping

import pytest
from installation import Installation, Org
from samples import Kind

from leadsync.ledger import open_ledger

EVERY_CRM = pytest.mark.parametrize("kind", ["salesforce", "dynamics"])
COMPANY: Mapping[Kind, str] = {"salesforce": "Company", "dynamics": "companyname"}
CLOSED: Mapping[Kind, tuple[str, str, str]] = {
    "salesforce": ("Closed - Not Converted", "  Closed - Not Converted: disqualified\n", ""),
    "dynamics": ("Closed", ", Closed: disqualified}", "}"),
}
"""A status, the piece of the mapping that names it, and what is left when it does not."""


@pytest.mark.parametrize("command", [("sync",), ("check", "--live"), ("doctor",), ("plan",)])
@EVERY_CRM
def test_a_wrong_secret_is_named_and_asked_for_once(leadsync: Installation, org: Org, command: tuple[str, ...]) -> None:
    variable = f"LEADSYNC_{leadsync.kind.upper()}_CLIENT_SECRET"
    leadsync.env[variable] = "not the secret"
    org.requests()

    found = leadsync(*command)

    assert found.code == 6
    assert variable in found.out + found.err
    assert "not the secret" not in found.out + found.err
    assert sum(str(line["path"]).endswith("/token") for line in org.requests()) == 1


@EVERY_CRM
def test_incomplete_credentials_name_every_way_to_complete_them(leadsync: Installation, org: Org) -> None:
    prefix = f"LEADSYNC_{leadsync.kind.upper()}"
    del leadsync.env[f"{prefix}_CLIENT_SECRET"]
    org.requests()

    found = leadsync("sync")

    assert found.code == 6
    assert "credentials are incomplete" in found.err
    assert f"{prefix}_CLIENT_SECRET" in found.err
    assert f"{prefix}_{'PRIVATE_KEY' if leadsync.kind == 'salesforce' else 'CERTIFICATE'}" in found.err
    assert org.requests() == []


@EVERY_CRM
def test_a_field_that_the_org_lacks_is_named_and_stops_its_object_alone(leadsync: Installation) -> None:
    company = COMPANY[leadsync.kind]
    leadsync.change(f"mappings/{leadsync.kind}.yaml", f"company: {company}\n", "company: Companie__c\n")

    checked = leadsync("check", "--live", "--json")
    synced = leadsync("sync", "--json")

    assert checked.code == 1
    assert any("Companie__c" in finding["text"] for finding in checked.data if not finding["ok"])
    assert synced.code == 1
    (report,) = synced.data
    assert list(report["blocked"]) == ["lead"]
    assert "Companie__c" in report["blocked"]["lead"]
    assert "lead was left out" in leadsync("sync").err
    objects: dict[str, int] = dict(leadsync.rows("SELECT object, count(*) FROM v_people GROUP BY object"))
    assert set(objects) == {"contact"}
    assert dict(leadsync.rows("SELECT source, mark IS NOT NULL FROM marks"))["opportunity"] == 1


@EVERY_CRM
def test_a_mended_mapping_reads_what_was_left_out(leadsync: Installation) -> None:
    path, company = f"mappings/{leadsync.kind}.yaml", COMPANY[leadsync.kind]
    leadsync.change(path, f"company: {company}\n", "company: Companie__c\n")
    leadsync("sync")
    leadsync.change(path, "company: Companie__c\n", f"company: {company}\n")

    assert leadsync("sync").code == 0
    assert leadsync.rows("SELECT count(*) > 0 FROM v_people WHERE object = 'lead'") == [(1,)]


@EVERY_CRM
def test_a_status_that_nobody_mapped_is_counted_and_told_how_to_map(leadsync: Installation, org: Org) -> None:
    path, (value, line, without) = f"mappings/{leadsync.kind}.yaml", CLOSED[leadsync.kind]
    leadsync.change(path, line, without)
    lead = org.key(org.lead(Status="Closed - Not Converted"), leadsync.kind)

    synced, checked, told = leadsync("sync"), leadsync("check", "--live"), leadsync("explain", lead)

    assert synced.code == 0
    found = leadsync.rows(f"SELECT stage, stage_value FROM v_people WHERE record_id = '{lead}'")
    assert found == [(None, value)]
    assert value in checked.out
    assert f'the status "{value}" stands for no stage' in told.out
    assert path in told.out


@EVERY_CRM
def test_a_web_page_instead_of_data_is_the_crm_being_down_and_changes_nothing(leadsync: Installation, org: Org) -> None:
    assert leadsync("sync").code == 0
    marks = leadsync.rows("SELECT source, mark FROM marks ORDER BY source")
    org.control("faults", rate={"html": 1.0})

    synced, checked = leadsync("sync", "--json"), leadsync("check", "--live")

    assert (synced.code, checked.code) == (1, 1)
    assert f"{leadsync.kind}: not synchronised" in synced.err
    assert "<html" not in synced.err + checked.out
    assert synced.data == []
    assert leadsync.rows("SELECT source, mark FROM marks ORDER BY source") == marks


@pytest.mark.parametrize("command", ["sync", "plan", "run", "check", "explain"])
def test_a_half_written_file_at_the_start_is_refused_with_its_place(leadsync: Installation, command: str) -> None:
    text = leadsync.mapping.read_text(encoding="utf-8")
    leadsync.mapping.write_text(text[: len(text) // 2], encoding="utf-8")

    found = leadsync(command, *(("somebody",) if command == "explain" else ()))

    assert found.code == 2
    assert "mappings/salesforce.yaml:" in found.err
    assert "no rules were loaded" in found.err
    assert not leadsync.ledger.exists()


def test_every_problem_of_every_file_is_told_at_once(leadsync: Installation) -> None:
    leadsync.change("mappings/scoring.yaml", "half_life", "half_live")
    leadsync.change("config/leadsync.yaml", "zone: Europe/Berlin", "zone: Europe/Bonn")

    found = leadsync("check")

    assert found.code == 2
    assert "mappings/scoring.yaml:" in found.err
    assert "config/leadsync.yaml:" in found.err


def test_a_damaged_ledger_is_left_alone_and_says_so(leadsync: Installation) -> None:
    assert leadsync("sync").code == 0
    content = leadsync.ledger.read_bytes()
    spoilt = content[:4096] + os.urandom(8192) + content[12288:]
    leadsync.ledger.write_bytes(spoilt)

    for command in (("sync",), ("run",), ("explain", "somebody"), ("outbox", "list"), ("ledger", "check")):
        found = leadsync(*command)
        assert found.code == 5, (command, found.err)
        assert "damaged" in found.err + found.out
        assert "Traceback" not in found.err
    assert leadsync.ledger.read_bytes() == spoilt


def test_a_file_that_is_no_ledger_is_left_alone(leadsync: Installation) -> None:
    leadsync.ledger.parent.mkdir()
    leadsync.ledger.write_text("a letter to my aunt\n" * 400, encoding="utf-8")

    found = leadsync("sync")

    assert found.code == 5
    assert "ledger" in found.err
    assert leadsync.ledger.read_text(encoding="utf-8").startswith("a letter")


@pytest.mark.parametrize("room", [400_000, 900_000], ids=["while the tables are made", "while pages are stored"])
def test_a_full_disk_ends_the_cycle_and_the_next_one_goes_on(leadsync: Installation, room: int) -> None:
    def few_bytes() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    found = leadsync.process("sync", preexec_fn=few_bytes)

    assert found.code == 5, found.err
    assert "ledger" in found.err
    assert "Traceback" not in found.err
    assert leadsync("sync").code == 0
    assert leadsync("ledger", "check").code == 0
    assert leadsync.rows("SELECT count(*) > 0 FROM v_people WHERE object = 'contact'") == [(1,)]


@EVERY_CRM
def test_another_org_behind_the_same_ledger_is_refused(leadsync: Installation) -> None:
    with open_ledger(leadsync.ledger) as ledger:
        ledger.belong_to(leadsync.kind, "00D8d0000099999EAA")

    for command in ("sync", "run", "plan"):
        found = leadsync(command)
        assert found.code == 4, (command, found.err)
        assert "this ledger belongs to org 00D8d0000099999EAA" in found.err
    assert leadsync.rows("SELECT count(*) FROM v_people") == [(0,)]


@EVERY_CRM
def test_a_second_writer_is_refused_and_plan_decides_on_what_is_there(leadsync: Installation, org: Org) -> None:
    assert leadsync("sync").code == 0
    with open_ledger(leadsync.ledger):
        org.requests()
        content = leadsync.rows("SELECT key, value FROM meta ORDER BY key")

        for command in (("sync",), ("run",), ("outbox", "retry", "x"), ("ledger", "restore", str(leadsync.ledger))):
            found = leadsync(*command)
            assert found.code == 3, (command, found.err)
            assert "another leadsync" in found.err
        planned = leadsync("plan", "--json")

        assert planned.code == 0, planned.err
        assert "decided on what is there" in planned.err
        assert set(planned.data) == {"effects", "total", "held"}
        assert org.requests() == []
        assert leadsync.rows("SELECT key, value FROM meta ORDER BY key") == content


@EVERY_CRM
def test_a_plan_without_a_daemon_observes_but_delivers_nothing(leadsync: Installation, org: Org) -> None:
    truth = len(org.truth("Lead"))

    found = leadsync("plan", "--json")

    assert found.code == 0, found.err
    assert found.data["total"] == len(found.data["effects"])
    assert leadsync.rows("SELECT count(*) FROM v_outbox") == [(0,)]
    assert leadsync.rows("SELECT count(*) > 0 FROM v_people") == [(1,)]
    assert len(org.truth("Lead")) == truth


def test_a_group_over_its_limit_is_held_until_somebody_lets_it_go(beside: Installation, fresh_org: Org) -> None:
    fresh_org.control("pause", world=False)
    limits = "  api_reserve: 20%\n  writes: {normal: {per_cycle: 2, per_day: 4}, score: {per_cycle: 2, per_day: 4}}\n"
    beside.change("config/leadsync.yaml", "  api_reserve: 20%\n", limits)
    assert beside("sync").code == 0
    fresh_org.advance(3600)
    for number in range(8):
        fresh_org.lead(LastName=f"New{number}", Title="Head of Sales", Status="Inquiry")
    fresh_org.advance(120)

    found = beside("sync")

    assert found.code == 7, found.err
    assert "held: " in found.err
    held = beside("outbox", "list", "--state", "held", "--json").data
    group = held[0]["group_id"]
    assert f"leadsync outbox release '{group}'" in found.err
    assert beside("outbox", "release", "no such group").code == 1
    assert beside("outbox", "release", group).code == 0
    fresh_org.advance(60)
    beside("sync")
    left = beside("outbox", "list", "--state", "held", "--json").data
    assert group not in {row["group_id"] for row in left}
    assert beside("outbox", "list", "--state", "applied", "--json").data != []


@pytest.mark.parametrize("command", ["explain", "history"])
def test_nobody_by_that_name_is_told(leadsync: Installation, command: str) -> None:
    leadsync("sync")

    found = leadsync(command, "ghost@nowhere.example")

    assert found.code == 1
    assert found.out == ""
    assert "knows nobody by 'ghost@nowhere.example'" in found.err


@pytest.mark.parametrize("command", [("sync",), ("plan",), ("explain", "x")])
def test_an_instant_that_is_none_is_refused_before_anything_is_done(
    leadsync: Installation, org: Org, command: tuple[str, ...]
) -> None:
    org.requests()

    found = leadsync(*command, "--now", "yesterday")

    assert found.code == 2
    assert "2026-12-01T08:00:00Z" in found.err
    assert not leadsync.ledger.exists()
    assert org.requests() == []


def test_init_overwrites_nothing_unless_told_to(leadsync: Installation, org: Org) -> None:
    leadsync.mapping.write_text("mine\n", encoding="utf-8")

    refused = leadsync("init", "salesforce", "--url", org.url)

    assert refused.code == 2
    assert "mappings/salesforce.yaml" in refused.err
    assert "--force" in refused.err
    assert leadsync.mapping.read_text(encoding="utf-8") == "mine\n"
    assert leadsync("init", "salesforce", "--url", org.url, "--force").code == 0
    assert leadsync("check").code == 0


def test_a_word_that_is_no_command_is_a_usage_error(leadsync: Installation) -> None:
    assert leadsync("snyc").code == 2
    assert leadsync("outbox", "list", "--state", "lost").code == 2
