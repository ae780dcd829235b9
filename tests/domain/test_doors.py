"""Routing happens at doors: once per door, never against a person's own choice, and nobody is left over."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from building import (
    CONTACT,
    LEAD,
    MAPPING,
    NOW,
    RULES,
    a_book,
    a_contact_of,
    a_deal,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    a_twin,
    an_account,
    and_then,
    assigned,
    at,
    born,
    decided,
    grounds,
    moved,
    owned,
    queue_id,
    rules_with,
    standing,
    told,
    written,
)

from leadsync.domain.doors import Door, open_door, reassign_door, rules_for, why_not_routed
from leadsync.domain.moves import Move
from leadsync.domain.passing import go_through
from leadsync.domain.records import Ref
from leadsync.domain.situation import Situation


def handed_over(owner: str | None = "house", *, stage: str = "mql", ref: Ref = LEAD, **more: Any) -> Situation:
    """Return a person who came to sales this morning."""
    fields = more.pop("fields", {})
    record = a_record(stage, owner=owner, ref=ref, **fields)
    return a_situation(
        record,
        born("inquiry", ref=ref),
        moved("inquiry", stage, "2026-11-25 09:00", verdict="legal", ref=ref),
        **more,
    )


def door_of(situation: Situation, move: Move | None = None, **more: Any) -> str | None:
    here = standing(situation, **more)
    target = here.grounds.law.stages[move.stage] if move else here.stage
    door = open_door(here, target, move)
    return door.key if door else None


def owner_of(situation: Situation, **more: Any) -> object:
    values = written(decided(situation, **more))
    return values.get("owner", values.get("assignee"))


def test_entering_a_stage_with_a_door_routes_once() -> None:
    situation = handed_over()
    decision = decided(situation)
    after = and_then(situation, decision, "2026-11-25 10:01")

    assert decision.assignment is not None
    assert decision.assignment.door == "mql#1"
    assert written(decision)["owner"] in ("005-emil", "005-fabian")
    assert decided(after, "2026-11-25 10:02").assignment is None


def test_an_assignment_that_never_reached_the_record_is_wished_for_again_without_a_charge() -> None:
    situation = handed_over()
    first = decided(situation)
    assert first.assignment is not None
    lost = replace(situation, assignments=(first.assignment,))
    book = a_book(grounds())
    again = decided(lost, "2026-11-25 10:05", book=book)

    assert written(again)["owner"] == written(first)["owner"]
    assert again.assignment is None
    assert book.charges() == {}


def test_a_reassignment_that_never_reached_the_record_is_wished_for_again_too() -> None:
    entered = assigned("emil", "2026-11-25 09:01", "mql#1", pool="dach_sales")
    reassigned = assigned("fabian", "2026-11-25 09:30", "sla:c1:2", pool="dach_sales")
    situation = handed_over(
        "emil", owners=(owned("leadsync", "emil", "2026-11-25 09:02"),), assignments=(entered, reassigned)
    )

    assert written(decided(situation))["owner"] == "005-fabian"
    chosen = replace(situation, owners=(*situation.owners, owned("greta", "emil", "2026-11-25 09:40")))
    assert "owner" not in written(decided(chosen))
    earlier = replace(situation, assignments=(entered, replace(reassigned, at=at("2026-11-01 09:00"))))
    assert door_of(replace(earlier, assignments=earlier.assignments[:1])) is None


def test_an_assignment_whose_owner_left_before_it_reached_the_record_is_made_anew() -> None:
    made = assigned("fabian", "2026-11-25 09:01", "mql#1", pool="dach_sales")
    situation = handed_over(assignments=(made,))
    decision = decided(situation, directory=a_directory(gone=["fabian"]))

    assert decision.assignment is not None
    assert decision.assignment.door == "mql#1:anew"
    assert written(decision)["owner"] in ("005-emil", "005-frieda")
    lost = replace(situation, assignments=(made, decision.assignment))
    assert decided(lost, "2026-11-25 10:05", directory=a_directory(gone=["fabian"])).assignment is None


def test_before_the_first_door_the_owner_is_never_touched() -> None:
    assert door_of(a_situation(a_record("inquiry", owner="house"), born())) is None
    assert door_of(a_situation(a_record("remarket", owner="house"), born("remarket"))) is None


def test_a_member_of_the_pool_whom_a_person_chose_shortly_before_stands() -> None:
    def chosen(by: str | None, when: str = "2026-11-25 08:55", owner: str = "frieda") -> object:
        return owner_of(handed_over(owner, owners=(owned(by, owner, when),)))

    assert chosen("greta") is None  # she stays where she is
    assert decided(handed_over("frieda", owners=(owned("greta", "frieda", "2026-11-25 08:55"),))).assignment is not None
    others = {chosen("greta", "2026-11-25 08:40"), chosen("robo"), chosen(None), chosen("leadsync"), chosen("house")}
    assert "005-frieda" not in others
    assert chosen("greta", owner="otto") in ("005-emil", "005-fabian")


def test_who_was_chosen_long_ago_does_not_stand_when_leadsync_itself_moves_the_lead() -> None:
    record = a_record("inquiry", owner="bela", title="Director Operations", industry="Retail", employees=500)
    situation = a_situation(
        record,
        born(),
        touches=(a_touch("demo_request", "2026-11-25 09:00"),),
        owners=(owned("dora", "bela", "2026-02-01 09:30"),),
    )
    decision = decided(situation)

    assert decision.move is not None
    assert decision.assignment is not None
    assert decision.assignment.rule == "all qualified leads"
    recently = replace(situation, owners=(owned("dora", "bela", "2026-11-25 09:55"),))
    kept = decided(recently).assignment
    assert kept is not None
    assert kept.rule == "chosen"


def test_a_contact_keeps_its_owner_and_gets_an_assignee() -> None:
    values = written(decided(handed_over("nora", ref=CONTACT)))

    assert "owner" not in values
    assert values["assignee"] in ("005-emil", "005-fabian")


def test_a_parked_contact_has_no_assignee_and_the_queues_name() -> None:
    contact = handed_over(
        "house", ref=CONTACT, fields={"assignee": "005-house", "country": "Japan", "misrouted": False}
    )
    values = written(decided(contact))
    nowhere = written(decided(contact, directory=replace(a_directory(gone=["lead-desk"]), queues={})))

    assert (values["assignee"], values["queue"]) == (None, "Unassigned Leads")
    assert (nowhere["assignee"], nowhere["queue"]) == (None, "Unassigned Leads")
    parked = and_then(contact, decided(contact), "2026-11-25 10:01")
    assert decided(parked, "2026-11-25 10:02").assignment is None


def test_a_lead_that_nobody_can_take_keeps_its_owner_and_names_the_queue() -> None:
    lead = handed_over("house", fields={"country": "Japan"})
    values = written(decided(lead, directory=replace(a_directory(gone=["lead-desk"]), queues={})))

    assert "owner" not in values
    assert values["queue"] == "Unassigned Leads"
    assert written(decided(lead))["owner"] == queue_id("Unassigned Leads")


def test_a_contact_goes_to_a_user_where_the_crm_lets_no_queue_own_contacts() -> None:
    contact = handed_over("house", ref=CONTACT, fields={"country": "Japan"})
    owner = MAPPING.objects["lead"].owner
    by_owner = a_contact_of(responsible="owner", owner=owner)
    anybody = replace(by_owner.objects["contact"], queues_may_own=True)
    salesforce = replace(RULES, mappings={"salesforce": by_owner})
    dynamics = replace(
        RULES, mappings={"salesforce": replace(by_owner, objects={**by_owner.objects, "contact": anybody})}
    )

    assert written(decided(contact, rulebook=salesforce))["owner"] == "005-lead-desk"
    assert written(decided(contact, rulebook=dynamics))["owner"] == queue_id("Unassigned Leads")


def test_a_ticked_misroute_goes_to_somebody_else_and_gives_the_turn_back() -> None:
    made = assigned("emil", "2026-11-25 09:01", "mql#1", pool="dach_sales")
    situation = handed_over(
        "emil", fields={"misrouted": True}, assignments=(made,), owners=(owned("leadsync", "emil", "2026-11-25 09:02"),)
    )
    directory = a_directory(virtual_time={("dach_sales", "normal", "005-emil"): 3.0})
    book = a_book(grounds(directory=directory))
    values = written(decided(situation, book=book, directory=directory))

    assert values["owner"] != "005-emil"
    assert values["misrouted"] is False
    assert book.charges()["dach_sales", "normal", "005-emil"] == 2.0


def test_an_owner_who_is_gone_and_one_on_paper_open_a_door() -> None:
    made = assigned("emil", "2026-11-25 09:01", "mql#1", pool="dach_sales")
    situation = handed_over("emil", assignments=(made,), owners=(owned("leadsync", "emil", "2026-11-25 09:02"),))
    taken = replace(
        situation,
        records=(situation.records[0]._replace(owner_id="005-house"),),
        owners=(*situation.owners, owned("otto", "house", "2026-11-25 09:30")),
    )

    assert door_of(situation) is None
    assert door_of(situation, directory=a_directory(gone=["emil"])) == "owner_gone:005-emil:mql#1"
    assert door_of(taken) is None  # a person parked them there
    sal = a_situation(a_record("sal", owner="house"), born("sal", "2026-11-25 09:00"))
    assert door_of(sal) == "owner_gone:005-house:sal#1"
    assert door_of(replace(sal, transitions=(replace(sal.transitions[0], bulk_id="b1"),))) is None
    nobody = a_situation(a_record("sal", owner=None), born("sal", "2026-11-25 09:00"))
    assert owner_of(nobody) is not None


def test_an_owner_in_a_pool_that_waits_in_a_queue_with_a_reason_is_left_there() -> None:
    parked = assigned("Unassigned Leads", "2026-11-25 09:01", "mql#1", pool=None)
    situation = handed_over("Unassigned Leads", fields={"queue": "Unassigned Leads"}, assignments=(parked,))

    assert door_of(situation) is None


@pytest.mark.parametrize(
    ("why", "more"),
    [
        ("excluded by its condition", {"fields": {"email": "x@acme.example"}}),
        ("twin of p2", {"twins": (a_twin(a_record("mql", ref=CONTACT, owner="emil"), "mql"),)}),
        ("in an open deal", {"opportunities": (a_deal(),)}),
    ],
)
def test_whoever_is_not_routed_has_a_reason(why: str, more: dict[str, Any]) -> None:
    situation = handed_over("emil", **more)
    here = standing(situation)

    assert open_door(here, here.stage) is None
    assert why_not_routed(here, here.stage) == why
    assert reassign_door(here, "c", "005-emil") is None


def test_the_other_reasons_for_which_nobody_routes() -> None:
    here = standing(handed_over())

    def why(stage: str = "mql", **more: Any) -> str | None:
        other = replace(here, **more)
        return why_not_routed(other, RULES.law.stages[stage])

    entered = here.stay.entered_by
    assert entered is not None
    mass = replace(here.stay, entered_by=replace(entered, bulk_id="b1"))
    assert why() is None
    assert why_not_routed(here, None) is None
    assert why("inquiry") is None
    assert why(stay=mass) == "part of the mass change b1"
    assert why(news_at=None) == "nothing has happened since going live"
    assert why(grounds=grounds(kinds=frozenset({"notices"}))) == "owners are not delivered"
    no_doors = replace(RULES, routing=replace(RULES.routing, doors={"sql": "sales"}))
    assert why(grounds=grounds(rulebook=no_doors)) == "no door leads here"
    assert open_door(replace(here, stay=mass), here.stage) is None


def test_a_stage_without_a_door_of_its_own_goes_by_the_last_one_before_it() -> None:
    here = standing(handed_over())

    assert rules_for(here, RULES.law.stages["lal"]) == "development"
    assert rules_for(here, RULES.law.stages["sql"]) == "sales"
    assert rules_for(here, RULES.law.stages["inquiry"]) is None
    assert rules_for(here, RULES.law.stages["remarket"]) is None


def test_an_open_deal_guards_no_one_in_sql_nor_where_the_law_says_so() -> None:
    sql = a_situation(a_record("sql", owner="house"), born("sql", "2026-11-25 09:00"), opportunities=(a_deal(),))

    assert owner_of(sql) == "005-emil"  # the deal's owner
    unguarded = rules_with(law_open_deal_guard="none")
    assert door_of(handed_over(opportunities=(a_deal(),)), rulebook=unguarded) == "mql#1"


def test_a_twin_that_nobody_looks_after_gets_the_owner_of_whoever_speaks_for_the_group() -> None:
    contact = a_record("mql", ref=CONTACT, owner="emil")
    twin = handed_over("house", twins=(a_twin(contact, "mql"),))
    decision = decided(twin)
    after = and_then(twin, decision, "2026-11-25 10:01")

    assert written(decision)["owner"] == "005-emil"
    assert decision.assignment is not None
    assert decision.assignment.reason == "twin of p2"
    assert decided(after, "2026-11-25 10:02").assignment is None
    assert decided(handed_over("ada", twins=(a_twin(contact, "mql"),))).assignment is None


def test_a_stay_that_a_correction_restores_opens_no_door_again() -> None:
    wrong = a_situation(
        a_record("inquiry", owner="emil"),
        born("mql", "2026-11-24 09:00"),
        moved("mql", "inquiry", "2026-11-25 09:00", verdict="reverted"),
        assignments=(assigned("emil", "2026-11-24 09:00", "mql#1", pool="dach_sales"),),
        owners=(owned("leadsync", "emil", "2026-11-24 09:01"),),
    )
    anew = replace(wrong, assignments=())

    assert door_of(wrong, Move("mql", "revert", "", correction=True)) is None
    assert door_of(anew, Move("mql", "revert", "", correction=True)) == "mql#1"
    assert door_of(wrong, Move("mql", "hand raised", "")) == "mql#2"
    assert (
        door_of(wrong, Move("mql", "class misrouted", "", correction=True, misrouted=True))
        == "misrouted:005-emil:mql#1"
    )


def relations(situation: Situation, **more: Any) -> str | None:
    made = decided(situation, **more).assignment
    return made.rule if made else None


def test_the_reps_who_know_the_person_go_before_the_pools() -> None:
    account = an_account("Hooli", owner="005-emil")
    fields = {"account_id": account.id}
    directory = a_directory(accounts={account.id: account})
    colleague = replace(
        directory, colleagues={account.id: (("p1", "005-emil"), ("p9", "005-ada"), ("p8", "005-frieda"))}
    )
    former = (owned("leadsync", "fabian", "2026-10-01 09:00"), owned("pia", "house", "2026-10-20 09:00"))

    assert relations(handed_over(fields=fields), directory=directory) == "account owner"
    assert relations(handed_over(fields=fields), directory=colleague) == "colleague's rep"
    assert relations(handed_over(owners=former)) == "former rep"
    unowned = replace(account, fields={"name": "Hooli"})
    assert relations(handed_over(fields=fields), directory=a_directory(accounts={account.id: unowned})) == "DACH"


def test_after_two_reassignments_the_lead_goes_to_the_manager() -> None:
    made = [assigned("emil", f"2026-11-25 09:0{n}", f"sla:c{n}:2", pool="dach_sales") for n in (1, 2)]
    here = standing(handed_over("emil", assignments=tuple(made)))
    door = reassign_door(here, "c3:2", "005-emil")
    assert door is not None

    def who(door: Door, **more: Any) -> str:
        other = standing(handed_over("emil", assignments=tuple(made)), **more)
        return go_through(door, other, a_book(other.grounds)).assignment.owner_id

    assert who(door) == "005-greta"
    assert who(door, directory=a_directory(away=["greta"])) == "005-boss"
    assert who(door, directory=a_directory(gone=["greta", "boss"])) in ("005-fabian", "005-frieda")
    first = reassign_door(standing(handed_over("emil", assignments=tuple(made[:1]))), "c3:2", None)
    assert first == Door("sla:c3:2", "sales")
    assert reassign_door(standing(a_situation(a_record("remarket"), born("remarket"))), "c", None) is None
    assert reassign_door(standing(a_situation(a_record()._replace(stage_value="?"))), "c", None) is None


def test_a_deal_of_the_account_guards_its_people_where_the_law_says_so() -> None:
    account = an_account("Initech")
    deal = a_deal(account_id=account.id, lead_id=None)
    here = {"directory": a_directory(accounts={account.id: account})}
    person = handed_over(account_deals=(a_deal(account_id="001-other", lead_id=None), deal))
    person = replace(person, records=(person.records[0]._replace(account_id=account.id),))
    guarded = rules_with(law_open_deal_guard="account")

    assert decided(person, **here).assignment is not None
    kept = decided(person, rulebook=guarded, **here)
    assert kept.assignment is None
    assert "not routed: their account is in an open deal" in kept.reasons
    assert kept.state.wake_at is not None
    assert kept.state.wake_at <= NOW + timedelta(hours=1)
    assert decided(replace(person, account_deals=person.account_deals[:1]), rulebook=guarded, **here).assignment
    nobodys = replace(person, records=(person.records[0]._replace(account_id=None),))
    assert decided(nobodys, rulebook=guarded, **here).assignment is not None
    assert door_of(replace(person, opportunities=(a_deal(),)), rulebook=guarded, **here) is None


def test_a_raised_hand_in_an_account_with_an_open_deal_moves_nobody_and_tells_the_deals_owner() -> None:
    account = an_account("Initech")
    deal = a_deal(account_id=account.id, lead_id=None)
    record = a_record("inquiry", account_id=account.id)
    hand = (a_touch("contact_me", "2026-11-25 09:00"),)
    person = a_situation(record, born(), touches=hand, account_deals=(deal,))
    here = {"directory": a_directory(accounts={account.id: account})}
    decision = decided(person, rulebook=rules_with(law_open_deal_guard="account"), **here)

    assert decision.move is None
    assert "hand raised: their account is in an open deal" in decision.reasons
    assert ("hand_raised_in_deal", "005-emil") in told(decision)
    assert decided(person, **here).move is not None
