"""A lead becomes a contact, or part of another row: the stage is carried over, and collisions follow the law."""

from dataclasses import replace
from typing import Any

import pytest
from building import (
    CONTACT,
    LEAD,
    RULES,
    a_deal,
    a_record,
    a_ref,
    a_situation,
    and_then,
    at,
    born,
    decided,
    moved,
    rules_with,
    standing,
    written,
)

from leadsync.domain.conversion import conversion_move, merge_move
from leadsync.domain.situation import Situation

CONVERTED = at("2026-11-25 09:00")


def a_conversion(
    carried: str | None = "mql",
    contact: str | None = None,
    *,
    since: str = "2026-01-10 09:00",
    by: str = "otto",
    **lead: Any,
) -> Situation:
    """Return a lead converted this morning, into a contact that is blank or has a stage of its own."""
    old = a_record(
        None,
        owner="emil",
        state="converted",
        converted_to=CONTACT.id,
        stage_value="Closed - Converted",
        **lead,
    )
    row = moved(carried, contact, "2026-11-25 09:00", ref=CONTACT, reason="converted", by=by)
    own = (born(contact, since, ref=CONTACT),) if contact else ()
    return a_situation(
        (old, a_record(contact, ref=CONTACT, owner="emil")),
        *((born(carried),) if carried else ()),
        *own,
        row,
    )


def goal(situation: Situation, **more: Any) -> str | None:
    move = conversion_move(standing(situation, **more))
    return move.stage if move else None


def test_without_an_opportunity_the_contact_has_the_stage_the_lead_had() -> None:
    assert goal(a_conversion("inquiry")) == "inquiry"
    assert goal(a_conversion("mql")) == "mql"
    assert goal(a_conversion(None)) is None


def test_with_an_opportunity_it_is_sql_whoever_made_it() -> None:
    assert goal(a_conversion("inquiry", converted_opportunity_id="006-1")) == "sql"
    assert goal(replace(a_conversion("inquiry"), opportunities=(a_deal(),))) == "sql"


def test_a_lead_that_waits_for_its_owner_and_is_converted_by_him_is_accepted() -> None:
    assert goal(a_conversion("mql", by="emil")) == "sal"
    assert goal(a_conversion("maql", by="emil")) == "maql"
    unsaid = rules_with(law_conversion=replace(RULES.law.conversion, handoff_by_owner=None))
    assert goal(a_conversion("mql", by="emil"), rulebook=unsaid) == "mql"


def test_a_stage_named_for_every_conversion_or_for_its_value_goes_first() -> None:
    always = rules_with(law_conversion=replace(RULES.law.conversion, without_opportunity="inquiry"))
    explicit = a_conversion("inquiry")
    explicit = replace(
        explicit, records=(explicit.records[0]._replace(stage_value="Converted - SQL"), explicit.records[1])
    )

    assert goal(a_conversion("maql"), rulebook=always) == "inquiry"
    assert goal(explicit) == "sql"


def test_a_contact_with_a_stage_of_its_own_keeps_it_and_the_collision_is_logged() -> None:
    for stage in ("remarket", "mql"):
        situation = a_conversion("inquiry", stage)
        assert goal(situation) is None
        assert f"legal: collision: the contact had {stage}, the lead inquiry; keep" in decided(situation).reasons
    assert not any("collision" in reason for reason in decided(a_conversion("inquiry")).reasons)
    assert any("the lead none; keep" in reason for reason in decided(a_conversion(None, "mql")).reasons)


@pytest.mark.parametrize(
    ("policy", "carried", "contact", "since", "stage"),
    [
        ("furthest", "mql", "inquiry", "2026-01-10 09:00", "mql"),
        ("furthest", "inquiry", "mql", "2026-01-10 09:00", None),
        ("newest", "inquiry", "mql", "2026-01-10 09:00", "inquiry"),
        ("newest", "inquiry", "mql", "2026-03-10 09:00", None),
        ("newest", None, "mql", "2026-01-10 09:00", None),
        ("keep", "sal", "mql", "2026-01-10 09:00", None),
    ],
)
def test_a_collision_is_settled_as_the_law_has_it(
    policy: Any, carried: str | None, contact: str, since: str, stage: str | None
) -> None:
    rules = rules_with(law_conversion=replace(RULES.law.conversion, collision=policy))

    assert goal(a_conversion(carried, contact, since=since), rulebook=rules) == stage


def test_what_a_person_made_of_the_contact_since_stands() -> None:
    situation = a_conversion("mql")
    emptied = replace(
        situation,
        transitions=(
            *situation.transitions,
            moved(None, "mql", "2026-11-25 09:05", ref=CONTACT, by="leadsync"),
            moved("mql", None, "2026-11-25 09:20", ref=CONTACT, by="emil"),
        ),
    )

    assert goal(emptied) is None


def test_a_conversion_before_going_live_and_one_that_nothing_tells_of_carry_nothing() -> None:
    assert goal(a_conversion(), go_live_at=at("2026-11-25 09:30")) is None
    assert goal(a_situation(a_record(None, ref=CONTACT))) is None
    orphan = a_conversion()
    assert goal(replace(orphan, records=orphan.records[1:])) is None


def test_a_contact_whose_stage_cannot_be_written_stays_blank() -> None:
    assert goal(a_conversion("mql"), rulebook=rules_with(crm_value_of_stage={})) is None


def test_the_stay_and_its_clocks_go_on_through_a_conversion() -> None:
    lead = a_record("mql", owner="emil", created_at=at("2026-11-24 10:00"))
    before = a_situation(lead, born("mql", "2026-11-24 10:00"))
    waiting = and_then(before, decided(before, "2026-11-24 10:05"), "2026-11-24 10:06")
    converted = a_conversion("mql")
    between = replace(
        waiting,
        records=converted.records,
        transitions=(*waiting.transitions, *(m for m in converted.transitions if m.reason == "converted")),
    )
    decision = decided(between, "2026-11-25 09:01")
    after = and_then(between, decision, "2026-11-25 09:02")
    later = decided(after, "2026-11-25 09:03")

    assert decision.clocks == ()
    assert written(decision)["stage"] == "MQL"
    assert standing(after).stay.entered_at == at("2026-11-24 10:00")
    assert [clock.stopped_at for clock in later.clocks if clock.kind == "lead"] == []


def merged(stage: str | None, loser: str, **more: Any) -> Situation:
    gone = a_record(
        None, ref=a_ref(record_id="00Q-2"), state="merged", merged_into=LEAD.id, stamp=at("2026-11-25 09:00")
    )
    moves = (born(stage), born(loser, ref=gone.ref)) if stage else (born(loser, ref=gone.ref),)
    return a_situation((a_record(stage, owner="emil"), gone), *moves, **more)


def merge_goal(situation: Situation, **more: Any) -> str | None:
    move = merge_move(standing(situation, **more))
    return move.stage if move else None


def test_of_two_rows_that_become_one_the_furthest_stage_wins() -> None:
    assert merge_goal(merged("inquiry", "mql")) == "mql"
    assert merge_goal(merged("sal", "mql")) is None
    assert merge_goal(merged("inquiry", "mql"), rulebook=rules_with(law_merge="keep")) is None
    assert merge_goal(a_situation(a_record("inquiry"), born())) is None


def test_a_merge_promotes_nobody_past_a_hold_nor_against_a_move_made_since() -> None:
    moved_since = merged("inquiry", "mql")
    moved_since = replace(
        moved_since,
        transitions=(*moved_since.transitions, moved("maql", "inquiry", "2026-11-25 09:30", by="pia", verdict="legal")),
    )

    assert merge_goal(merged("remarket", "mql")) is None
    assert merge_goal(merged(None, "mql")) is None
    assert merge_goal(moved_since) is None
    assert merge_goal(merged("inquiry", "mql"), rulebook=rules_with(crm_value_of_stage={})) is None


def test_a_winner_that_nothing_is_known_of_takes_over_the_stage() -> None:
    situation = merged("inquiry", "mql")

    assert merge_goal(replace(situation, transitions=situation.transitions[1:])) == "mql"


def test_the_stage_that_a_merge_wrote_to_the_winner_is_flagged_for_people_to_look_at() -> None:
    situation = merged("inquiry", "mql")
    decision = decided(situation)
    after = and_then(situation, decision, "2026-11-25 10:01")

    [judgement] = decided(after, "2026-11-25 10:02").judgements

    assert written(decision)["stage"] == "MQL"
    assert (judgement.verdict, judgement.actor_roles) == ("flagged", ("leadsync",))
    assert "merged" in judgement.why
