"""Listing all that a Salesforce org holds, to be compared with the ledger."""

from dataclasses import replace
from typing import Any

import pytest

from leadsync.domain.records import Record
from leadsync.errors import ObjectBlocked
from leadsync.ports import Sweeps


def test_a_sweep_lists_what_a_first_load_reads(org: Any, follow: Any) -> None:
    org.leads(3)
    org.leads(2, Status=None)
    loaded = follow(org.crm()).poll().of(Record)
    crm = org.crm()
    assert isinstance(crm, Sweeps)
    swept = {(one.id, one.stamp, one.value) for one in crm.sweep("lead")}
    assert swept == {(one.ref.id, one.stamp, one.stage_value) for one in loaded if one.ref.object == "lead"}
    assert len(swept) == 5


def test_a_sweep_leaves_out_what_was_deleted_and_keeps_what_was_converted(org: Any) -> None:
    kept, converted, deleted = org.leads(3)
    org.control("convert", lead=converted, by=org.admin)
    org.control("delete", object="Lead", id=deleted, by=org.admin)
    crm = org.crm()
    assert {one.id for one in crm.sweep("lead")} == {kept, converted}
    assert len(list(crm.sweep("contact"))) == 1


def test_a_sweep_costs_a_request_for_two_thousand_records(org: Any) -> None:
    org.leads(2001)
    crm = org.crm()
    crm.connect()
    org.requests()
    assert len({one.id for one in crm.sweep("lead")}) == 2001
    assert org.api_requests() == 2


def test_an_object_whose_status_field_is_gone_cannot_be_swept(org: Any, mapping: Any) -> None:
    given = mapping()
    lead = given.objects["lead"]
    objects = {**given.objects, "lead": replace(lead, stage=replace(lead.stage, native=("Nothing__c",)))}
    with pytest.raises(ObjectBlocked, match="Nothing__c"):
        list(org.crm(replace(given, objects=objects)).sweep("lead"))
