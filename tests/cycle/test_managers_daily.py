"""Managers hear once a day, in their own morning, of the backlog and of promises that were missed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from one_org import START, OneOrg, at

from leadsync.domain.records import User

AnOrg = Callable[..., OneOrg]


@pytest.fixture
def org(an_org: AnOrg) -> OneOrg:
    """An org in which a rep of Dora's has waiting people from before leadsync went live; nine o'clock UTC, a Wednesday."""
    found = an_org(go_live_at=START - timedelta(days=10))
    boss = User("salesforce", "boss", "dora@acme.example", "dora@acme.example", "Dora", True, zone="Europe/Berlin")
    found.crm.put(boss)
    rep = User("salesforce", "ada@acme.example", "ada@acme.example", "ada@acme.example", "Ada", True, manager_id="boss")
    found.crm.put(replace(rep))
    for number in range(3):
        found.crm.create(
            "lead", "MAQL", owner="ada@acme.example", at=START - timedelta(days=40 + number), last_name=f"N{number}"
        )
    return found


def told(org: OneOrg) -> list[tuple[str, str]]:
    return [(m.recipient, m.title) for m in org.channels["email"].told if getattr(m, "notice", "") == "managers_daily"]


def test_the_backlog_is_told_the_next_morning_once_and_no_rung_of_it_ever(org: OneOrg) -> None:
    org.at_rest()
    assert told(org) == []
    assert org.ledger.con.execute("SELECT DISTINCT state FROM v_clocks").fetchall() == [("backlog",)]

    org.crm.advance((at("2026-11-19 07:31") - org.crm.now()).total_seconds())
    org.cycle.run_clocks()
    org.at_rest()
    assert told(org) == [("boss", "3 people wait")]

    org.pass_by(hours=5)
    org.at_rest()
    assert told(org) == [("boss", "3 people wait")]
    org.pass_by(hours=24)
    org.at_rest()
    assert told(org) == [("boss", "3 people wait")] * 2
    assert org.states("escalation") == {}


def test_whoever_left_the_stage_is_no_backlog_any_more(org: OneOrg) -> None:
    org.at_rest()
    for ref in list(org.crm.records)[:2]:
        org.crm.edit_as_human(ref, stage="LAL", by="ada@acme.example")
    org.at_rest()
    org.pass_by(hours=24)
    org.at_rest()
    assert told(org) == [("boss", "1 people wait")]


def test_nobody_hears_anything_while_notices_are_not_delivered(org: OneOrg) -> None:
    org.rules(deliver=frozenset({"score"}), go_live_at=START - timedelta(days=10))
    org.at_rest()
    org.pass_by(hours=24)
    org.at_rest()
    assert told(org) == []
