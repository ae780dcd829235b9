"""Clocks on people who wait: when they start, what stops, pauses and voids them, and what their ladders do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from building import (
    CONTACT,
    LEAD,
    RULES,
    a_call,
    a_directory,
    a_record,
    a_ref,
    a_situation,
    a_touch,
    a_twin,
    and_then,
    assigned,
    at,
    born,
    clock_of,
    clocks_after,
    decided,
    grounds,
    moved,
    owned,
    rules_with,
    told,
    written,
)
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain import conditions
from leadsync.domain.decision import Decision
from leadsync.domain.durations import Duration
from leadsync.domain.funnel import ReasonClass
from leadsync.domain.members import Absence
from leadsync.domain.situation import Situation
from leadsync.domain.sla import Clock, Rung


def in_sales(owner: str = "emil", *, stage: str = "mql", since: str = "2026-11-23 10:00", **more: Any) -> Situation:
    """Return a person with sales since Monday, routed to an owner at once."""
    fields = more.pop("fields", {})
    record = a_record(stage, owner=owner, stamp=at(since), **fields)
    base = a_situation(
        record,
        born("inquiry"),
        moved("inquiry", stage, since, verdict="legal"),
        owners=(owned("leadsync", owner, since),),
        assignments=(assigned(owner, since, f"{stage}#1", pool="dach_sales"),),
    )
    return replace(base, **more)


def ticked(situation: Situation, when: str, **more: Any) -> tuple[Situation, Decision]:
    """Return the person with the clocks that a decision left, and the decision."""
    decision = decided(situation, when, **more)
    return replace(situation, clocks=clocks_after(situation, decision)), decision


def running(situation: Situation, rule: str, kind: str) -> Clock:
    (found,) = [c for c in situation.clocks if c.rule == rule and c.kind == kind and c.stopped_at is None]
    return found


def ended(situation: Situation, rule: str, kind: str = "lead") -> list[tuple[str, str | None]]:
    return [(c.state, c.void_reason) for c in situation.clocks if c.rule == rule and c.kind == kind]


def test_a_handoff_starts_the_persons_clock_and_the_owners() -> None:
    situation, decision = ticked(in_sales(), "2026-11-23 10:01")

    assert running(situation, "mql_follow_up", "lead").due_at == at("2026-11-25 10:00")
    assert running(situation, "mql_follow_up", "owner").owner_id == "005-emil"
    assert written(decision)["sla_due_at"] == "2026-11-25T10:00:00Z"
    assert decided(situation, "2026-11-23 10:02").clocks == ()


def test_a_follow_up_by_the_owner_or_a_colleague_meets_both_and_one_by_a_machine_none() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")

    def states(by: str) -> set[tuple[str, str]]:
        after, _ = ticked(replace(started, touches=(a_call(by, "2026-11-24 09:00"),)), "2026-11-24 09:05")
        return {(clock.kind, clock.state) for clock in after.clocks}

    assert states("emil") == states("frieda") == {("lead", "met"), ("owner", "met")}
    assert states("otto") == {("lead", "met"), ("owner", "open")}
    assert states("robo") == states("leadsync") == {("lead", "open"), ("owner", "open")}


def test_an_owner_outside_every_pool_meets_his_own_clock() -> None:
    started, _ = ticked(in_sales("otto"), "2026-11-23 10:01")
    after, _ = ticked(replace(started, touches=(a_call("otto", "2026-11-24 09:00"),)), "2026-11-24 09:05")

    assert ended(after, "mql_follow_up", "owner") == [("met", None)]


def test_leaving_the_stage_stops_the_clock_when_it_was_left() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    gone = replace(
        started,
        records=(started.records[0]._replace(stage_value="SQL"),),
        transitions=(
            *started.transitions,
            moved("mql", "sal", "2026-11-24 09:00", by="emil", verdict="legal"),
            moved("sal", "sql", "2026-11-26 09:00", by="emil", verdict="legal"),
        ),
    )
    after, _ = ticked(gone, "2026-11-26 09:05")
    (lead,) = [clock for clock in after.clocks if clock.kind == "lead"]

    assert (lead.state, lead.followed_up, lead.stopped_at) == ("met", False, at("2026-11-24 09:00"))


def test_a_clock_that_only_leaving_the_stage_stops() -> None:
    started, _ = ticked(in_sales("ada", stage="maql"), "2026-11-23 10:01")
    called, _ = ticked(replace(started, touches=(a_call("ada", "2026-11-23 11:00"),)), "2026-11-23 11:05")

    assert ended(called, "maql_review") == [("open", None)]


def test_a_condition_that_holds_without_any_attempt_meets_the_clock_now() -> None:
    clocks = {
        "mql_follow_up": replace(RULES.sla.clocks["mql_follow_up"], met_when=conditions.Test("country", "equals", "de"))
    }
    after, _ = ticked(in_sales(), "2026-11-23 10:01", rulebook=rules_with(sla_clocks=clocks))

    assert ended(after, "mql_follow_up") == [("met", None)]


def test_a_clock_waits_while_its_condition_holds_from_when_the_record_was_edited() -> None:
    fields = {"disposition": "Callback agreed"}
    started, _ = ticked(in_sales(fields={"disposition": None}), "2026-11-23 10:01")
    record = started.records[0]

    def edited(when: str, **values: Any) -> Situation:
        return replace(started, records=(record._replace(fields={**record.fields, **values}, modified_at=at(when)),))

    paused, first = ticked(edited("2026-11-23 12:00", **fields), "2026-11-23 12:30")
    assert running(paused, "mql_follow_up", "lead").paused_since == at("2026-11-23 12:00")
    assert decided(paused, "2026-11-23 13:00").clocks == ()
    back = replace(paused, records=edited("2026-11-23 14:00", disposition=None).records)
    resumed, _ = ticked(back, "2026-11-23 14:30")
    clock = running(resumed, "mql_follow_up", "lead")
    assert (clock.due_at, clock.paused_minutes) == (at("2026-11-25 12:00"), 120)
    assert first.state.wake_at is None  # time alone changes nothing while it waits


def test_a_condition_on_more_than_the_record_pauses_from_now_on() -> None:
    rule = replace(RULES.sla.clocks["mql_follow_up"], met_when=None, paused_when=conditions.Test("answered", "yes"))
    rules = rules_with(sla_clocks={"mql_follow_up": rule})
    touches = (a_call("boss", "2026-11-23 10:20"), a_touch("replied", "2026-11-23 10:30"))
    paused, _ = ticked(in_sales(touches=touches), "2026-11-23 12:30", rulebook=rules)

    assert running(paused, "mql_follow_up", "lead").paused_since == at("2026-11-23 12:30")


def test_every_rung_is_told_once_and_the_late_ones_are_marked() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    overdue, decision = ticked(started, "2026-11-25 10:30")
    again = decided(overdue, "2026-11-25 10:31")

    assert told(decision) == [
        ("mql_follow_up 0", "005-emil"),
        ("mql_follow_up 1", "005-greta"),
        ("mql_follow_up 1", "sales_floor"),
    ]
    assert told(again) == []
    assert {c.state for c in overdue.clocks} == {"breached"}


def test_the_ladder_ends_in_another_owner_and_the_breach_stays_with_the_old_one() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    overdue, decision = ticked(started, "2026-11-26 10:01")
    owner = [(c.owner_id, c.state, c.void_reason) for c in overdue.clocks if c.kind == "owner"]

    assert decision.assignment is not None
    assert decision.assignment.door.startswith("sla:")
    assert written(decision)["owner"] == "005-frieda"
    assert ("005-emil", "breached", "reassigned") in owner
    assert ("005-frieda", "open", None) in owner
    assert ("assigned", "005-frieda") in told(decision)
    assert told(decision).count(("mql_follow_up 1", "005-greta")) == 1
    assert ended(overdue, "mql_follow_up") == [("breached", None)]


def test_a_former_owner_who_gets_the_person_back_has_his_clock_go_on() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")

    def given(situation: Situation, to: str, when: str) -> Situation:
        record = situation.records[0]._replace(owner_id=f"005-{to}")
        return replace(situation, records=(record,), owners=(*situation.owners, owned("greta", to, when)))

    away, _ = ticked(given(started, "frieda", "2026-11-23 14:00"), "2026-11-23 14:01")
    assert {(c.owner_id, c.state, c.stopped_at) for c in away.clocks if c.kind == "owner"} == {
        ("005-emil", "void", at("2026-11-23 14:00")),
        ("005-frieda", "open", None),
    }
    back, _ = ticked(given(away, "emil", "2026-11-23 16:00"), "2026-11-23 16:01")
    assert running(back, "mql_follow_up", "owner").due_at == at("2026-11-25 12:00")


def test_clocks_of_the_excluded_and_of_twins_are_void_and_run_again_afterwards() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    twin = replace(started, twins=(a_twin(a_record("mql", ref=CONTACT), "mql"),))
    excluded = replace(started, records=(started.records[0]._replace(fields={"email": "x@acme.example"}),))

    for stopped, reason in ((twin, "twin"), (excluded, "excluded")):
        void, _ = ticked(stopped, "2026-11-23 12:00")
        assert {(c.state, c.void_reason) for c in void.clocks} == {("void", reason)}
        back, _ = ticked(replace(void, twins=(), records=started.records), "2026-11-23 14:00")
        assert running(back, "mql_follow_up", "lead").due_at == at("2026-11-25 12:00")
        assert running(back, "mql_follow_up", "owner").void_reason is None


def test_clocks_of_a_record_that_is_gone_tick_for_nobody() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    for state in ("deleted", "out_of_scope"):
        gone = replace(started, records=(started.records[0]._replace(state=state, stamp=at("2026-11-24 09:00")),))
        void, decision = ticked(gone, "2026-11-27 09:00")
        assert {(c.state, c.void_reason, c.stopped_at) for c in void.clocks} == {
            ("void", state, at("2026-11-24 09:00"))
        }
        assert (decision.effects, decision.state.wake_at) == ((), None)
        back, _ = ticked(replace(void, records=started.records), "2026-11-27 10:00")
        assert running(back, "mql_follow_up", "lead").state == "open"


def test_a_stay_that_was_put_back_has_a_void_clock_and_a_real_one_later_starts_afresh() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    restored = replace(
        started,
        records=(started.records[0]._replace(stage_value="Inquiry"),),
        transitions=(
            *started.transitions,
            moved("mql", "inquiry", "2026-11-23 10:05", correction=True, verdict="legal"),
        ),
    )
    corrected, _ = ticked(restored, "2026-11-23 10:06")
    again = replace(
        corrected,
        records=started.records,
        transitions=(*restored.transitions, moved("inquiry", "mql", "2026-11-24 09:00", verdict="legal")),
    )
    fresh, _ = ticked(again, "2026-11-24 09:01")

    assert ended(corrected, "mql_follow_up") == [("void", "corrected")]
    assert running(fresh, "mql_follow_up", "lead").due_at == at("2026-11-26 09:00")


def test_a_clock_whose_rule_is_gone_counts_for_nobody() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    after, _ = ticked(started, "2026-11-23 11:00", rulebook=rules_with(sla_clocks={}))

    assert {(c.state, c.void_reason) for c in after.clocks} == {("void", "its rule is gone")}


def test_an_edited_target_moves_the_clocks_that_run() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    longer = replace(RULES.sla.clocks["mql_follow_up"], target=Duration(72 * 3600, "elapsed"))
    after, _ = ticked(started, "2026-11-23 11:00", rulebook=rules_with(sla_clocks={"mql_follow_up": longer}))

    assert {c.due_at for c in after.clocks} == {at("2026-11-26 10:00")}
    shorter = replace(longer, ladder=longer.ladder[:1])
    cut, _ = ticked(started, "2026-11-23 11:00", rulebook=rules_with(sla_clocks={"mql_follow_up": shorter}))
    assert {len(c.rung_times) for c in cut.clocks} == {0, 1}


def test_an_owner_away_for_longer_than_what_is_left_is_relieved_at_once() -> None:
    started, _ = ticked(in_sales(), "2026-11-23 10:01")
    directory = a_directory(away=["emil"])

    def with_rule(when_away: Any) -> object:
        clocks = {"mql_follow_up": replace(RULES.sla.clocks["mql_follow_up"], when_away=when_away)}
        return rules_with(sla_clocks=clocks)

    relieved = decided(started, "2026-11-23 12:00", directory=directory)
    assert relieved.assignment is not None
    assert relieved.assignment.door.endswith(":away")
    assert written(relieved)["owner"] == "005-frieda"
    waits, _ = ticked(started, "2026-11-23 12:00", directory=directory, rulebook=with_rule("wait"))
    assert running(waits, "mql_follow_up", "owner").paused_since == at("2026-11-23 12:00")
    assert running(waits, "mql_follow_up", "lead").paused_since is None
    assert decided(started, "2026-11-23 12:00", directory=directory, rulebook=with_rule("run")).assignment is None


def test_a_planned_absence_is_looked_at_when_it_begins() -> None:
    pool = RULES.routing.pools["dach_sales"]
    away = tuple(
        replace(m, absences=(Absence("2026-11-24", "2026-12-24"),)) if "emil" in m.user else m for m in pool.members
    )
    routing = replace(RULES.routing, pools={**RULES.routing.pools, "dach_sales": replace(pool, members=away)})
    started, decision = ticked(in_sales(), "2026-11-23 10:01", rulebook=replace(RULES, routing=routing))

    assert decision.state.wake_at == at("2026-11-23 23:00")
    assert decided(started, "2026-11-23 23:00", rulebook=replace(RULES, routing=routing)).assignment is not None


def test_a_raised_hand_has_a_clock_from_the_touch_that_goes_on_through_a_move() -> None:
    touch = a_touch("contact_me", "2026-11-23 09:00")
    record = a_record("inquiry", owner="ada")
    situation = a_situation(record, born(), touches=(touch,))
    first = decided(situation, "2026-11-23 09:01")
    after = and_then(situation, first, "2026-11-23 09:02")
    second = decided(after, "2026-11-23 09:03")

    assert clock_of(first, "hand_raiser", "lead").due_at == at("2026-11-23 10:00")
    assert [c for c in second.clocks if c.rule == "hand_raiser" and c.kind == "lead"] == []
    late = replace(after, clocks=clocks_after(after, second))
    assert any(what == "hand_raiser 1" for what, _ in told(decided(late, "2026-11-23 10:30")))


def test_a_hand_that_nobody_answers_stops_counting_in_remarket() -> None:
    touch = a_touch("contact_me", "2026-11-23 09:00")
    started, _ = ticked(in_sales(touches=(touch,), since="2026-11-23 08:00"), "2026-11-23 09:01")
    recycled = replace(
        started,
        records=(started.records[0]._replace(stage_value="Re-Market"),),
        transitions=(*started.transitions, moved("mql", "remarket", "2026-11-23 09:30", by="emil", verdict="legal")),
    )
    after, _ = ticked(recycled, "2026-11-23 09:31")

    assert {c.state for c in after.clocks if c.rule == "hand_raiser"} == {"met"}
    raised_again = replace(after, touches=(touch, a_touch("contact_me", "2026-11-23 09:40")))
    assert [
        c for c in decided(raised_again, "2026-11-23 09:41", kinds=frozenset()).clocks if c.rule == "hand_raiser"
    ] == []
    sal = replace(
        started, transitions=(*started.transitions, moved("mql", "sal", "2026-11-23 09:30", by="emil", verdict="legal"))
    )
    sal = replace(
        sal,
        records=(sal.records[0]._replace(stage_value="SAL"),),
        touches=(touch, a_touch("contact_me", "2026-11-23 09:20")),
    )
    both, _ = ticked(sal, "2026-11-23 09:41")
    assert len([c for c in both.clocks if c.rule == "hand_raiser" and c.stopped_at is None]) == 4


def test_stays_open_at_going_live_have_clocks_without_rungs() -> None:
    adopted = a_situation(a_record("mql", owner="emil"), born("mql", "2025-11-23 09:00", verdict="adopted"))
    after, decision = ticked(adopted, "2026-11-25 10:00")

    assert [(c.kind, c.state, c.rung_times) for c in after.clocks] == [("lead", "backlog", ())]
    assert decision.effects == ()
    assert decided(adopted, go_live_at=None).clocks == ()
    left = replace(
        after,
        records=(after.records[0]._replace(stage_value="SAL"),),
        transitions=(*after.transitions, moved("mql", "sal", "2026-11-25 11:00", by="emil", verdict="legal")),
    )
    gone, _ = ticked(left, "2026-11-25 11:05")
    assert ended(gone, "mql_follow_up") == [("backlog", None)]


def test_mass_changes_and_owners_on_paper_start_no_clock_of_theirs() -> None:
    mass = in_sales()
    mass = replace(mass, transitions=(mass.transitions[0], replace(mass.transitions[1], bulk_id="b1")))

    assert decided(mass, "2026-11-23 10:01").clocks == ()
    paper, _ = ticked(in_sales("house"), "2026-11-23 10:01", kinds=frozenset())
    assert {clock.kind for clock in paper.clocks} == {"lead"}


def test_of_two_clocks_that_a_merge_brings_together_the_earlier_goes_on() -> None:
    loser_ref = a_ref(record_id="00Q-2")
    winner, _ = ticked(in_sales(since="2026-11-24 10:00"), "2026-11-24 10:01")
    loser, _ = ticked(replace(in_sales(), person_id="p2"), "2026-11-23 10:01")
    gone = a_record(None, ref=loser_ref, state="merged", merged_into=LEAD.id, stamp=at("2026-11-24 12:00"))
    together = replace(winner, records=(*winner.records, gone), clocks=(*winner.clocks, *loser.clocks))
    after, _ = ticked(together, "2026-11-24 12:05")

    assert running(after, "mql_follow_up", "lead").due_at == at("2026-11-25 10:00")
    assert sorted(ended(after, "mql_follow_up"), key=str) == [("open", None), ("void", "merged")]
    assert decided(after, "2026-11-24 12:06").clocks == ()


def test_the_clock_of_a_merged_row_goes_on_until_and_after_its_stage_is_written() -> None:
    loser_ref = a_ref(record_id="00Q-2")
    loser, _ = ticked(replace(in_sales(), person_id="p2"), "2026-11-23 10:01")
    gone = a_record(
        None, ref=loser_ref, owner="emil", state="merged", merged_into=LEAD.id, stamp=at("2026-11-24 12:00")
    )
    moves = (
        born(),
        born("inquiry", ref=loser_ref),
        moved("inquiry", "mql", "2026-11-23 10:00", ref=loser_ref, verdict="legal"),
    )
    together = a_situation((a_record("inquiry", owner="emil"), gone), *moves, clocks=loser.clocks)
    decision = decided(together, "2026-11-24 12:05")
    after = and_then(together, decision, "2026-11-24 12:06")
    later, _ = ticked(after, "2026-11-24 12:07")

    assert written(decision)["stage"] == "MQL"
    assert running(later, "mql_follow_up", "lead").due_at == at("2026-11-25 10:00")
    assert later.clocks != ()


def a_ladder(*rungs: Rung, rule: str = "sal_worked", **law: Any) -> object:
    clock = replace(RULES.sla.clocks[rule], target=Duration(3600, "elapsed"), ladder=rungs)
    rules = rules_with(sla_clocks={rule: clock}, **law)
    return replace(rules, law=replace(rules.law, automatic=()))


def test_a_ladder_recycles_only_with_the_attempts_and_without_an_answer() -> None:
    rules = a_ladder(Rung(1.0, (), "recycle"))
    calls = tuple(a_call("otto", f"2026-11-23 10:0{n}") for n in (1, 2, 3))

    def recycled(*touches: object, rulebook: object = rules) -> object:
        started, _ = ticked(in_sales(stage="sal", touches=touches), "2026-11-23 10:10", rulebook=rulebook)
        return written(decided(started, "2026-11-23 11:01", rulebook=rulebook)).get("stage")

    assert recycled(*calls) == "Re-Market"
    assert recycled(*calls[:2]) is None
    assert recycled(*calls, a_touch("replied", "2026-11-23 10:30")) is None
    unneeding = {**RULES.law.classes, "no_response": ReasonClass("no_response", "remarket")}
    assert recycled(rulebook=a_ladder(Rung(1.0, (), "recycle"), law_classes=unneeding)) == "Re-Market"
    assert recycled(*calls, rulebook=a_ladder(Rung(1.0, (), "recycle"), law_reasons={})) is None


def test_a_ladder_that_cannot_recycle_goes_on_to_its_next_act() -> None:
    rules = a_ladder(Rung(1.0, (), "recycle"), Rung(1.0, (), "reassign"))
    started, _ = ticked(in_sales(stage="sal"), "2026-11-23 10:01", rulebook=rules)

    assert decided(started, "2026-11-23 11:01", rulebook=rules).assignment is not None


def test_an_act_whose_time_came_with_a_move_is_done_afterwards() -> None:
    rules = a_ladder(Rung(1.0, (), "reassign"))
    started, _ = ticked(in_sales(stage="sal"), "2026-11-23 10:01", rulebook=rules)
    misrouted = replace(
        started, records=(started.records[0]._replace(fields={"misrouted": True, "email": "a@b.example"}),)
    )
    after, decision = ticked(misrouted, "2026-11-23 11:01", rulebook=rules)

    assert decision.assignment is not None
    assert decision.assignment.door.startswith("misrouted:")
    assert all(clock.rungs_done == () for clock in after.clocks)


def test_a_task_is_made_for_the_owner_beside_what_is_told() -> None:
    rules = a_ladder(Rung(1.0, ("manager",), "crm_task"))
    started, _ = ticked(in_sales(stage="sal"), "2026-11-23 10:01", rulebook=rules)
    decision = decided(started, "2026-11-23 11:01", rulebook=rules)

    assert [(e.channel, e.recipient) for e in decision.effects if hasattr(e, "channel")] == [  # type: ignore[union-attr]
        ("email", "005-greta"),
        ("crm_task", "005-emil"),
    ]


def test_where_nobody_may_be_reassigned_the_ladder_just_ends() -> None:
    rules = a_ladder(Rung(1.0, (), "reassign"))
    started, _ = ticked(in_sales(stage="sal"), "2026-11-23 10:01", rulebook=rules)

    assert decided(started, "2026-11-23 11:01", rulebook=rules, kinds=frozenset({"notices"})).assignment is None


@given(st.lists(st.integers(1, 72 * 60), min_size=1, max_size=8, unique=True))
def test_however_often_somebody_looks_each_rung_is_told_once(minutes: list[int]) -> None:
    situation = in_sales()
    seen: list[str] = []
    for minute in sorted(minutes):
        when = at("2026-11-23 10:00") + timedelta(minutes=minute)
        decision = decided(situation, when, kinds=frozenset({"notices"}))
        situation = replace(situation, clocks=clocks_after(situation, decision))
        seen += [effect.effect_id for effect in decision.effects]

    assert len(seen) == len(set(seen))
    assert grounds().now == at("2026-11-25 10:00")
