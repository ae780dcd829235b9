"""Ages in stage as numbers: whole days, only where asked for, with the instant that they are counted from."""

from dataclasses import replace
from typing import Any

import pytest
from building import LEAD, MAPPING, a_record, a_situation, at, born, decided, rules_with, written

from leadsync.domain.ageing import group_of, is_asked_for, stage_age_write, whole_days
from leadsync.domain.limits import limit_name
from leadsync.domain.mapping import CrmMapping, FieldMapping
from leadsync.domain.records import Value

NOW = at("2026-11-25 10:00")


def with_ages(*, write: bool = True) -> CrmMapping:
    lead = MAPPING.objects["lead"]
    age = FieldMapping("stage_age", ("Age__c",), "number", write=write)
    return replace(
        MAPPING, objects={**MAPPING.objects, "lead": replace(lead, fields={**lead.fields, "stage_age": age})}
    )


def test_ages_are_asked_for_by_a_field_that_may_be_written() -> None:
    assert is_asked_for(with_ages(), "lead")
    assert not is_asked_for(with_ages(write=False), "lead")
    assert not is_asked_for(with_ages(), "contact")


@pytest.mark.parametrize(
    ("entered", "days"),
    [("2026-11-25 09:59", 0), ("2026-11-24 10:01", 0), ("2026-11-24 10:00", 1), ("2026-02-01 09:00", 297), ("2026-11-26 10:00", 0)],
)  # fmt: skip
def test_an_age_is_in_whole_days_of_24_hours(entered: str, days: int) -> None:
    assert whole_days(at(entered), NOW) == days


@pytest.mark.parametrize(
    ("fields", "age"),
    [
        ({"stage_entered_at": "2026-11-20T10:00:00Z"}, 5),
        ({"stage_entered_at": "2026-11-20T10:00:00Z", "stage_age": 4}, 5),
        ({"stage_entered_at": "2026-11-20T10:00:00Z", "stage_age": 5.0}, None),
        ({"stage_entered_at": "2026-11-25T09:00:00Z", "stage_age": None}, None),
        ({"stage_entered_at": "2026-11-25T09:00:00Z", "stage_age": 7}, 0),
        ({"stage_entered_at": ""}, None),
        ({"stage_age": 9}, None),
    ],
)
def test_only_an_age_that_is_wrong_is_written_and_none_without_an_entry_instant(
    fields: dict[str, Value], age: int | None
) -> None:
    write = stage_age_write(LEAD, "v1", fields, NOW)
    assert (write.values if write else None) == (None if age is None else {"stage_age": age})


def test_an_age_goes_out_unguarded_on_a_budget_of_its_own() -> None:
    write = stage_age_write(LEAD, "v1", {"stage_entered_at": "2026-11-20T10:00:00Z"}, NOW)
    assert write is not None
    assert (dict(write.guarded), write.priority, write.group_id) == ({}, "score", group_of("salesforce"))
    assert limit_name(write) == "stage_age"
    assert write == stage_age_write(LEAD, "v1", {"stage_entered_at": "2026-11-20T10:00:00Z"}, NOW)


def test_a_new_stay_brings_its_age_along_and_growing_older_is_no_reason_to_write() -> None:
    rules = rules_with(crm_objects=with_ages().objects)
    moves = (born("inquiry", "2026-11-22 10:00"),)

    new = decided(a_situation(a_record(), *moves), rulebook=rules)
    assert (written(new)["stage_entered_at"], written(new)["stage_age"]) == ("2026-11-22T10:00:00Z", 3)

    shown: dict[str, Any] = {name: value for name, value in written(new).items() if name != "stage_age"}
    older = decided(a_situation(a_record(**shown, stage_age=2), *moves), rulebook=rules)
    assert "stage_age" not in written(older)


def test_no_age_is_written_that_nobody_asked_for() -> None:
    found = decided(a_situation(a_record(), born("inquiry", "2026-11-22 10:00")))
    assert "stage_entered_at" in written(found)
    assert "stage_age" not in written(found)
