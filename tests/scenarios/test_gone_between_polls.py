"""What happens between two polls and is gone by the second is not lost: deletes, merges, undeletes."""

from collections.abc import Iterator

import pytest

from leadsync.cli.demo import truth
from leadsync.cli.demo.stage import Stage, set_up
from leadsync.cycle import Cycle


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with set_up(seed=17, leads=20) as stage:
        stage.control("pause", world=False)
        stage.control("delete", object="Lead", id=_load(stage, "Lead", LastName="Early", Company="A", Status="MAQL"))
        early = _last_id
        stage.control("advance", seconds=300, world=False)
        _cycle(stage).run("complete")
        stage.control("undelete", object="Lead", id=early)
        yield stage


_last_id = ""


def _load(stage: Stage, native: str, **fields: object) -> str:
    global _last_id  # the fixture needs the id of what it deletes in the same breath
    _last_id = str(stage.box.control("load", **{native: [fields]})[native][0])
    return _last_id


_cycles: dict[str, Cycle] = {}


def _cycle(stage: Stage) -> Cycle:
    return _cycles.setdefault(stage.box.url, next(iter(stage.app.cycles().values())))


def _differences(stage: Stage) -> list[str]:
    stage.control("advance", seconds=180, world=False)
    for _ in range(4):
        _cycle(stage).run("complete")
        stage.control("advance", seconds=60, world=False)
    cycle = _cycle(stage)
    mapping = stage.app.rulebook.mappings[cycle.crm.name]
    found = {name: truth.changes(stage.box.url, one.native) for name, one in mapping.objects.items()}
    return list(truth.differences(stage.location, found, mapping, cycle.crm.history))


def test_a_lead_deleted_before_the_first_look_and_undeleted_later_has_its_whole_history(stage: Stage) -> None:
    assert _differences(stage) == []


def test_the_last_value_of_a_contact_that_was_merged_away_is_kept(stage: Stage) -> None:
    winner = _load(stage, "Contact", LastName="Winner", Contact_Status__c="Inquiry")
    loser = _load(stage, "Contact", LastName="Loser", Contact_Status__c="Inquiry")
    assert _differences(stage) == []
    stage.control("edit", object="Contact", id=loser, fields={"Contact_Status__c": "MQL"})
    stage.control("merge", object="Contact", master=winner, losers=[loser])
    assert _differences(stage) == []


def test_a_lead_that_was_born_moved_and_deleted_between_two_polls_is_in_the_ledger(stage: Stage) -> None:
    lead = _load(stage, "Lead", LastName="Brief", Company="B", Status="Inquiry")
    stage.control("edit", object="Lead", id=lead, fields={"Status": "LAL"})
    stage.control("delete", object="Lead", id=lead)
    assert _differences(stage) == []
    rows = stage.app.ledger.con.execute(
        "SELECT state, stage_value FROM v_people WHERE record_id = ?", (lead,)
    ).fetchall()
    assert [tuple(row) for row in rows] == [("deleted", "LAL")]


def test_a_lead_deleted_and_undeleted_between_two_polls_goes_on_as_if_nothing_had_been(stage: Stage) -> None:
    lead = _load(stage, "Lead", LastName="Back", Company="C", Status="Inquiry")
    assert _differences(stage) == []
    stage.control("delete", object="Lead", id=lead)
    stage.control("undelete", object="Lead", id=lead)
    assert _differences(stage) == []
    rows = stage.app.ledger.con.execute(
        "SELECT count(*), max(state) FROM v_people WHERE record_id = ?", (lead,)
    ).fetchall()
    assert [tuple(row) for row in rows] == [(1, "live")]
