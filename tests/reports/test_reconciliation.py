"""Ledger against CRM: what differs is named by id; what the CRM has changed since the last look is news."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from ledger_facts import a_record
from report_facts import Funnel, day

from leadsync.crm.memory import MemoryCrm
from leadsync.domain.records import Gone, Record, Ref
from leadsync.ports import Crm, Swept
from leadsync.reports.reconcile import Compared, reconcile, reconciliation_tables


@dataclass
class ListedCrm:
    """A CRM that lists and reads the leads it is given."""

    name: str = "salesforce"
    rows: dict[str, Swept] = field(default_factory=dict)
    gone: dict[str, datetime] = field(default_factory=dict)
    passed_by: set[str] = field(default_factory=set)

    def has(self, record_id: str, value: str | None, stamp: datetime) -> None:
        self.rows[record_id] = Swept(record_id, stamp, value)

    def sweep(self, object_name: str) -> Iterator[Swept]:
        yield from self.rows.values()

    def read(self, refs: Sequence[Ref]) -> Mapping[Ref, Record | Gone]:
        deleted: dict[Ref, Record | Gone] = {ref: Gone(ref, self.gone[ref.id]) for ref in refs if ref.id in self.gone}
        return deleted | {ref: a_record(ref.id) for ref in refs if ref.id in self.passed_by}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AssertionError(f"{name} has nothing to do with a comparison")


MARK = day(10)


def compare(told: Funnel, crm: ListedCrm) -> Compared:
    found = reconcile(told.ledger.con, cast("Crm", crm), "lead", MARK)
    assert found is not None
    return found


def differences(told: Funnel, crm: ListedCrm) -> list[tuple[str, str]]:
    return [(one.record_id, one.what) for one in compare(told, crm).differences]


@pytest.fixture
def crm(told: Funnel) -> ListedCrm:
    """A CRM with two leads that the ledger knows."""
    made = ListedCrm()
    for key, value in (("00Q1", "Inquiry"), ("00Q2", None)):
        told.see(a_record(key, value, created_at=day(1)))
        made.has(key, value, day(1))
    return made


def test_a_ledger_that_is_what_the_crm_says_has_no_differences(told: Funnel, crm: ListedCrm) -> None:
    assert compare(told, crm) == Compared("salesforce", "lead", 2, 2, 0, ())


def test_a_blank_is_a_blank_however_it_is_spelled_and_parts_of_a_second_do_not_count(
    told: Funnel, crm: ListedCrm
) -> None:
    crm.has("00Q2", "", day(1) + timedelta(milliseconds=417))
    assert compare(told, crm).same == 2


@pytest.mark.parametrize(
    ("value", "stamp", "what"),
    [
        ("MQL", day(1), "status"),
        ("MQL", day(5), "status"),
        ("Inquiry", day(5), "stamp"),
        ("Inquiry", day(0.5), "stamp"),
    ],
)
def test_a_record_that_changed_before_the_last_look_differs(
    told: Funnel, crm: ListedCrm, value: str, stamp: datetime, what: str
) -> None:
    crm.has("00Q1", value, stamp)
    assert differences(told, crm) == [("00Q1", what)]


def test_a_record_that_changed_after_the_last_look_is_news(told: Funnel, crm: ListedCrm) -> None:
    crm.has("00Q1", "MQL", day(11))
    crm.has("00Q9", "Inquiry", MARK - timedelta(minutes=4))
    found = compare(told, crm)
    assert (found.news, found.differences) == (2, ())


def test_a_record_that_the_ledger_never_saw_is_missing(told: Funnel, crm: ListedCrm) -> None:
    crm.has("00Q9", "Inquiry", day(5))
    assert differences(told, crm) == [("00Q9", "missing in the ledger")]


def test_a_record_that_the_ledger_holds_for_deleted_is_not(told: Funnel, crm: ListedCrm) -> None:
    told.see(Gone(Ref("salesforce", "lead", "00Q1"), day(2)))
    assert differences(told, crm) == [("00Q1", "deleted in the ledger")]


def test_a_record_that_the_crm_has_no_more_was_missed_unless_it_went_just_now(told: Funnel, crm: ListedCrm) -> None:
    del crm.rows["00Q1"], crm.rows["00Q2"]
    crm.gone = {"00Q1": day(5), "00Q2": day(11)}
    found = compare(told, crm)
    assert [(one.record_id, one.what) for one in found.differences] == [("00Q1", "gone in the CRM")]
    assert found.news == 1
    crm.gone = {}
    assert len(compare(told, crm).differences) == 2


def test_a_record_that_came_after_its_place_in_the_list_is_no_difference(told: Funnel, crm: ListedCrm) -> None:
    del crm.rows["00Q1"]
    crm.passed_by = {"00Q1"}
    assert compare(told, crm).differences == ()


def test_converted_leads_and_those_out_of_scope_are_compared_too(told: Funnel, crm: ListedCrm) -> None:
    for key, state in (("00Q3", "converted"), ("00Q4", "out_of_scope")):
        told.see(a_record(key, "Inquiry", created_at=day(1), state=state))
        crm.has(key, "Inquiry", day(1))
    assert compare(told, crm).same == 4


def test_an_adapter_that_cannot_list_or_a_source_that_was_never_whole_is_not_compared(
    told: Funnel, crm: ListedCrm
) -> None:
    assert reconcile(told.ledger.con, cast("Crm", crm), "lead", None) is None
    memory = MemoryCrm("salesforce", told.rulebook.mappings["salesforce"], at=day(1))
    assert reconcile(told.ledger.con, memory, "lead", MARK) is None


def test_the_tables_name_every_difference_and_what_was_not_compared(told: Funnel, crm: ListedCrm) -> None:
    crm.has("00Q1", "MQL", day(5))
    counts, listed = reconciliation_tables([compare(told, crm)], [("dynamics", "it is down")])
    assert counts.rows == (
        ("salesforce", "lead", 2, 1, 0, 1, "compared"),
        ("dynamics", None, None, None, None, None, "it is down"),
    )
    assert listed.rows == (("salesforce", "lead", "00Q1", "status", "Inquiry", "MQL"),)
