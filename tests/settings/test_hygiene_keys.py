"""`cleanse: write` and `stage_age` in a mapping: what they allow, and where nothing could come of them."""

from typing import Any

import pytest
from refusing import Refuses

from leadsync.domain.conditions import Named
from leadsync.domain.conditions import Test as Ask

Installation = Any  # conftest.py's; test folders are no packages, so nothing can be imported from there
CRM = "mappings/salesforce.yaml"


def test_a_field_that_is_put_in_order_may_be_written_and_no_other_may(installation: Installation) -> None:
    installation.edit((CRM, "{field: Phone, type: phone}", "{field: Phone, type: phone, cleanse: write}"))
    fields = installation.load().rulebook.mappings["salesforce"].objects["lead"].fields
    assert (fields["phone"].cleanse, fields["phone"].write) == ("write", True)
    assert (fields["mobile"].cleanse, fields["mobile"].write) == ("off", False)
    assert not any(field.cleanse == "write" for name, field in fields.items() if name != "phone")


def test_a_number_that_an_account_fills_may_be_asked_for(installation: Installation) -> None:
    wanted = "{field: NumberOfEmployees, type: number, cleanse: write}"
    installation.edit((CRM, "{field: NumberOfEmployees, type: number}", wanted))
    assert installation.load().rulebook.mappings["salesforce"].objects["lead"].fields["employees"].write


def test_asking_for_order_where_nothing_could_come_of_it_is_refused(refuses: Refuses) -> None:
    refuses(
        [
            ("an own field", (CRM, "Product__c, write: true}", "Product__c, write: true, cleanse: write}")),
            ("a yes/no field", (CRM, "{field: DoNotCall, type: yes_no}", "{field: DoNotCall, type: yes_no, cleanse: write}")),
            ("several fields", (CRM, "  last_name: LastName", "  last_name: {field: [LastName, Name], cleanse: write}")),
            ("the stage", (CRM, "stage: {field: Status, write: true}", "stage: {field: Status, write: true, cleanse: write}")),
            ("another object", (CRM, "    name: Name\n", "    name: {field: Name, cleanse: write}\n")),
            ("writing another object", (CRM, "{amount: Amount,", "{amount: {field: Amount, write: true},")),
        ],
        [
            'mappings/salesforce.yaml:6:22: "last_name" is written, so it needs exactly one field of the CRM',
            'mappings/salesforce.yaml:16:58: "do_not_call" is yes_no and has no format to be put in order\n  fix: leave cleanse: out',
            'mappings/salesforce.yaml:19:63: "product" is leadsync\'s own\n  fix: leave cleanse: out',
            'mappings/salesforce.yaml:38:48: "stage" is leadsync\'s own\n  fix: leave cleanse: out',
            "mappings/salesforce.yaml:90:25: leadsync writes leads and contacts alone\n  fix: leave cleanse: out",
            "mappings/salesforce.yaml:101:36: leadsync writes leads and contacts alone\n  fix: leave write: out",
        ],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "forms"),
    [
        ("country: Germany", ("germany", "de")), ("country: DE", "de"), ("country: [US, Österreich]", ("us", "osterreich", "at")),
        ("country: Atlantis", "atlantis"), ("state: California", ("california", "ca")), ("state: CA", "ca"),
        ("account.country: France", ("france", "fr")), ("company: Germany", "germany"),
    ],
)  # fmt: skip
def test_a_rule_may_spell_a_country_or_state_as_it_likes(
    installation: Installation, written: str, forms: object
) -> None:
    installation.edit(("mappings/funnel.yaml", "  icp: {", f"  there: {{{written}}}\n  icp: {{"))
    condition = installation.load().rulebook.conditions["there"]
    assert condition == Named("there", Ask(written.partition(":")[0], "equals", forms))


def test_an_age_needs_the_instant_that_it_is_counted_from(installation: Installation) -> None:
    age = "  stage_age: {field: Age__c, write: true}\n"
    line = "  stage_entered_at: {field: LeadSync_Stage_Entered_At__c, write: true}"
    installation.edit((CRM, line, f"{age}{line}"))
    assert installation.load().rulebook.mappings["salesforce"].objects["contact"].fields["stage_age"].type == "number"
    installation.edit((CRM, line, "  entered_at: {field: LeadSync_Stage_Entered_At__c, type: datetime}"))
    error = installation.refused()
    assert [problem.split(": ", 1)[1] for problem in error.problems] == [
        f"the {name}'s stage_age is counted from its stage_entered_at, but no field is mapped as that"
        for name in ("lead", "contact")
    ]


def test_the_budget_of_ages_is_the_files_else_ten_thousand_a_day(installation: Installation) -> None:
    assert installation.load().settings.limits.writes["stage_age"].per_day == 10000
    installation.edit(
        ("config/leadsync.yaml", "    normal: {", "    stage_age: {per_cycle: 50, per_day: 70}\n    normal: {")
    )
    assert installation.load().settings.limits.writes["stage_age"].per_day == 70
