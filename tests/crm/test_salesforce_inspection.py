"""What `check --live` and `doctor` say of an org."""

from dataclasses import replace
from typing import Any

from leadsync.domain.mapping import FieldMapping


def problems(findings: Any) -> Any:
    return {finding.topic: finding for finding in findings if not finding.ok}


def test_a_sound_org_has_nothing_wrong_but_what_the_user_may_too_much(org: Any) -> None:
    findings = org.crm(named_users=["ADMIN@acme.example"]).inspect()

    assert {finding.text for finding in findings if not finding.ok and not finding.warning} == set()
    assert {
        "org",
        "api version",
        "clock",
        "api requests",
        "lead",
        "contact",
        "lead stages",
        "contact stages",
        "users",
    } <= {finding.topic for finding in findings}


def test_a_field_that_is_hidden_is_named_with_what_to_do(org: Any) -> None:
    org.faults(hide_field="Lead.LeadSync_Score__c")

    found = problems(org.crm().inspect())["Lead.LeadSync_Score__c"]

    assert "score" in found.text
    assert "read access" in found.fix


def test_a_field_in_the_wrong_case_is_spelled_out(org: Any, mapping: Any) -> None:
    base = mapping()
    lead = base.objects["lead"]
    wrong = replace(lead, fields={**lead.fields, "title": FieldMapping("title", ("title",))})

    found = problems(org.crm(replace(base, objects={**base.objects, "lead": wrong})).inspect())["Lead.title"]

    assert found.fix == "write Title in the mapping"


def test_a_field_that_may_not_be_written_is_named(org: Any, mapping: Any) -> None:
    base = mapping()
    lead = base.objects["lead"]
    formula = FieldMapping("age", ("LeadSync_Stage_Age__c",), "number", write=True)
    wrong = replace(lead, fields={**lead.fields, "age": formula})

    found = problems(org.crm(replace(base, objects={**base.objects, "lead": wrong})).inspect())

    assert "may not be edited" in found["Lead.LeadSync_Stage_Age__c"].text


def test_values_of_the_picklist_and_of_the_mapping_are_compared(org: Any, mapping: Any) -> None:
    base = mapping()
    wrong = replace(
        base, value_of_stage={**base.value_of_stage, "mql": "Hot", "sql": "Converted - SQL"}, deprecated={}, converted={"Converted - SQL": "sql"}
    )  # fmt: skip

    texts = [finding.text for finding in org.crm(wrong).inspect() if finding.topic == "lead stages"]

    assert texts == [
        "not in the picklist of Lead: Hot",
        "only a conversion can set: Converted - SQL",
        "in the picklist of Lead but not mapped: Closed - Converted, Closed - Not Converted, Open - Not Contacted, Working - Contacted",
        "converted values that are not listed: Closed - Converted",
    ]


def test_an_object_that_is_not_there_does_not_stop_the_inspection(org: Any, mapping: Any) -> None:
    base = mapping()
    missing = replace(base.objects["contact"], native="Kontakt__c")

    found = problems(org.crm(replace(base, objects={**base.objects, "contact": missing})).inspect())

    assert "no such object" in found["contact"].text


def test_users_that_rules_name_must_exist_and_be_active(org: Any) -> None:
    found = problems(org.crm(named_users=["admin@acme.example", "nobody@acme.example"]).inspect())["users"]

    assert "1 do not exist" in found.text


def test_a_campaign_that_people_should_join_must_exist(org: Any) -> None:
    assert "Nurture - stay in touch" in problems(org.crm().inspect())["nurture"].text
    org.put(Campaign=[{"Name": "Nurture - stay in touch"}])
    assert "nurture" not in problems(org.crm().inspect())


def test_touch_values_that_count_for_nothing_are_warned_about(org: Any) -> None:
    (found,) = (finding for finding in org.crm().inspect() if finding.topic == "touches.campaign_response")

    assert found.warning
    assert "Registered" in found.text


def test_an_api_version_that_is_not_offered_is_refused_with_those_that_are(org: Any) -> None:
    crm = org.crm()
    crm._client.api_version = "12.0"

    assert "68.0" in problems(crm.inspect())["api version"].fix


def test_the_library_is_not_imported_before_it_is_needed() -> None:
    import subprocess
    import sys

    code = "import leadsync.crm.salesforce, sys; sys.exit('simple_salesforce' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
