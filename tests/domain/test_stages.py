"""The law on one move: legal, flagged, put back, redirected; and never a war with the person who insists."""

from dataclasses import replace
from typing import Any

import pytest
from building import LEAD, MAPPING, RULES, a_record, a_situation, born, grounds, moved, rules_with, standing

from leadsync.domain.stages import Case, Ruling, judge
from leadsync.domain.transitions import Transition

LAW = RULES.law


def a_case(move: Transition, *earlier: Transition, roles: tuple[str, ...] = ("sales",), **more: Any) -> Case:
    facts = standing(a_situation(a_record("inquiry"), born())).facts
    case = Case(
        move,
        earlier or (born("inquiry", "2026-01-15 09:00"),),
        roles,
        facts,
        True,
        True,
        False,
        False,
        grounds().days_after,
    )
    return replace(case, **more)


def ruled(move: Transition, *earlier: Transition, **more: Any) -> Ruling:
    return judge(a_case(move, *earlier, **more), LAW, MAPPING)


def verdict(ruling: Ruling) -> tuple[str, str | None]:
    return ruling.judgement.verdict, ruling.put_back.stage if ruling.put_back else None


def test_a_conversion_and_our_own_moves_are_legal() -> None:
    assert verdict(ruled(moved("inquiry", "sql", "2026-03-01 09:00", reason="converted"))) == ("legal", None)
    ours = ruled(moved("inquiry", "raw", "2026-03-01 09:00", by="leadsync", correction=True))
    assert (verdict(ours), ours.judgement.correction) == (("legal", None), True)


def test_a_value_that_no_list_has_is_unmapped_and_an_emptied_status_is_a_failure_on_a_lead_alone() -> None:
    assert verdict(ruled(moved("inquiry", None, "2026-03-01 09:00", to_value="On Fire"))) == ("unmapped", None)
    assert verdict(ruled(moved("inquiry", None, "2026-03-01 09:00"))) == ("unmapped", None)
    old = ruled(moved("inquiry", None, "2026-03-01 09:00", to_value="Working - Contacted"))
    assert (verdict(old), "lal should take its place" in old.judgement.why) == (("unmapped", None), True)
    contact = replace(LEAD, object="contact")
    assert verdict(ruled(moved("inquiry", None, "2026-03-01 09:00", ref=contact))) == ("flagged", None)


def test_the_first_stage_needs_no_edge_unless_it_is_an_import() -> None:
    birth = moved(None, "inquiry", "2026-03-01 09:00")

    def first(**more: Any) -> Ruling:
        return judge(replace(a_case(birth), earlier=(), **more), LAW, MAPPING)

    assert verdict(first()) == ("legal", None)
    assert verdict(first(imported=True)) == ("redirected", "raw")
    assert verdict(first(imported=True, enforced=False)) == ("flagged", None)
    assert verdict(first(imported=True, latest=False)) == ("flagged", None)


def test_an_import_stays_inquiry_where_the_law_knows_no_raw() -> None:
    law = replace(LAW, stages={name: stage for name, stage in LAW.stages.items() if name != "raw"})
    case = replace(a_case(moved(None, "inquiry", "2026-03-01 09:00")), earlier=(), imported=True)

    assert verdict(judge(case, law, MAPPING)) == ("legal", None)


def test_pulling_forward_is_legal_and_says_how_many_stages_it_skipped() -> None:
    assert verdict(ruled(moved("inquiry", "lal", "2026-03-01 09:00"), roles=("ldr",))) == ("legal", None)
    skipped = ruled(moved("inquiry", "sal", "2026-03-01 09:00"))
    assert skipped.judgement.why == "skipped 3"
    assert (
        ruled(moved("maql", "inquiry", "2026-03-01 09:00"), roles=("marketing",)).judgement.why == "an edge of the law"
    )


def test_what_came_from_outside_the_funnel_may_go_anywhere() -> None:
    assert verdict(ruled(moved(None, "sal", "2026-03-01 09:00", from_value="On Fire"))) == ("legal", None)
    assert verdict(ruled(replace(moved("inquiry", "sal", "2026-03-01 09:00"), from_stage="none"))) == ("legal", None)


def test_an_edge_that_asks_for_something_flags_the_move_and_asks_for_it() -> None:
    lacking = ruled(moved("sal", "remarket", "2026-03-01 09:00"))

    assert (verdict(lacking), lacking.missing) == (("flagged", None), ("reason",))


def test_nobody_known_on_an_edge_for_some_is_legal_and_noted() -> None:
    ruling = ruled(moved("lal", "mql", "2026-03-01 09:00", source="poll"), roles=("unknown",))

    assert (verdict(ruling), ruling.judgement.why) == (("legal", None), "actor unverified")


def test_an_illegal_move_is_put_back_once_and_then_left() -> None:
    first = moved("disqualified", "sql", "2026-03-01 09:00", by="emil")
    again = moved("disqualified", "sql", "2026-03-01 15:00", by="emil")
    much_later = moved("disqualified", "sql", "2026-03-02 09:00", by="emil")
    put_back = replace(first, verdict="reverted")
    restored = moved("sql", "disqualified", "2026-03-01 09:02", by="leadsync", correction=True, verdict="legal")

    assert verdict(ruled(first)) == ("reverted", "disqualified")
    insisted = ruled(again, born(), put_back, restored)
    assert (verdict(insisted), insisted.insisted) == (("flagged", None), True)
    assert verdict(ruled(much_later, born(), put_back, restored)) == ("reverted", "disqualified")


def test_an_edge_for_leadsync_alone_is_closed_to_everybody_who_is_not_known() -> None:
    polled = moved("disqualified", "sql", "2026-03-01 09:00", by=None, source="poll")

    assert verdict(ruled(polled, roles=("unknown",))) == ("flagged", None)
    assert ruled(polled, roles=("unknown",), settled=True).judgement.why == "actor unverified"


def test_a_flow_that_makes_a_move_again_after_it_was_put_back_is_left_and_told_of_once() -> None:
    first = moved("disqualified", "sql", "2026-03-01 09:00", by="emil", verdict="reverted")
    restored = moved("sql", "disqualified", "2026-03-01 09:02", by="leadsync", correction=True, verdict="legal")
    again = moved("disqualified", "sql", "2026-03-01 09:03", by="robo")
    taken_back = moved("sql", "disqualified", "2026-03-01 09:10", by="emil", verdict="legal")
    third = moved("disqualified", "sql", "2026-03-01 09:20", by="robo")

    insisted = ruled(again, born(), first, restored, roles=("automation",))
    assert (verdict(insisted), insisted.insisted) == (("flagged", None), True)
    told = ruled(third, born(), first, restored, replace(again, verdict="flagged"), taken_back, roles=("automation",))
    assert (verdict(told), told.insisted) == (("flagged", None), False)


def test_a_flow_is_told_of_too_where_the_edge_might_have_been_its_own() -> None:
    first = moved("mql", "inquiry", "2026-03-01 09:00", by="emil", verdict="redirected")
    restored = moved("inquiry", "remarket", "2026-03-01 09:02", by="leadsync", correction=True, verdict="legal")
    maql = moved("remarket", "maql", "2026-03-01 09:03", by="robo", verdict="legal")
    again = moved("maql", "inquiry", "2026-03-01 09:05", by="robo")

    insisted = ruled(again, born("mql"), first, restored, maql, roles=("automation",))
    assert (verdict(insisted), insisted.insisted) == (("flagged", None), True)


def test_without_a_window_of_its_own_a_policy_waits_a_day() -> None:
    law = replace(LAW, illegal=(replace(LAW.illegal[0], once_in=None),))
    put_back = moved("disqualified", "sql", "2026-03-01 09:00", by="emil", verdict="reverted")
    case = a_case(moved("disqualified", "sql", "2026-03-02 08:59", by="emil"), put_back)

    assert verdict(judge(case, law, MAPPING)) == ("flagged", None)


def test_what_was_reviewed_never_goes_back_to_inquiry() -> None:
    assert verdict(ruled(moved("sal", "inquiry", "2026-03-01 09:00", by="emil"))) == ("redirected", "remarket")
    polled = moved("sal", "inquiry", "2026-03-01 09:00", by=None, source="poll")
    assert verdict(ruled(polled, roles=("sales",))) == ("redirected", "remarket")


@pytest.mark.parametrize(
    ("hindrance", "more"),
    [
        ("before leadsync went live", {"enforced": False}),
        ("moved it on since", {"latest": False}),
        ("a conversion, a merge or an opportunity", {"settled": True}),
        ("who made it is not known", {"roles": ("sales", "automation")}),
    ],
)
def test_an_illegal_move_is_left_where_putting_back_would_do_harm(hindrance: str, more: dict[str, object]) -> None:
    ruling = ruled(moved("disqualified", "inquiry", "2026-03-01 09:00", by="emil"), **more)

    assert verdict(ruling) == ("flagged", None)
    assert hindrance in ruling.judgement.why


def test_a_mass_change_and_a_polled_move_are_not_reverted() -> None:
    assert verdict(ruled(moved("disqualified", "sql", "2026-03-01 09:00", bulk_id="b1"))) == ("flagged", None)
    assert verdict(ruled(moved("disqualified", "sql", "2026-03-01 09:00", source="poll"))) == ("flagged", None)


def test_a_move_without_a_policy_is_flagged_and_says_who_may_not_make_it() -> None:
    nobody = judge(a_case(moved("lal", "mql", "2026-03-01 09:00"), roles=()), replace(LAW, illegal=()), MAPPING)

    assert (verdict(nobody), nobody.judgement.why) == (
        ("flagged", None),
        "a user without a role may not make this move",
    )
    assert "no edge leads" in ruled(moved("raw", "remarket", "2026-03-01 09:00")).judgement.why


def test_a_call_result_in_the_status_goes_where_it_belongs_and_the_stage_stays_if_it_was_further() -> None:
    def left_vmail(*earlier: Transition, **more: Any) -> tuple[str, str | None]:
        return verdict(ruled(moved(None, None, "2026-03-01 09:00", to_value="Left Vmail"), *earlier, **more))

    assert left_vmail(born("inquiry")) == ("redirected", "lal")
    assert left_vmail(born("sal")) == ("redirected", "sal")
    assert left_vmail(born("remarket")) == ("redirected", "lal")
    assert left_vmail(born(None)) == ("redirected", "lal")
    assert left_vmail(born("sal"), latest=False) == ("flagged", None)


def test_a_move_taken_back_by_the_same_user_within_a_quarter_of_an_hour_was_a_slip() -> None:
    there = moved("inquiry", "sal", "2026-03-01 09:00", by="emil")

    def back(when: str, by: str | None = "emil", **more: Any) -> bool:
        return ruled(moved("sal", "inquiry", when, by=by, **more), born(), there).judgement.correction

    assert back("2026-03-01 09:15")
    assert not back("2026-03-01 09:16")
    assert not back("2026-03-01 09:10", by="ada")
    assert not back("2026-03-01 09:10", source="poll")
    assert not back("2026-03-01 09:10", by=None)


def test_a_jump_that_legal_moves_could_have_made_is_coalesced() -> None:
    assert verdict(ruled(moved("inquiry", "sql", "2026-03-01 09:00", coalesced=True))) == ("coalesced", None)
    assert verdict(ruled(moved(None, "sql", "2026-03-01 09:00", coalesced=True, from_value="On Fire"))) == (
        "coalesced",
        None,
    )
    stuck = rules_with(law_edges=()).law
    assert verdict(judge(a_case(moved("inquiry", "sql", "2026-03-01 09:00", coalesced=True)), stuck, MAPPING)) == (
        "flagged",
        None,
    )
