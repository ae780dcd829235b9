"""`check --live` for Dynamics, what `init` asks, and the adapter as the application builds it."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import requests
from samples import load_from, write_samples

from leadsync.building import build_crm, picklists_of
from leadsync.clock import SystemClock
from leadsync.domain.mapping import DisqualifyButton, FieldMapping


def wrong(crm: Any) -> dict[str, str]:
    return {finding.topic: finding.text for finding in crm.inspect() if not finding.ok}


def test_the_sandbox_has_what_the_sample_names(org: Any) -> None:
    org.put(
        list=[{"listname": f"Nurture - {name}", "createdfromcode": "Lead"} for name in ("stay in touch", "win back")]
    )
    assert wrong(org.crm(named_users=["no-one@acme.example"])) == {
        "users": "of 1 users that rules name, 1 do not exist and 0 are disabled: no-one@acme.example"
    }


def test_what_is_missing_is_named_with_what_to_do(org: Any, mapping: Any) -> None:
    lead = mapping().objects["lead"]
    fields = {
        **lead.fields, "shoe": FieldMapping("shoe", ("shoesize",)), "job": FieldMapping("job", ("JobTitle",)),
        "age": FieldMapping("age", ("leadsync_stage_age",), "number", write=True),
    }  # fmt: skip
    stages = {**mapping().value_of_stage, "mql": "Very Qualified"}
    spoilt = mapping(
        objects={**mapping().objects, "lead": replace(lead, fields=fields)}, value_of_stage=stages,
        stage_of_value={stages[stage]: stage for stage in stages}, deprecated={},
        disqualify_button=DisqualifyButton("disqualified", {"Bored": "not_a_fit"}),
    )  # fmt: skip
    found = wrong(org.crm(spoilt))
    assert "does not exist" in found["lead.shoesize"]
    assert "jobtitle" in found["lead.JobTitle"]
    assert "may not be edited" in found["lead.leadsync_stage_age"]
    assert "MQL" in found["lead stages"]
    assert "Bored" in found["disqualify_button"]
    assert "stay in touch" in found["nurture"]


def test_init_asks_the_environment_for_its_choices(org: Any) -> None:
    env = {
        "LEADSYNC_DYNAMICS_CLIENT_ID": org.server.client_id,
        "LEADSYNC_DYNAMICS_CLIENT_SECRET": org.server.client_secret,
    }
    told = requests.get(f"{org.url}/api/data/v9.2/WhoAmI", timeout=10)
    assert told.status_code == 401
    found, why = picklists_of("dynamics", org.url, env)
    assert why == ""
    assert found is not None
    assert ("MQL", False) in found.lead_status
    assert "Webinar" in found.campaign_types
    assert "Web" in found.lead_sources


def test_init_goes_on_without_an_environment() -> None:
    found, why = picklists_of("dynamics", "http://127.0.0.1:9", {})
    assert found is None
    assert "cannot be reached" in why


@pytest.fixture
def loaded(tmp_path: Path, org: Any) -> Any:
    write_samples(tmp_path, "dynamics", org.url)
    return load_from(tmp_path)


def test_the_application_builds_it_from_config_and_environment(org: Any, loaded: Any) -> None:
    env = {
        "LEADSYNC_DYNAMICS_CLIENT_ID": org.server.client_id,
        "LEADSYNC_DYNAMICS_CLIENT_SECRET": org.server.client_secret,
    }
    crm = build_crm("dynamics", loaded.settings.crms["dynamics"], loaded, env, SystemClock())
    assert crm.connect().org_id == org.crm().connect().org_id
    assert loaded.rulebook.mappings["dynamics"].disqualify_button == DisqualifyButton(
        "disqualified",
        {
            "Lost": "not_a_fit",
            "Cannot Contact": "bad_data",
            "No Longer Interested": "not_a_fit",
            "Canceled": "duplicate",
        },
    )


def test_a_sweep_lists_everybody_with_stamp_and_stage(org: Any) -> None:
    first, second = org.leads(2)
    org.api("PATCH", f"leads({second})", {"statecode": 2, "statuscode": 4}, **{"If-Match": "*"})
    found = {row.id: row.value for row in org.crm().sweep("lead")}
    assert found == {first: "Inquiry", second: "Disqualified"}


def test_the_adapters_do_not_know_each_other() -> None:
    folder = Path(str(files("leadsync"))) / "crm"
    for one, other in (("dynamics", "salesforce"), ("salesforce", "dynamics")):
        assert list((folder / one).glob("*.py"))
        assert not [file.name for file in (folder / one).glob("*.py") if f"crm.{other}" in file.read_text("utf-8")]
