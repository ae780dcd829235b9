"""The Crm in memory means what the port says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadsync.crm.memory import MemoryCrm
from leadsync.domain.effects import Membership
from leadsync.domain.records import Gone, Move, Record, User
from leadsync.errors import CrmUnavailable

NOW = datetime(2026, 11, 19, 10, tzinfo=UTC)


@pytest.fixture
def crm(mapping: Any) -> Any:
    return MemoryCrm("salesforce", mapping(), at=NOW)


def test_changes_come_once_and_a_record_as_it_stands_now(crm: Any, follow: Any) -> None:
    ref = crm.create("lead", "Inquiry", owner="ada")
    crm.put(User("salesforce", "ada", "ada@acme.example", None, "Ada", active=True))
    crm.edit_as_human(ref, stage="MAQL")
    crm.edit_as_human(ref, stage="MQL", title="CEO")
    follower = follow(crm)

    found = follower.poll()

    assert [(row.stage_value, row.fields) for row in found.of(Record)] == [("MQL", {"title": "CEO"})]
    assert [(move.old, move.new) for move in found.of(Move)] == [("Inquiry", "MAQL"), ("MAQL", "MQL")]
    assert follower.poll().rows == []
    crm.edit_as_human(ref, owner="grace")
    assert [row.owner_id for row in follower.poll("fast").of(Record)] == ["grace"]


def test_a_guarded_write_on_a_stale_version_changes_nothing(crm: Any, write_of: Any) -> None:
    ref = crm.create("lead", "Inquiry")
    base = crm.records[ref].version
    crm.edit_as_human(ref, stage="LAL")

    (outcome,) = crm.write([write_of(ref.id, base, {"stage": "Inquiry"}, stage="MQL")])

    assert (outcome.state, outcome.error, crm.records[ref].stage_value) == ("pending", "conflict", "LAL")


@pytest.mark.parametrize(
    ("fate", "state", "stage"),
    [
        ("lost_before", "unknown", "Inquiry"),
        ("lost_after", "unknown", "MQL"),
        ("locked", "pending", "Inquiry"),
        ("rejected", "rejected", "Inquiry"),
    ],
)
def test_fate_decides_what_becomes_of_a_write(crm: Any, write_of: Any, fate: Any, state: Any, stage: Any) -> None:
    ref = crm.create("lead", "Inquiry")
    crm.fate.append(fate)
    write = write_of(ref.id, crm.records[ref].version, {"stage": "Inquiry"}, stage="MQL")

    (outcome,) = crm.write([write])

    assert (outcome.state, crm.records[ref].stage_value) == (state, stage)
    assert (crm.records[ref].operation == write.token()) is (stage == "MQL")


def test_records_are_converted_merged_deleted_and_brought_back(crm: Any, follow: Any) -> None:
    winner, loser, lead = (crm.create("lead", "Inquiry") for _ in range(3))
    follower = follow(crm)
    follower.poll()
    contact = crm.convert(lead, "Closed - Converted", opportunity="006x")
    crm.delete(loser, merged_into=winner)

    found = follower.poll()

    assert {row.ref: row.converted_to for row in found.of(Record)} == {lead: contact.id, contact: None}
    assert [(gone.ref, gone.merged_into) for gone in found.of(Gone)] == [(loser, winner.id)]
    assert isinstance(crm.read([loser])[loser], Gone)
    crm.undelete(loser)
    assert [row.state for row in follower.poll().of(Record)] == ["live"]


def test_a_record_that_is_gone_takes_no_write(crm: Any, write_of: Any) -> None:
    ref = crm.create("contact", None)
    crm.delete(ref)
    (outcome,) = crm.write([write_of(ref.id, "v0", score=1)])
    assert outcome.state == "superseded"


def test_people_join_and_leave(crm: Any) -> None:
    ref = crm.create("lead", "Re-Market")
    crm.join([Membership("a", ref, "stay", True, "g")])
    assert crm.members == {"stay": {ref}}
    crm.join([Membership("b", ref, "stay", False, "g")])
    assert crm.members == {"stay": set()}


def test_an_org_that_is_down_answers_nothing(crm: Any) -> None:
    crm.down = True
    with pytest.raises(CrmUnavailable):
        list(crm.changes({}, "complete"))
    assert crm.usage().calls == 1
