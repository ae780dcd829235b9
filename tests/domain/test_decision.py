"""One decision on one person: pure, at most one write, and nothing for those who are none of our business."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from building import (
    CONTACT,
    GO_LIVE,
    LEAD,
    MAPPING,
    NOW,
    RULES,
    a_book,
    a_call,
    a_deal,
    a_directory,
    a_record,
    a_situation,
    a_touch,
    a_twin,
    and_then,
    assigned,
    at,
    born,
    decided,
    grounds,
    judged,
    moved,
    new_effects,
    owned,
    rules_with,
    standing,
    told,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.domain.births import DOUBT
from leadsync.domain.decision import Decision
from leadsync.domain.effects import WriteBack
from leadsync.domain.limits import Limit
from leadsync.domain.owners import is_covered
from leadsync.domain.plan import make_plan
from leadsync.domain.situation import OpenWrite, Situation
from leadsync.domain.sla import NoticeRule
from leadsync.domain.telling import people

STAGES = list(MAPPING.value_of_stage)
OWNERS = ["ada", "emil", "hugo", "house", "otto", "Unassigned Leads", "nobody", None]
RESPONSES = ["downloaded", "opened", "demo_request", "contact_me", "attended", "replied"]
REASONS = [None, *(reason.label for reason in RULES.law.reasons.values())]


@st.composite
def people_in_the_funnel(draw: st.DrawFn, *, adopted: bool = False) -> Situation:
    """Draw somebody with a past of legal and illegal moves, touches, follow-ups, deals and twins."""
    year = 2025 if adopted else 2026
    stages = draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=5))
    movers = draw(st.lists(st.sampled_from(["ada", "emil", "pia", "otto", "robo", None]), min_size=5, max_size=5))
    days = sorted(draw(st.lists(st.integers(1, 24), min_size=5, max_size=5, unique=True)))
    moves = []
    for index, (old, new) in enumerate(zip([None, *stages], stages, strict=False)):
        if old == new:
            continue
        verdict = "adopted" if adopted else draw(st.sampled_from(["legal", None]))
        moves.append(moved(old, new, f"{year}-11-{days[index]:02} 09:00", by=movers[index], verdict=verdict))
    fields: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "title": st.sampled_from(["CEO", "Gerente de Marketing", "Praktikant"]),
                "industry": st.sampled_from(["Manufacturing", "Mining"]),
                "employees": st.sampled_from([20, 500, 5000]),
                "country": st.sampled_from(["Germany", "USA", "Polska", "Japan"]),
                "recycle_reason": st.sampled_from(REASONS),
                "misrouted": st.booleans(),
                "source": st.sampled_from(["Web", "Purchased List", "Contact Form"]),
                "score": st.integers(0, 200),
                "email_opt_out": st.booleans(),
            },
        )
    )
    owner = draw(st.sampled_from(OWNERS))
    record = a_record(stages[-1], owner=owner, created_at=at(f"{year}-11-01 08:00"), **fields)
    touches = [
        a_touch(draw(st.sampled_from(RESPONSES)), f"{year}-11-{day:02} 12:00")
        for day in draw(st.lists(st.integers(1, 24), max_size=3))
    ]
    calls = [a_call("emil", f"{year}-11-{day:02} 15:00") for day in draw(st.lists(st.integers(1, 24), max_size=3))]
    deals = (
        ()
        if adopted
        else draw(st.sampled_from([(), (), (a_deal(),), (a_deal("lost", loss_reason="no_budget"),), (a_deal("won"),)]))
    )
    twins = draw(st.sampled_from([(), (), (a_twin(a_record("sal", ref=CONTACT, owner="emil"), "sal"),)]))
    return a_situation(record, *moves, touches=tuple(touches + calls), opportunities=deals, twins=twins)


@settings(max_examples=150)
@given(people_in_the_funnel())
def test_the_same_person_at_the_same_time_gets_the_same_decision(situation: Situation) -> None:
    assert decided(situation) == decided(situation)


@settings(max_examples=150)
@given(people_in_the_funnel())
def test_one_write_at_most_and_it_moves_only_where_the_law_lets_leadsync(situation: Situation) -> None:
    decision = decided(situation)
    values = written(decision)

    assert len({effect.effect_id for effect in decision.effects}) == len(decision.effects)
    if "stage" in values:
        move, here = decision.move, standing(situation).stage
        assert move is not None
        edges = [
            e
            for e in RULES.law.edges
            if here and here.name in e.froms and move.stage in e.tos and (not e.by or "leadsync" in e.by)
        ]
        assert move.correction or edges or here is None or here.role == "outside"


@settings(max_examples=150)
@given(people_in_the_funnel())
def test_once_the_wishes_have_come_true_the_same_instant_wishes_nothing_more(situation: Situation) -> None:
    now = NOW
    for _ in range(5):
        decision = decided(situation, now)
        after = and_then(situation, decision, now + timedelta(minutes=1))
        now += timedelta(minutes=2)
        situation = after
        if not written(decision):
            break
    last = decided(situation, now)

    assert [effect for effect in last.effects if isinstance(effect, WriteBack)] == []
    assert new_effects(last, decided(and_then(situation, last, now), now)) == []


@settings(max_examples=100)
@given(people_in_the_funnel(adopted=True))
def test_adopted_people_without_news_cause_nothing(situation: Situation) -> None:
    quiet = replace(situation, touches=tuple(touch for touch in situation.touches if touch.at < GO_LIVE))

    assert decided(quiet).effects == ()
    assert decided(quiet).assignment is None


@settings(max_examples=100)
@given(people_in_the_funnel())
def test_excluded_people_cause_nothing(situation: Situation) -> None:
    (record,) = situation.records
    excluded = replace(
        situation, records=(record._replace(fields={**record.fields, "email": "x@globex-rival.example"}),)
    )
    decision = decided(excluded)

    assert (decision.effects, decision.assignment, decision.move) == ((), None, None)


@settings(max_examples=150)
@given(people_in_the_funnel())
def test_nobody_in_a_routed_stage_is_left_without_an_owner_or_a_named_reason(situation: Situation) -> None:
    decision = decided(situation)
    here = standing(situation)
    target = RULES.law.stages[decision.move.stage] if decision.move else here.stage
    if target is None or not target.routed:
        return
    covered = is_covered(here.responsible_id, here.grounds.directory, MAPPING, RULES.routing)
    named = any(reason.startswith("not routed: ") for reason in decision.reasons)

    assert covered or named or decision.assignment is not None
    if decision.assignment is not None:
        assert decision.assignment.owner_id or decision.assignment.reason


@settings(max_examples=100)
@given(people_in_the_funnel())
def test_a_person_is_woken_later_and_never_at_once(situation: Situation) -> None:
    wake_at = decided(situation).state.wake_at

    assert wake_at is None or wake_at > NOW


def test_what_is_not_to_be_delivered_is_not_wished() -> None:
    situation = a_situation(a_record("inquiry"), born(), touches=(a_touch("contact_me", "2026-11-25 09:00"),))

    assert decided(situation, kinds=frozenset()).effects == ()
    assert decided(situation, go_live_at=None).effects == ()
    assert set(written(decided(situation, kinds=frozenset({"score"})))) <= {"score", "product"}
    assert told(decided(situation, kinds=frozenset({"lead_stage"}))) == []


def test_where_stages_are_not_delivered_nobody_is_moved_nor_routed_as_if_they_had_been() -> None:
    situation = a_situation(a_record("inquiry"), born(), touches=(a_touch("contact_me", "2026-11-25 09:00"),))
    decision = decided(situation, kinds=frozenset({"owner", "notices"}))

    assert (decision.move, decision.assignment) == (None, None)
    assert "assigned" not in [what for what, _ in told(decision)]
    assert "stages are not delivered" in decision.reasons
    assert decision.state.fired == {}


def test_while_a_write_of_unknown_fate_is_under_way_no_other_follows() -> None:
    situation = a_situation(
        a_record("inquiry"), born(), touches=(a_touch("demo_request", "2026-11-25 09:00"),),
        writes=(OpenWrite("e1", LEAD.id, "sent", {"score": 3}),),
    )  # fmt: skip

    assert written(decided(situation)) == {}


def test_a_raised_hand_is_more_urgent_than_a_stage_and_that_than_a_score() -> None:
    def priority(situation: Situation, **more: Any) -> str:
        (write,) = [e for e in decided(situation, **more).effects if isinstance(e, WriteBack)]
        return write.priority

    assert (
        priority(a_situation(a_record("inquiry"), born(), touches=(a_touch("contact_me", "2026-11-25 09:00"),)))
        == "hand_raiser"
    )
    assert (
        priority(a_situation(a_record("raw"), born("raw"), touches=(a_touch("downloaded", "2026-11-25 09:00"),)))
        == "stage"
    )
    assert (
        priority(a_situation(a_record("inquiry"), born(), touches=(a_touch("downloaded", "2026-11-25 09:00"),)))
        == "score"
    )
    assert priority(a_situation(a_record("mql", owner="house"), born("mql"))) == "owner"


def test_a_write_says_whether_the_law_lets_it_open_a_closed_lead() -> None:
    asked = a_touch("contact_me", "2026-11-25 09:00")

    def reopening(stage: str) -> bool:
        situation = a_situation(a_record(stage), born(stage), touches=(asked,))
        (write,) = [e for e in decided(situation).effects if isinstance(e, WriteBack)]
        assert write.values["stage"] == "MQL"
        return write.reopen

    assert reopening("disqualified")
    assert not reopening("inquiry")


def test_the_brief_and_the_notice_say_who_why_and_what_to_do() -> None:
    record = a_record("mql", owner="ada", company="Initrode")
    touch = a_touch("contact_me", "2026-11-25 09:00", text="Please call me")
    entered = moved("inquiry", "mql", "2026-11-25 09:30", verdict="legal")
    decision = decided(a_situation(record, born(), entered, touches=(touch,)))
    brief = str(written(decision)["brief"])

    assert "Follow up, then accept it or hand it back with a reason" in brief
    assert "They wrote: Please call me" in brief
    assert "Before you: Ada" in brief
    assert [what for what, _ in told(decision)][:1] != []
    unsaid = rules_with(sla_messages={k: v for k, v in RULES.sla.messages.items() if k != "assigned"})
    assert "brief" not in written(decided(a_situation(record, born(), entered), rulebook=unsaid))


def test_each_touch_of_the_person_gets_its_points_of_now() -> None:
    touches = (
        a_touch("demo_request", "2026-10-26 10:00"),
        a_touch("opened", "2026-11-25 09:00", channel="email"),
        a_call("emil", "2026-11-25 09:00"),
        a_touch("demo_request", "2026-11-25 09:00", retracted=True),
        a_touch("juggled", "2026-11-25 09:00"),
    )
    worths = {
        worth.touch_id: (worth.points, worth.strength)
        for worth in decided(a_situation(a_record(), born(), touches=touches)).touches
    }

    assert worths == {
        touches[0].touch_id: (15, "strong"),
        touches[1].touch_id: (0, "weak"),
        touches[2].touch_id: (None, "strong"),
        touches[4].touch_id: (None, "strong"),
    }


def test_a_doubtful_lead_is_woken_after_a_day_and_then_flagged_once() -> None:
    record = a_record("inquiry", owner="house", created_at=at("2026-11-25 09:00"))
    situation = a_situation(record, born("inquiry", "2026-11-25 09:00"))
    rules = rules_with(sla_notices={**RULES.sla.notices, "untouched": NoticeRule(("ops",), "reason_missing")})

    assert decided(situation).state.wake_at == at("2026-11-26 09:00")
    decision = decided(situation, "2026-11-26 09:00", rulebook=rules)
    assert any(reason.startswith("flagged: ") for reason in decision.reasons)
    assert told(decision) == [("untouched", "ops")]
    assert told(decided(situation, "2026-11-26 09:00")) == []


def test_the_birth_of_a_doubtful_lead_is_legal_for_a_day_and_flagged_from_then_on() -> None:
    record = a_record("inquiry", owner="house", created_at=at("2026-11-25 09:00"))
    new = a_situation(record, born("inquiry", "2026-11-25 09:00", verdict=None))

    def verdicts(situation: Situation, now: str) -> list[str]:
        return [judgement.verdict for judgement in decided(situation, now).judgements]

    assert verdicts(new, "2026-11-25 10:00") == ["legal"]
    assert verdicts(new, "2026-11-26 10:00") == ["flagged"]
    judged = a_situation(record, born("inquiry", "2026-11-25 09:00", why="a first stage"))
    assert verdicts(judged, "2026-11-26 08:59") == []
    decision = decided(judged, "2026-11-26 09:00")
    assert [(j.seq, j.verdict, j.why) for j in decision.judgements] == [(judged.transitions[0].seq, "flagged", DOUBT)]
    assert decision.reasons.count(f"flagged: {DOUBT}") == 1
    flagged = a_situation(record, born("inquiry", "2026-11-25 09:00", verdict="flagged", why=DOUBT))
    assert verdicts(flagged, "2026-11-27 09:00") == []
    assert f"flagged: {DOUBT}" in decided(flagged, "2026-11-27 09:00").reasons
    form = a_situation(record, judged.transitions[0], touches=(a_touch("downloaded", "2026-11-25 12:00"),))
    assert verdicts(form, "2026-11-26 10:00") == []


def test_a_score_that_will_be_worth_writing_and_a_bar_that_will_be_crossed_wake() -> None:
    touches = (a_touch("demo_request", "2026-11-24 10:00"),)
    fading = a_situation(a_record("inquiry", score=30), born(), touches=touches)
    recycled = a_situation(
        a_record("remarket", score=29, recycle_reason="Timing"),
        born("sql"),
        moved("sql", "remarket", "2026-11-20 09:00", by="emil", verdict="legal"),
        touches=touches,
    )

    assert decided(fading).state.wake_at is not None
    assert decided(recycled).state.wake_at is not None
    assert decided(recycled, rulebook=rules_with(law_basis="all")).state.wake_at is not None
    unknown = a_situation(a_record()._replace(stage_value="On Fire"), touches=touches)
    assert decided(unknown).state.wake_at is None
    exit_ = a_situation(a_record("disqualified"), born("disqualified"), touches=touches)
    assert decided(exit_).state.wake_at is not None


@pytest.mark.parametrize("stage", ["mql", "sql", "sal"])
def test_who_is_with_sales_already_and_asks_to_be_called_is_not_moved_but_answered(stage: str) -> None:
    situation = a_situation(
        a_record(stage, owner="emil"),
        born(stage, "2026-11-20 09:00"),
        touches=(a_touch("contact_me", "2026-11-25 09:00"),),
        assignments=(assigned("emil", "2026-11-20 09:00", f"{stage}#1"),),
        owners=(owned("leadsync", "emil", "2026-11-20 09:01"),),
    )
    decision = decided(situation)

    assert decision.move is None
    assert ("hand_raised_again", "005-emil") in told(decision)
    deal = replace(situation, opportunities=(a_deal(owner_id="005-hugo"),))
    assert ("hand_raised_in_deal", "005-hugo") in told(decided(deal))


def plan_of(
    *situations: Situation, limits: dict[str, Limit] | None = None, earlier: dict[str, int] | None = None
) -> Any:
    on = grounds()
    who = people(on.directory.users)
    limits = limits or {"normal": Limit(500, 5000)}
    return make_plan(situations, on, a_book(on), who, "ops", limits, {}, earlier or {})


def test_a_plan_holds_every_decision_and_refuses_a_group_that_runs_away() -> None:
    crowd = [
        replace(
            a_situation(
                a_record("raw", ref=replace(LEAD, id=f"00Q-{n}")), born("raw", ref=replace(LEAD, id=f"00Q-{n}"))
            ),
            person_id=f"p{n}",
            touches=(a_touch("downloaded", "2026-11-25 09:00", ref=replace(LEAD, id=f"00Q-{n}")),),
        )
        for n in range(4)
    ]
    plan = plan_of(*crowd, limits={"normal": Limit(500, 5000), "lead_stage": Limit(3, 100)})

    assert len(plan.decisions) == 4
    assert plan.held == {"lead_stage:first real touch": (4, 3)}
    assert plan.rulebook_hash == RULES.hash
    assert plan.charges == {}
    assert isinstance(plan.decisions[0], Decision)


def test_picks_of_one_plan_see_each_other() -> None:
    crowd = [
        replace(
            a_situation(
                a_record("maql", owner="house", ref=replace(LEAD, id=f"00Q-{n}")),
                born("maql", "2026-11-25 09:00", ref=replace(LEAD, id=f"00Q-{n}")),
            ),
            person_id=f"p{n}",
        )
        for n in range(2)
    ]
    plan = plan_of(*crowd)

    owners = [decision.assignment.owner_id for decision in plan.decisions]
    assert sorted(owners) == ["005-ada", "005-ada"] or len(set(owners)) == 2
    assert plan.charges != {}
    assert judged(born(), "flagged").verdict == "flagged"
    assert a_directory().own_user_id == "005-leadsync"
