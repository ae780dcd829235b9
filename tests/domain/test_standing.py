"""Where a person stands: deals, holds, accounts, births, twins and the facts that rules ask for."""

from dataclasses import replace
from typing import Any

import pytest
from building import (
    CONTACT,
    GO_LIVE,
    LEAD,
    a_call,
    a_deal,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    a_twin,
    an_account,
    at,
    born,
    moved,
    rules_with,
    standing,
)

from leadsync.domain.births import doubtful_from
from leadsync.domain.deals import deals_of
from leadsync.domain.records import OpportunityRole, Value
from leadsync.domain.situation import Situation
from leadsync.domain.touches import is_inbound, is_outbound


def test_open_deals_go_before_won_and_won_before_lost_ones() -> None:
    lost, won = a_deal("lost", id="006-l", loss_reason="no_budget"), a_deal("won", id="006-w")
    opened = a_deal(id="006-o")

    def outcome(*deals: object) -> str:
        return deals_of(a_situation(a_record(), opportunities=deals)).outcome

    assert [outcome(lost, won, opened), outcome(lost, won), outcome(lost), outcome()] == ["open", "won", "lost", "none"]
    assert outcome(replace(opened, deleted=True)) == "none"
    assert deals_of(a_situation(a_record(), opportunities=(lost,))).loss_reason == "no_budget"


def test_a_deal_counts_from_the_persons_part_in_it_if_that_came_later() -> None:
    role = OpportunityRole("salesforce", "r1", "006-1", "003-1", "Buyer", True, at("2026-11-22 09:00"))
    situation = a_situation(a_record(), opportunities=(a_deal(),), roles=(role,))

    assert deals_of(situation).since == at("2026-11-22 09:00")
    assert deals_of(replace(situation, roles=(replace(role, deleted=True),))).since == at("2026-11-20 09:00")
    undated = a_situation(a_record(), opportunities=(a_deal("won", closed_at=None),))
    assert deals_of(undated).ended_at == at("2026-11-20 09:00")


def until(stage: str, reason: str | None, **more: Any) -> tuple[object, bool] | None:
    record = a_record(stage, owner="emil", recycle_reason=reason)
    hold = standing(
        a_situation(record, born("sql"), moved("sql", stage, "2026-03-01 09:00", verdict="legal"), **more)
    ).hold
    return (hold.until, hold.hand_raise_breaks_it) if hold else None


def test_cool_downs_are_calendar_days_of_the_company() -> None:
    assert until("remarket", "Timing") == (at("2026-04-30 08:00"), True)  # at the same time of day, in summer time
    assert until("remarket", None) == (at("2026-05-30 08:00"), True)
    assert until("disqualified", "Recycled too often") == (at("2027-03-01 09:00"), True)
    assert until("disqualified", "Competitor") == (None, False)
    assert until("disqualified", "Duplicate") == (None, False)
    assert until("disqualified", None) == (None, True)
    assert until("mql", None) is None


def test_a_customer_rests_after_a_win_and_nobody_else_in_sql_does() -> None:
    sql = a_situation(a_record("sql"), born("sql"), opportunities=(a_deal("won"),))

    hold = standing(sql).hold
    assert hold is not None
    assert (hold.until, hold.hand_raise_breaks_it) == (at("2027-02-22 09:00"), False)
    assert standing(replace(sql, opportunities=())).hold is None
    assert standing(a_situation(a_record()._replace(stage_value="On Fire"))).hold is None


def test_a_blank_contact_is_outside_and_a_blank_lead_nowhere() -> None:
    contact = standing(a_situation(a_record(None, ref=CONTACT)))
    lead = standing(a_situation(a_record(None)))
    odd = standing(a_situation(a_record(ref=CONTACT)._replace(stage_value="On Fire")))

    assert contact.stage is not None
    assert (contact.stage.role, contact.is_blank, contact.is_carried) == ("outside", True, False)
    assert (lead.stage, lead.is_blank) == (None, True)
    assert odd.stage is None


def touched(source: str | None, **more: Any) -> Situation:
    return a_situation(a_record("inquiry", source=source, created_by="005-pia"), born(), **more)


def test_a_web_form_that_left_nothing_but_the_record_is_a_touch_on_its_first_day() -> None:
    (touch,) = standing(touched("website")).touches
    assert (touch.response, touch.at) == ("registered", at("2026-02-01 09:00"))
    assert standing(touched("Smoke Signal")).touches == ()
    assert standing(touched(None)).touches == ()
    assert standing(a_situation(a_record(None, ref=CONTACT, source="Web"))).touches == ()


def test_touches_of_the_future_and_retracted_ones_are_not_there_yet_or_any_more() -> None:
    kept = a_touch("downloaded", "2026-11-25 09:00")
    others = (a_touch("downloaded", "2026-11-25 11:00"), a_touch("downloaded", "2026-11-25 09:00", retracted=True))

    assert standing(touched(None, touches=(kept, *others))).touches == (kept,)
    assert [is_inbound(kept), is_outbound(kept), is_inbound(others[1])] == [True, False, False]
    meeting = replace(kept, direction="both")
    assert (is_inbound(meeting), is_outbound(meeting), is_outbound(replace(meeting, retracted=True))) == (
        True,
        True,
        False,
    )


def test_a_twins_touches_count_for_the_group_and_its_contact_speaks() -> None:
    touch = a_touch("downloaded", "2026-11-25 09:00", ref=CONTACT)
    here = standing(touched(None, twins=(a_twin(a_record("inquiry", ref=CONTACT), "inquiry", touch),)))
    alone = rules_with(law_twins="none")

    assert here.touches == (touch,)
    assert here.twin is not None
    assert here.facts.get("twin") is True
    contact = a_situation(a_record("inquiry", ref=CONTACT), twins=(a_twin(a_record("sal"), "sal"),))
    assert standing(contact).twin is None
    assert standing(touched(None, twins=(a_twin(a_record(ref=CONTACT), None, touch),)), rulebook=alone).touches == ()


def test_the_records_own_account_goes_before_one_that_fits() -> None:
    own, fits = (
        an_account("Hooli", industry="Retail"),
        an_account("Initrode", domain="initrode.example", website="https://initrode.example", country="DE"),
    )
    directory = a_directory(accounts={own.id: own})
    record = a_record(company="Initrode GmbH", website="")

    assert standing(a_situation(record._replace(account_id=own.id), born()), directory=directory).account == own
    gone = standing(a_situation(record._replace(account_id="001-gone"), born(), account_candidates=(fits,)))
    assert gone.account == fits
    assert standing(a_situation(record, born(), account_candidates=(fits, replace(fits, id="001-x")))).ambiguous_account


def test_an_accounts_domain_is_the_registered_one() -> None:
    own = an_account("Hooli", website="https://shop.hooli.co.uk/en")
    at_work = a_situation(a_record()._replace(account_id=own.id), born())
    assert standing(at_work, directory=a_directory(accounts={own.id: own})).facts.get("account.domain") == "hooli.co.uk"
    assert fact("account.domain", a_situation(a_record(), born())) is None


def fact(name: str, situation: Situation) -> object:
    return standing(situation).facts.get(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crm", "salesforce"),
        ("object", "lead"),
        ("stage", "lal"),
        ("in_stage_for", "2026-02-01T09:00:00Z"),
        ("recycle_count", 0),
        ("attempts", 2),
        ("answered", True),
        ("hand_raised", False),
        ("in_open_deal", True),
        ("outcome", "open"),
        ("owner_kind", "rep"),
        ("territory", "dach"),
        ("left_stage", False),
        ("country", "DE"),
        ("reason", None),
        ("cooling", False),
    ],
)
def test_rules_may_ask_where_somebody_stands(name: str, value: Value) -> None:
    touches = (
        a_call("emil", "2026-03-01 09:00"),
        a_call("robo", "2026-03-02 09:00"),
        a_call("ada", "2026-03-03 09:00"),
        a_touch("replied", "2026-03-04 09:00", channel="email"),
    )
    assert fact(name, a_situation(a_record("lal"), born("lal"), touches=touches, opportunities=(a_deal(),))) == value


def test_an_untouched_lead_without_evidence_is_doubtful_after_a_day_unless_a_rep_made_it() -> None:
    def doubtful(**more: Any) -> object:
        record = a_record("inquiry", created_at=at("2026-11-24 09:00"), **more)
        here = standing(a_situation(record, born("inquiry", "2026-11-24 09:00")))
        return doubtful_from(record, here.stage, here.facts, here.grounds)

    assert doubtful(owner="house") == at("2026-11-25 09:00")
    assert doubtful(owner="house", created_by="005-ada") is None
    assert doubtful(owner="ada", created_by="005-robo") == at("2026-11-25 09:00")
    assert doubtful(owner="house", source="Web") is None
    old = standing(a_situation(a_record(), born()), go_live_at=at("2026-03-01 09:00"))
    assert doubtful_from(old.record, old.stage, old.facts, old.grounds) is None
    raw = standing(a_situation(a_record("raw"), born("raw")))
    assert doubtful_from(raw.record, raw.stage, raw.facts, raw.grounds) is None
    contact = standing(a_situation(a_record("inquiry", ref=CONTACT)))
    assert doubtful_from(contact.record, contact.stage, contact.facts, contact.grounds) is None
    assert contact.grounds.is_live(GO_LIVE)
    assert str(LEAD) == "salesforce/lead/00Q-1"


def test_a_mailbox_that_many_share_makes_no_twins() -> None:
    shared = a_twin(a_record("sal", email="Info@initech.example"), "sal")
    assert standing(a_situation(a_record("inquiry", email="info@initech.example"), twins=(shared,))).twin is None
    nobody = a_twin(a_record("sal", email=None), "sal")
    assert standing(a_situation(a_record("inquiry"), twins=(nobody,))).twin is not None
