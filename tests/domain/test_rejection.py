"""Hand-backs go where the class of their reason belongs, and people who wait are nurtured."""

from dataclasses import replace
from typing import Any

from building import (
    MAPPING,
    RULES,
    a_book,
    a_directory,
    a_record,
    a_situation,
    and_then,
    assigned,
    at,
    born,
    decided,
    grounds,
    joined,
    moved,
    owned,
    queue_id,
    rules_with,
    standing,
    told,
    written,
)

from leadsync.domain.effects import Membership
from leadsync.domain.instants import to_text
from leadsync.domain.rejection import desk_of, rejection_move
from leadsync.domain.situation import Memory, Situation


def handed_back(
    reason: str | None, *, stage: str = "remarket", by: str = "emil", since: str = "mql", **more: Any
) -> Situation:
    record = a_record(stage, owner="emil", recycle_reason=reason)
    move = moved(since, stage, "2026-11-25 09:00", by=by)
    return a_situation(record, born(since, "2026-11-20 09:00"), move, **more)


def rejected_to(situation: Situation, **more: Any) -> str | None:
    move = rejection_move(standing(situation, **more))
    return move.stage if move else None


def test_each_reason_belongs_where_its_class_says() -> None:
    assert rejected_to(handed_back("Timing")) is None
    assert rejected_to(handed_back("Not a fit")) == "disqualified"
    assert rejected_to(handed_back("Duplicate")) == "disqualified"
    assert rejected_to(handed_back("Not mine")) == "mql"
    assert rejected_to(handed_back(None)) is None


def test_only_a_hand_back_by_a_person_since_going_live_is_sent_on() -> None:
    assert rejected_to(handed_back("Not a fit", by="leadsync")) is None
    assert rejected_to(handed_back("Not a fit"), go_live_at=at("2026-11-25 09:30")) is None
    assert rejected_to(a_situation(a_record("mql"), born("mql"))) is None
    assert rejected_to(a_situation(a_record("remarket", recycle_reason="Not a fit"), born("remarket"))) is None
    mass = handed_back("Not a fit")
    mass = replace(mass, transitions=(mass.transitions[0], replace(mass.transitions[1], bulk_id="b1")))
    assert rejected_to(mass) is None


def test_where_no_edge_lets_leadsync_the_persons_choice_stands() -> None:
    assert rejected_to(handed_back("Timing", stage="disqualified")) is None
    assert rejected_to(handed_back("Not a fit"), rulebook=rules_with(crm_value_of_stage={})) is None


def test_a_misrouted_person_stays_and_goes_to_somebody_else_without_a_recycle() -> None:
    situation = handed_back(
        "Not mine",
        assignments=(assigned("emil", "2026-11-20 09:00", "mql#1", pool="dach_sales"),),
        owners=(owned("leadsync", "emil", "2026-11-20 09:01"),),
    )
    book = a_book(grounds())
    decision = decided(situation, book=book)
    after = and_then(situation, decision, "2026-11-25 10:01")
    settled = decided(after, "2026-11-25 10:02")

    assert written(decision)["stage"] == "MQL"
    assert written(decision)["owner"] not in ("005-emil", None)
    assert written(decision)["recycle_reason"] is None
    assert settled.state.recycle_count == 0
    assert settled.state.mql_count == 1
    assert settled.assignment is None
    assert decision.assignment is not None
    assert decision.assignment.door.startswith("misrouted:")


def test_wrong_data_goes_to_the_desk_that_repairs_it_once() -> None:
    situation = handed_back("Wrong or missing data")
    decision = decided(situation)
    after = and_then(situation, decision, "2026-11-25 10:01")

    assert written(decision)["owner"] == queue_id("Data Desk")
    assert decided(after, "2026-11-25 10:02").assignment is None
    assert desk_of(standing(handed_back("Timing"))) is None
    assert desk_of(standing(handed_back(None))) is None


def test_a_desk_that_the_crm_does_not_know_is_named_all_the_same() -> None:
    directory = replace(grounds().directory, queues={})
    decision = decided(handed_back("Wrong or missing data"), directory=directory)

    assert decision.assignment is not None
    assert (decision.assignment.owner_id, written(decision)["queue"]) == ("", "Data Desk")


def test_a_duplicate_gives_the_reps_turn_back() -> None:
    made = assigned("emil", "2026-11-20 09:00", "mql#1", pool="dach_sales")
    on = grounds(directory=replace(grounds().directory, virtual_time={("dach_sales", "normal", "005-emil"): 3.0}))
    book = a_book(on)
    decided(handed_back("Duplicate", assignments=(made,)), book=book, directory=on.directory)

    assert book.charges()["dach_sales", "normal", "005-emil"] == 2.0
    untouched = a_book(on)
    decided(handed_back("Duplicate"), book=untouched, directory=on.directory)
    decided(handed_back("Duplicate", assignments=(replace(made, pool=None),)), book=untouched, directory=on.directory)
    assert untouched.charges() == {}


def test_whoever_comes_into_remarket_joins_the_list_of_their_reason_and_leaves_it_on_going() -> None:
    back = handed_back("Timing")
    came = replace(back.transitions[1], reason="timing", verdict="legal")
    gone = a_situation(
        a_record("mql", owner="emil"),
        back.transitions[0],
        came,
        moved("remarket", "mql", "2026-11-25 09:30", by="emil", verdict="legal"),
    )

    assert joined(decided(back)) == [("stay_in_touch", True)]
    assert joined(decided(gone)) == [("stay_in_touch", False)]
    assert (
        joined(
            decided(replace(gone, transitions=(gone.transitions[0], replace(came, reason=None), gone.transitions[2])))
        )
        == []
    )


def test_a_reason_counts_that_came_within_a_day_and_none_that_came_later() -> None:
    def held(reason: str | None, edited: str, kept: str | None, looked: str | None = None) -> str | None:
        back = handed_back(reason)
        record = back.records[0]._replace(modified_at=at(edited), stamp=at(edited))
        entered = to_text(back.transitions[1].at)
        memory = Memory(
            fired={} if kept is None else {":reason": f"{entered} {kept}"}, decided_at=looked and at(looked)
        )
        decision = decided(replace(back, records=(record,), memory=memory), "2026-11-29 10:00")
        return decision.state.fired[":reason"].partition(" ")[2]

    assert held("Timing", "2026-11-25 09:00", None) == "timing"
    assert held("No budget", "2026-11-26 09:00", "timing", "2026-11-25 09:01") == "no_budget"
    assert held("No budget", "2026-11-26 09:01", "timing", "2026-11-25 09:01") == "timing"
    assert held("No budget", "2026-11-28 09:00", "", "2026-11-27 09:01") == ""
    assert held("No budget", "2026-11-28 09:00", "", "2026-11-25 09:01") == "no_budget"  # it may have come in time
    assert held("No budget", "2026-11-28 09:00", None) == "no_budget"  # nobody has looked before
    assert held(None, "2026-11-28 09:00", "timing", "2026-11-25 09:01") == "timing"


def test_a_reason_that_is_replaced_in_time_leads_from_list_to_list() -> None:
    back = handed_back("Lost deal")
    other = replace(
        back, transitions=(back.transitions[0], replace(back.transitions[1], reason="timing", verdict="legal"))
    )

    assert joined(decided(other)) == [("stay_in_touch", False), ("win_back", True)]


def test_whoever_leaves_is_taken_off_the_list_of_a_reason_that_came_after_the_move() -> None:
    back = handed_back("Timing")
    came = replace(back.transitions[1], reason=None, verdict="flagged")
    gone = a_situation(
        a_record("mql", owner="emil"), back.transitions[0], came,
        moved("remarket", "mql", "2026-11-25 09:30", by="emil", verdict="legal"),
        memory=Memory(fired={":reason": f"{to_text(came.at)} timing"}),
    )  # fmt: skip

    assert joined(decided(gone)) == [("stay_in_touch", False)]


def test_a_move_that_is_put_back_takes_nobody_off_a_list_and_one_taken_back_puts_them_on_again() -> None:
    back = handed_back("Timing")
    came = replace(back.transitions[1], reason="timing", verdict="legal")
    astray = moved("remarket", "inquiry", "2026-11-25 09:30", by="pia")
    record = back.records[0]._replace(stage_value="Inquiry")
    put_back = decided(a_situation(record, back.transitions[0], came, astray))

    assert written(put_back)["stage"] == "Re-Market"
    assert joined(put_back) == []

    restored = moved("inquiry", "remarket", "2026-11-25 09:40", by="leadsync", correction=True, verdict="legal")
    moves = (back.transitions[0], came, replace(astray, verdict="redirected"), restored)
    once, again = decided(back), decided(replace(back, transitions=moves))
    assert joined(once) == joined(again) == [("stay_in_touch", True)]
    ids = [{effect.effect_id for effect in one.effects if isinstance(effect, Membership)} for one in (once, again)]
    assert ids[0].isdisjoint(ids[1])


def test_nobody_joins_who_opted_out_has_no_reason_or_came_before_going_live() -> None:
    back = handed_back("Timing")
    opted = replace(back, records=(back.records[0]._replace(fields={**back.records[0].fields, "email_opt_out": True}),))

    assert joined(decided(opted)) == []
    assert joined(decided(handed_back(None))) == []
    assert joined(decided(handed_back("Not a fit", stage="disqualified"))) == []
    assert joined(decided(back, go_live_at=at("2026-11-25 09:30"))) == []
    adopted = replace(back.transitions[1], verdict="adopted", source="import")
    assert joined(decided(replace(back, transitions=(back.transitions[0], adopted)))) == []
    assert joined(decided(back, kinds=frozenset({"notices"}))) == []
    assert joined(decided(back, rulebook=rules_with(crm_nurture={}))) == []
    assert joined(decided(a_situation(a_record("inquiry"), born()))) == []


def test_a_hand_back_without_a_reason_is_flagged_and_asked_for_once() -> None:
    decision = decided(handed_back(None))

    assert [j.verdict for j in decision.judgements] == ["flagged"]
    assert told(decision) == [("reason_missing", "005-emil")]
    assert decision.state.held_until == at("2027-02-23 09:00")
    assert RULES.law.reasons["timing"].nurture in MAPPING.nurture
    nobody = handed_back(None)
    nobody = replace(nobody, transitions=(nobody.transitions[0], replace(nobody.transitions[1], actor_id=None)))
    assert told(decided(nobody)) == [("reason_missing", "005-emil")]
    gone = a_directory(gone=["frieda"])
    assert told(decided(handed_back(None, by="frieda"), directory=gone)) == [("reason_missing", "005-emil")]
    assert told(decided(handed_back(None, by="robo"))) == [("reason_missing", "005-emil")]
