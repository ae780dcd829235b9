"""The deploy kit's script: it makes in a bare environment what the mapping needs, and nothing twice."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from leadsync.settings.write import sample_files

SCRIPT = Path(__file__).parents[2] / "deploy" / "dataverse" / "create_columns.py"


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("create_columns", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bare(org: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An environment without any column of leadsync's, and files for it."""
    for table in ("lead", "contact"):
        found = org.api("GET", f"EntityDefinitions(LogicalName='{table}')/Attributes?$select=LogicalName")["value"]
        for name in (one["LogicalName"] for one in found if one["LogicalName"].startswith("leadsync_")):
            org.api("DELETE", f"EntityDefinitions(LogicalName='{table}')/Attributes(LogicalName='{name}')")
    for path, text in sample_files("dynamics", org.url).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADSYNC_DYNAMICS_TOKEN", org.server.token)
    return org


def own_columns(org: Any, table: str) -> set[str]:
    found = org.api("GET", f"EntityDefinitions(LogicalName='{table}')/Attributes?$select=LogicalName")["value"]
    return {one["LogicalName"] for one in found if one["LogicalName"].startswith("leadsync_")}


def test_a_dry_run_says_what_is_missing_and_makes_nothing(bare: Any, script: Any, capsys: Any) -> None:
    assert script.main(["--dry-run"]) == 0

    told = capsys.readouterr().out
    assert "would create lead.leadsync_score (Integer)" in told
    assert "would create contact.leadsync_assignee (Lookup)" in told
    assert own_columns(bare, "lead") == own_columns(bare, "contact") == set()


def test_it_makes_what_the_mapping_needs_and_nothing_twice(bare: Any, script: Any, capsys: Any) -> None:
    before = [finding for finding in bare.crm().inspect() if not finding.ok]
    assert script.main([]) == 0
    made = capsys.readouterr().out
    assert script.main([]) == 0
    again = capsys.readouterr().out

    assert any("leadsync_score" in finding.topic for finding in before)
    assert "creating lead.leadsync_leadstatus (Picklist)" in made
    assert again.startswith("0 columns created")
    topics = ("lead", "contact", "lead stages", "contact stages")
    assert [finding.text for finding in bare.crm().inspect() if not finding.ok and finding.topic in topics] == []


def test_what_it_made_takes_what_leadsync_writes(bare: Any, script: Any, write_of: Any, ref_of: Any) -> None:
    assert script.main([]) == 0
    (key,) = bare.leads(1)
    crm = bare.crm()
    lead = crm.read([ref_of(key)])[ref_of(key)]

    values = {
        "stage": "MQL", "score": 72, "product": "fleet", "brief": "why", "marketable": True, "recycle_reason": "Timing",
        "stage_entered_at": "2026-11-20T09:00:00Z", "assignee": bare.admin, "queue": "Desk", "mql_count": 1,
    }  # fmt: skip
    (outcome,) = crm.write([write_of(lead, guarded=True, **values)])

    assert (outcome.state, outcome.error) == ("applied", None)
    after = crm.read([lead.ref])[lead.ref]
    assert after.stage_value == "MQL"
    assert {name: after.fields[name] for name in values if name != "stage"} == {
        name: values[name] for name in values if name != "stage"
    }


def test_a_status_reason_of_ones_own_is_an_option_like_the_others(org: Any, mapping: Any) -> None:
    body = {
        "EntityLogicalName": "lead", "AttributeLogicalName": "statuscode", "StateCode": 0,
        "Label": {"LocalizedLabels": [{"Label": "Nurturing", "LanguageCode": 1033}]},
    }  # fmt: skip
    number = org.api("POST", "InsertStatusValue", body)["NewOptionValue"]
    (key,) = org.leads(1)
    org.api("PATCH", f"leads({key})", {"statecode": 0, "statuscode": number}, **{"If-Match": "*"})

    assert org.row(f"leads({key})", "statuscode,statecode")["statuscode"] == number
    cast = "Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$select=LogicalName&$expand=OptionSet"
    options = org.api("GET", f"EntityDefinitions(LogicalName='lead')/{cast}")["value"][0]["OptionSet"]["Options"]
    assert (number, 0) in {(one["Value"], one["State"]) for one in options}
