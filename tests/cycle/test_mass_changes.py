"""Mass changes by one person, from the CRM to the outbox: moves wait for their release, doors of creations drip."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from one_org import OneOrg

from leadsync.delivery import Hindrance
from leadsync.domain.records import Queue, Ref
from leadsync.settings import Loaded

AnOrg = Callable[..., OneOrg]
PEOPLE = 6


@pytest.fixture
def org(an_org: AnOrg, loaded: Loaded) -> OneOrg:
    """An org in which five equal moves are a mass change, and so are more than five creations."""
    found = an_org()
    law = loaded.rulebook.law
    bulk = replace(law.bulk, moves=5, creations=5, drip_per_hour=2)
    found.loaded = replace(loaded, rulebook=replace(loaded.rulebook, law=replace(law, bulk=bulk)))
    found.rules()
    found.crm.put(Queue("salesforce", "q1", "Unassigned Leads"))
    return found


def newcomers(org: OneOrg, *, apart: float = 700, **fields: object) -> list[Ref]:
    """Create people, so far apart that it is no mass creation unless said otherwise."""
    refs = []
    for number in range(PEOPLE):
        org.crm.advance(apart)
        refs.append(org.newcomer(last_name=f"N{number}", email=f"n{number}@firm.example", country="US", **fields))
    return refs


def hand_over(org: OneOrg, refs: list[Ref], stage: str = "MQL") -> str:
    """Have one person move them all at once, and return the mass change's name."""
    for ref in refs:
        org.crm.edit_as_human(ref, stage=stage, by="emil@acme.example")
    held = org.run().held
    assert len(held) == 1
    return next(iter(held))


def test_a_mass_change_waits_until_it_is_let_go_and_then_opens_doors_and_clocks(org: OneOrg) -> None:
    refs = newcomers(org)
    org.at_rest()

    group = hand_over(org, refs)
    org.at_rest()

    con = org.ledger.con
    rows = con.execute("SELECT verdict, bulk_id FROM v_transitions WHERE to_stage = 'mql'").fetchall()
    assert rows == [("legal", group)] * PEOPLE
    assert con.execute("SELECT count(*) FROM v_clocks WHERE clock = 'mql_follow_up'").fetchone() == (0,)
    assert con.execute("SELECT count(*) FROM v_assignments").fetchone() == (0,)
    assert org.states("notice") == {}
    (change,) = org.ledger.held_changes()
    assert (change.group_id, change.crm, change.moves) == (group, "salesforce", PEOPLE)

    org.pass_by(hours=3)
    assert org.ledger.release(group, org.crm.now()) == PEOPLE
    assert org.ledger.release(group, org.crm.now()) == 0
    assert org.ledger.held_changes() == []
    released = org.crm.now()
    org.at_rest()

    assert con.execute("SELECT count(*) FROM v_assignments").fetchone() == (PEOPLE,)
    starts = {
        at for (at,) in con.execute("SELECT started_at FROM v_clocks WHERE clock = 'mql_follow_up' AND kind = 'lead'")
    }
    assert starts == {released.isoformat(timespec="seconds").replace("+00:00", "Z")}
    assert org.states("notice")["applied"] > 0


def test_what_is_still_to_be_sent_when_a_mass_change_is_recognised_late_waits_with_it(org: OneOrg) -> None:
    refs = newcomers(org)
    org.at_rest()
    early, late = refs[:3], refs[3:]
    stopped = [Hindrance("paused", "a file says so")]
    org.rules(hindrance=lambda: stopped[0] if stopped else None)
    for ref in early:
        org.crm.edit_as_human(ref, stage="MQL", by="emil@acme.example")
    assert org.run().held == {}
    wished = {row["effect_id"] for row in org.ledger.list_outbox() if row["state"] == "pending"}
    assert {row["kind"] for row in org.ledger.list_outbox() if row["effect_id"] in wished} == {"write", "notice"}

    group = hand_over(org, late)
    stopped.clear()
    org.at_rest()

    rows = {row["effect_id"]: row for row in org.ledger.list_outbox()}
    assert {(rows[effect_id]["state"], rows[effect_id]["group_id"]) for effect_id in wished} == {("held", group)}
    assert {org.crm.records[ref].owner_id for ref in refs} == {"human"}
    assert [change.moves for change in org.ledger.held_changes()] == [len(late)]

    org.pass_by(hours=1)
    assert org.ledger.release(group, org.crm.now()) == len(wished) + len(late)
    org.at_rest()

    assert "human" not in {org.crm.records[ref].owner_id for ref in refs}
    count = "SELECT count(*), count(DISTINCT record_id) FROM v_assignments"
    assert org.ledger.con.execute(count).fetchone() == (PEOPLE, PEOPLE)
    assert "held" not in org.states() | org.states("notice")


def test_an_illegal_mass_change_is_put_back_only_after_its_release_and_only_where_it_still_stands(org: OneOrg) -> None:
    refs = newcomers(org)
    org.at_rest()
    for ref in refs:
        org.crm.advance(700)
        org.crm.edit_as_human(ref, stage="Disqualified", recycle_reason="Not a fit")
    org.at_rest()
    group = hand_over(org, refs, "Inquiry")
    org.at_rest()
    assert {org.crm.records[ref].stage_value for ref in refs} == {"Inquiry"}

    org.crm.advance(1000)
    org.crm.edit_as_human(refs[0], stage="LAL", by="ada@acme.example")
    org.at_rest()
    assert [change.moves for change in org.ledger.held_changes()] == [PEOPLE - 1]
    org.ledger.release(group, org.crm.now())
    org.at_rest()

    assert Counter(org.crm.records[ref].stage_value for ref in refs) == {"LAL": 1, "Disqualified": PEOPLE - 1}
    moves = org.ledger.con.execute("SELECT count(*) FROM v_transitions WHERE correction = 1 AND source = 'leadsync'")
    assert moves.fetchone() == (PEOPLE - 1,)


def test_a_mass_change_that_everybody_has_moved_on_from_waits_no_more(org: OneOrg) -> None:
    refs = newcomers(org)
    org.at_rest()
    hand_over(org, refs)
    for ref in refs:
        org.crm.advance(700)
        org.crm.edit_as_human(ref, stage="SAL", by="emil@acme.example")
    org.at_rest()

    assert org.ledger.held_changes() == []


def test_the_doors_of_a_mass_creation_drip_and_each_rep_hears_of_them_in_one_message(org: OneOrg) -> None:
    refs = newcomers(org, apart=0, stage="MQL")

    org.run()
    org.at_rest()

    con = org.ledger.con
    count = "SELECT count(*) FROM v_assignments"
    assert con.execute(count).fetchone() == (2,)
    for hours in (1, 2):
        org.pass_by(minutes=61)
        org.at_rest()
        assert con.execute(count).fetchone() == (2 + 2 * hours,)
    org.pass_by(hours=5)
    org.at_rest()
    assert con.execute(count).fetchone() == (len(refs),)
    groups = {row["group_id"] for row in org.ledger.list_outbox() if row["kind"] == "notice"}
    assert {group.startswith("bulk:births:human:") for group in groups} == {True}
    assert org.ledger.held_changes() == []
    told = [message for channel in org.channels.values() for message in channel.told if message.notice != "alert"]  # type: ignore[union-attr]
    assert len(told) < sum(row["kind"] == "notice" for row in org.ledger.list_outbox())


def test_a_restart_opens_no_door_twice_as_fast(org: OneOrg) -> None:
    newcomers(org, apart=0, stage="MQL")
    org.run()
    org.rules()
    org.pass_by(minutes=30)
    org.at_rest()

    assert org.ledger.con.execute("SELECT count(*) FROM v_assignments").fetchone() == (2,)
    waiting = org.ledger.due("salesforce", org.crm.now() + timedelta(hours=1))
    assert len(waiting) >= PEOPLE - 2
