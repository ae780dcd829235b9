"""Automatic moves are edge-triggered: a rule fires once for one reason, and a new rule for what happens from then on."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from building import (
    NOW,
    RULES,
    a_deal,
    a_record,
    a_situation,
    a_touch,
    and_then,
    at,
    born,
    decided,
    grounds,
    judged,
    moved,
    standing,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsync.domain.conditions import holds
from leadsync.domain.situation import Memory, Situation

RULE = "hundred points"
ADOPTED = at("2026-11-25 09:00")


def a_fit_lead(*moves: object, stage: str = "inquiry", **more: object) -> Situation:
    """A lead whose touches and title are worth more than 100 points."""
    touches = [a_touch("attended", "2026-11-24 09:00", channel="event", investment="high") for _ in range(6)]
    record = a_record(stage, title="CEO", industry="Manufacturing", employees=500)
    return replace(a_situation(record, *(moves or (born(stage),))), touches=tuple(touches), **more)  # type: ignore[arg-type]


def rule_of(situation: Situation, now: datetime = NOW, **more: object) -> str | None:
    move = decided(situation, now, **more).move
    return move.rule if move else None


# A rule that is written, or changed, while people fit it already


def test_a_new_rule_leaves_whoever_fitted_before_until_something_is_new() -> None:
    adopted = {RULE: ADOPTED}
    person = a_fit_lead()
    assert rule_of(person) == RULE

    before = decided(person, adopted=adopted)
    assert before.move is None
    assert f"{RULE}: they fitted before the rule was adopted, and nothing is new since" in before.reasons
    later = and_then(person, before, "2026-11-25 10:30")
    assert rule_of(later, at("2026-11-25 10:31"), adopted=adopted) is None
    assert any("fitted before" in why for why in decided(later, at("2026-11-25 10:31"), adopted=adopted).reasons)
    touched = replace(later, touches=(*later.touches, a_touch("downloaded", "2026-11-25 10:35")))
    assert rule_of(touched, at("2026-11-25 10:40"), adopted=adopted) == RULE


def test_a_new_rule_acts_on_whoever_came_or_did_something_since_its_adoption() -> None:
    adopted = {RULE: ADOPTED}
    newcomer = a_fit_lead(born("inquiry", "2026-11-25 09:30"))
    assert rule_of(newcomer, adopted=adopted) == RULE
    touched = a_fit_lead()
    touched = replace(touched, touches=(*touched.touches, a_touch("downloaded", "2026-11-25 09:30")))
    assert rule_of(touched, adopted=adopted) == RULE


def test_a_new_rule_acts_on_whoever_was_seen_not_to_fit_since_its_adoption() -> None:
    person = a_fit_lead(memory=Memory(decided_at=at("2026-11-25 09:30")))
    assert rule_of(person, adopted={RULE: ADOPTED}) == RULE


def test_whoever_was_held_back_when_a_rule_changed_is_moved_once_they_are_let_go() -> None:
    ready = {"ready again": at("2026-11-10 09:00")}
    cooling = a_fit_lead(born("mql"), judged(moved("mql", "remarket", "2026-09-20 09:00", by="emil")), stage="remarket")
    cooling = replace(
        cooling,
        records=(cooling.records[0]._replace(fields={**cooling.records[0].fields, "recycle_reason": "Timing"}),),
        touches=tuple(replace(touch, at=at("2026-11-05 09:00")) for touch in cooling.touches),
    )
    held = decided(cooling, at("2026-11-12 09:00"), adopted=ready)
    assert held.move is None
    assert any("held until" in why for why in held.reasons)
    later = and_then(cooling, held, "2026-11-12 09:01")
    assert rule_of(later, at("2026-11-20 09:00"), adopted=ready) == "ready again"


def test_a_rule_is_another_one_when_anything_of_it_differs_and_only_then() -> None:
    law = RULES.law
    named = law.definitions()
    assert named == law.definitions()
    hundred = next(rule for rule in law.automatic if rule.name == RULE)
    other = replace(law, automatic=(replace(hundred, froms=frozenset({"inquiry", "lal"})),))
    assert other.definitions()[RULE] != named[RULE]
    led_elsewhere = replace(law, qualified_to={"lead": "mql", "contact": "mql"})
    assert {name for name, text in led_elsewhere.definitions().items() if text != named[name]} == {RULE}


# Once for one reason


def test_whoever_was_brought_to_the_target_and_away_between_two_looks_is_not_sent_back() -> None:
    came = judged(moved("inquiry", "maql", "2026-11-25 09:10", by="pia"))
    went = judged(moved("maql", "inquiry", "2026-11-25 09:20", by="pia"))
    known = Memory(decided_at=at("2026-11-25 09:00"))
    between = a_fit_lead(born(), came, went, memory=known)

    assert rule_of(between) is None
    assert rule_of(replace(between, touches=(*between.touches, a_touch("downloaded", "2026-11-25 09:30")))) == RULE
    seen = replace(between, memory=Memory(decided_at=at("2026-11-25 09:30")))
    assert rule_of(seen) == RULE  # decided there since, and its condition was false then


EVENTS = ("touch", "strong touch", "raise hand", "out", "further", "to the target", "wait", "long wait", "deal", "look")
WATCHED = ("hundred points", "ready again", "hand raised", "deal opened")


@settings(max_examples=120, deadline=None)
@given(events=st.lists(st.tuples(st.sampled_from(EVENTS), st.booleans()), min_size=3, max_size=12))
def test_a_rule_never_fires_twice_without_its_condition_having_been_false_or_something_new(
    events: list[tuple[str, bool]],
) -> None:
    """What is `disarmed` is kept beside the product: a firing, or a person's taking out of the target, disarms."""
    person, now = a_fit_lead(), at("2026-11-25 10:00")
    disarmed: dict[str, datetime] = {}
    for event, look in events:
        now += timedelta(minutes=7)
        before = person
        person, now = _happens(event, person, now)
        if event in ("touch", "strong touch", "raise hand"):
            disarmed = {name: since for name, since in disarmed.items() if since >= now}
        if len(person.transitions) > len(before.transitions):
            left = person.transitions[-1].from_stage
            for name in WATCHED:
                if left in _targets(name):
                    disarmed[name] = now
                elif name in disarmed:
                    disarmed[name] = now  # only what comes after the person's move is new
        if not look and event != "look":
            continue
        now += timedelta(minutes=1)
        here = standing(person, now)
        for rule in RULES.law.automatic:
            if not holds(rule.when, here.facts):
                disarmed.pop(rule.name, None)
        decision = decided(person, now)
        if decision.move is not None and decision.move.rule in WATCHED:
            assert decision.move.rule not in disarmed, (events, disarmed, now)
            disarmed[decision.move.rule] = now
        now += timedelta(minutes=1)
        person = and_then(person, decision, now)
        person = replace(person, memory=replace(person.memory, decided_at=now - timedelta(minutes=1)))


def _targets(name: str) -> set[str]:
    law = RULES.law
    rule = next(rule for rule in law.automatic if rule.name == name)
    named = {"qualified_to": law.qualified_to, "reentry_to": law.reentry_to}
    return {named[rule.to]["lead"]} if rule.to in named else {rule.to}


def _happens(event: str, person: Situation, now: datetime) -> tuple[Situation, datetime]:
    when = f"{now:%Y-%m-%d %H:%M}"
    here = standing(person, now)
    stage = here.stage.name if here.stage else "inquiry"
    match event:
        case "touch" | "strong touch" | "raise hand":
            response = {"touch": "downloaded", "strong touch": "attended", "raise hand": "contact_me"}[event]
            channel = "event" if event == "strong touch" else "web"
            touch = a_touch(response, when, channel=channel, investment="high" if channel == "event" else "low")
            return replace(person, touches=(*person.touches, touch)), now
        case "out" | "further" | "to the target":
            wanted = {"out": "inquiry", "further": "lal", "to the target": "maql"}[event]
            if wanted == stage:
                return person, now
            move = judged(moved(stage, wanted, when, by="pia"))
            record = person.records[0]._replace(
                stage_value=move.to_value, version=f"v{when}", stamp=now, modified_at=now
            )
            return replace(person, records=(record,), transitions=(*person.transitions, move)), now
        case "wait":
            return person, now + timedelta(hours=5)
        case "long wait":
            return person, now + timedelta(days=120)
        case "deal":
            return replace(person, opportunities=(*person.opportunities, a_deal(created=when))), now
        case _:
            return person, now


@pytest.mark.parametrize("name", WATCHED)
def test_the_rules_that_the_property_watches_are_there(name: str) -> None:
    assert name in {rule.name for rule in grounds().law.automatic}
