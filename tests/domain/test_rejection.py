"""Hand-backs go where the class of their reason belongs, and people who wait are nurtured."""

from dataclasses import replace
from typing import Any

from building import (
    MAPPING,
    RULES,
    a_book,
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

from leadsync.domain.rejection import desk_of, rejection_move
from leadsync.domain.situation import Situation


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


def test_nobody_joins_who_opted_out_has_no_reason_or_came_before_going_live() -> None:
    back = handed_back("Timing")
    opted = replace(back, records=(replace(back.records[0], fields={**back.records[0].fields, "email_opt_out": True}),))

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
