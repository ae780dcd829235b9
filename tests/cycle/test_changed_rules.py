"""Rules that are changed while people are there: they act on what happens from then on, also after a restart."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from one_org import OneOrg

from leadsync.domain.conditions import Test as Question
from leadsync.domain.funnel import AutomaticMove
from leadsync.domain.touches import Touch

AnOrg = Callable[..., OneOrg]
VIP = AutomaticMove("known by name", frozenset({"inquiry"}), "mql", Question("last_name", "equals", "muster"))


@pytest.fixture
def org(an_org: AnOrg) -> OneOrg:
    return an_org()


def with_rule(org: OneOrg, rule: AutomaticMove, digest: str) -> None:
    """Adopt other rules; the one at the end of the law is new or changed."""
    book = org.loaded.rulebook
    kept = tuple(one for one in book.law.automatic if one.name != rule.name)
    changed = replace(book, hash=digest, law=replace(book.law, automatic=(*kept, rule)))
    org.loaded = replace(org.loaded, rulebook=changed)
    org.rules()


def stages(org: OneOrg) -> list[str | None]:
    return [record.stage_value for record in org.crm.records.values()]


def test_a_new_rule_moves_newcomers_and_nobody_who_fitted_before_it(org: OneOrg) -> None:
    old = org.newcomer()
    org.at_rest()

    with_rule(org, VIP, "two")
    org.at_rest()
    assert stages(org) == ["Inquiry"]

    org.newcomer()
    org.at_rest()
    org.rules()  # as after a restart
    org.at_rest()
    assert stages(org) == ["Inquiry", "MQL"]
    org.crm.put(Touch("t1", old, "form", "inbound", org.crm.now(), "web", "low", "downloaded"))
    org.at_rest()
    assert stages(org) == ["MQL", "MQL"]


def test_whoever_came_to_fit_a_new_rule_is_moved(org: OneOrg) -> None:
    ref = org.newcomer(last_name="Else")
    org.at_rest()
    with_rule(org, VIP, "two")
    org.at_rest()
    org.crm.edit_as_human(ref, last_name="Muster")
    org.at_rest()
    assert stages(org) == ["MQL"]


def test_a_changed_rule_is_a_new_one_and_other_files_change_none(org: OneOrg) -> None:
    org.newcomer(last_name="Else")
    org.at_rest()
    with_rule(org, VIP, "two")
    org.at_rest()
    with_rule(org, replace(VIP, when=Question("last_name", "equals", "else")), "three")
    org.at_rest()
    assert stages(org) == ["Inquiry"]
    before = org.ledger.adopted_rules(org.loaded.rulebook.law, org.crm.now())
    org.loaded = replace(org.loaded, rulebook=replace(org.loaded.rulebook, hash="four"))
    org.rules()
    org.at_rest()
    assert org.ledger.adopted_rules(org.loaded.rulebook.law, org.crm.now()) == before
    assert set(before) == {"known by name"}
