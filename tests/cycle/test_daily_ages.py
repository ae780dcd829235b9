"""Ages in stage as numbers, over an org in memory: one round a day, within the budget, and nothing between the rounds."""

from dataclasses import replace

import pytest
from one_org import OneOrg

from leadsync.ageing import wish_ages
from leadsync.cycle import ALL_KINDS
from leadsync.domain.limits import Limit
from leadsync.domain.mapping import FieldMapping
from leadsync.domain.records import Ref
from leadsync.ledger import Ledger
from leadsync.settings import Loaded


@pytest.fixture
def ages(loaded: Loaded) -> Loaded:
    """The sample's rules with a number field for the age of leads."""
    mapping = loaded.rulebook.mappings["salesforce"]
    lead = mapping.objects["lead"]
    fields = {**lead.fields, "stage_age": FieldMapping("stage_age", ("Age__c",), "number", write=True)}
    mapping = replace(mapping, objects={**mapping.objects, "lead": replace(lead, fields=fields)})
    return replace(loaded, rulebook=replace(loaded.rulebook, mappings={"salesforce": mapping}))


def limits(a_day: int, a_cycle: int = 100) -> dict[str, Limit]:
    return {"normal": Limit(500, 5000), "stage_age": Limit(a_cycle, a_day)}


def crowd(org: OneOrg, size: int) -> list[Ref]:
    refs = [org.newcomer(last_name=f"L{n}", company=f"Firm {n}", email=f"l{n}@firm{n}.example") for n in range(size)]
    org.at_rest()
    return refs


def shown(org: OneOrg, refs: list[Ref]) -> list[object]:
    return sorted(org.crm.records[ref].fields.get("stage_age") or 0 for ref in refs)


def test_everybody_grows_older_once_a_day_and_then_there_is_peace(ledger: Ledger, ages: Loaded) -> None:
    org = OneOrg(ledger, ages, limits=limits(1000))
    refs = crowd(org, 5)
    org.pass_by(days=2)
    org.at_rest()
    assert shown(org, refs) == [2] * 5
    writes = org.crm.writes
    for _ in range(5):
        org.pass_by(hours=1)
        assert org.run().applied == 0
    assert org.crm.writes == writes


def test_what_a_days_budget_does_not_cover_is_taken_up_the_next_day_where_it_ended(
    ledger: Ledger, ages: Loaded
) -> None:
    org = OneOrg(ledger, ages, limits=limits(2))
    refs = crowd(org, 5)
    org.pass_by(days=1)
    org.at_rest()
    assert shown(org, refs) == [0, 0, 0, 1, 1]
    org.pass_by(days=1, hours=1)
    org.at_rest()
    assert shown(org, refs) == [0, 1, 1, 2, 2]
    org.pass_by(days=1, hours=1)
    org.at_rest()
    assert shown(org, refs)[0] == 1, "the last one has its turn before the first ones have theirs again"


def test_no_age_is_held_and_none_goes_out_where_instants_are_not_delivered(ledger: Ledger, ages: Loaded) -> None:
    org = OneOrg(ledger, ages, limits=limits(1000, a_cycle=2))
    refs = crowd(org, 5)
    org.pass_by(days=1)
    report = org.run()
    assert (report.held, shown(org, refs)) == ({}, [0, 0, 0, 1, 1])
    org.rules(limits=limits(1000), deliver=ALL_KINDS - {"stage_entered"})
    org.pass_by(days=1)
    org.at_rest()
    assert shown(org, refs) == [0, 0, 0, 1, 1]


def test_a_mapping_that_asks_for_no_ages_costs_nothing(ledger: Ledger, loaded: Loaded) -> None:
    org = OneOrg(ledger, loaded)
    crowd(org, 1)
    assert wish_ages(ledger, loaded.rulebook, "salesforce", Limit(9, 9), org.crm.now()) == 0
    assert ledger.meta("ageing:salesforce") is None
