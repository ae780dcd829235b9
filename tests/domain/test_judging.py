"""What the law says of a person's moves, and that a correction is carried out until it is seen."""

from dataclasses import replace
from typing import Any

from building import (
    CONTACT,
    LEAD,
    a_call,
    a_deal,
    a_record,
    a_ref,
    a_situation,
    a_touch,
    and_then,
    at,
    born,
    decided,
    grounds,
    judged,
    moved,
    rules_with,
    standing,
    told,
    written,
)

from leadsync.domain.effects import WriteBack
from leadsync.domain.funnel import Edge, IllegalMoves
from leadsync.domain.judging import actor_roles, judge_all
from leadsync.domain.situation import OpenWrite, Situation


def disqualified_and_back(*more_moves: Any, **more: Any) -> Situation:
    record = a_record("sql", owner="emil", recycle_reason="Competitor")
    return a_situation(
        record,
        born(),
        moved("inquiry", "disqualified", "2026-11-01 09:00", by="emil", verdict="legal"),
        moved("disqualified", "sql", "2026-11-25 09:00", by="emil"),
        *more_moves,
        **more,
    )


def test_a_rep_who_revives_a_disqualified_lead_is_put_back_and_told_why() -> None:
    decision = decided(disqualified_and_back())

    assert written(decision)["stage"] == "Disqualified"
    assert ("put_back", "005-emil") in told(decision)
    assert [j.verdict for j in decision.judgements] == ["reverted"]


def test_a_put_back_that_never_reached_the_crm_is_wished_for_again_and_told_once() -> None:
    situation = disqualified_and_back()
    first = decided(situation)
    lost = replace(and_then(situation, first, "2026-11-25 10:01"), records=situation.records)
    lost = replace(lost, transitions=lost.transitions[:-1])

    again = decided(lost, "2026-11-25 10:05")

    assert written(again) == written(first)
    assert again.judgements == ()
    assert told(again) == told(first)


def test_once_it_is_seen_the_stay_goes_on_and_nothing_more_is_wished() -> None:
    situation = disqualified_and_back()
    after = and_then(situation, decided(situation), "2026-11-25 10:01")
    decision = decided(after, "2026-11-25 10:02")

    assert "stage" not in written(decision)
    assert standing(after).stay.entered_at == at("2026-11-01 09:00")


def test_who_insists_is_left_alone_and_operations_hear_of_it_once() -> None:
    again = moved("disqualified", "sql", "2026-11-25 09:40", by="emil")
    situation = disqualified_and_back(
        moved("sql", "disqualified", "2026-11-25 09:30", by="leadsync", correction=True, verdict="legal"), again
    )
    situation = replace(
        situation,
        transitions=tuple(
            judged(m, "reverted") if m.at == at("2026-11-25 09:00") else m for m in situation.transitions
        ),
    )
    decision = decided(situation)

    assert "stage" not in written(decision)
    assert [what for what in told(decision) if what[0] == "insisted"] == [("insisted", "ops")]


def test_a_put_back_is_not_even_flagged_as_done_where_the_stage_cannot_be_written() -> None:
    rules = rules_with(crm_value_of_stage={"sql": "SQL"})
    decision = decided(disqualified_and_back(), rulebook=rules)

    assert [j.verdict for j in decision.judgements] == ["flagged"]
    assert "cannot be written" in decision.judgements[0].why


def closed_against_the_law() -> Situation:
    """A lead that a rep closed, which the CRM would have to open again."""
    record = a_record("disqualified", owner="emil", recycle_reason="Competitor", closed=True)
    return a_situation(record, born("mql"), moved("mql", "disqualified", "2026-11-25 09:00", by="emil"))


def test_what_the_crm_closed_is_put_back_only_where_an_edge_opens_it_again() -> None:
    revert = (IllegalMoves(frozenset(), frozenset({"disqualified"}), "revert"),)
    for edges in ((), (Edge(frozenset({"disqualified"}), frozenset({"mql"}), frozenset({"leadsync"})),)):
        left = decided(closed_against_the_law(), rulebook=rules_with(law_edges=edges, law_illegal=revert))
        assert [j.verdict for j in left.judgements] == ["flagged"]
        assert left.judgements[0].why.endswith("it is closed in the CRM, and no edge opens it again for mql")
        assert "stage" not in written(left)
        assert told(left) == []
        assert any("only an edge with reopen" in reason for reason in left.reasons)

    again = replace(edges[0], reopen=True)
    opened = decided(closed_against_the_law(), rulebook=rules_with(law_edges=(again,), law_illegal=revert))
    assert [j.verdict for j in opened.judgements] == ["reverted"]
    assert written(opened)["stage"] == "MQL"
    assert [effect.reopen for effect in opened.effects if isinstance(effect, WriteBack)] == [True]


def test_an_opportunity_a_conversion_or_a_merge_on_that_day_explains_a_move() -> None:
    def verdict(situation: Situation) -> str:
        return judge_all(standing(situation)).judgements[0].verdict

    merged = a_record(
        "mql", ref=a_ref(record_id="00Q-9"), state="merged", merged_into=LEAD.id, stamp=at("2026-11-25 08:00")
    )
    situation = disqualified_and_back()

    assert verdict(replace(situation, opportunities=(a_deal(created="2026-11-25 08:00"),))) == "flagged"
    assert verdict(replace(situation, records=(*situation.records, merged))) == "flagged"
    assert verdict(replace(situation, opportunities=(a_deal(created="2026-10-01 08:00"),))) == "reverted"
    assert verdict(replace(situation, opportunities=(a_deal(created="2026-11-25 08:00", deleted=True),))) == "reverted"


def test_a_list_import_becomes_raw_and_a_form_leads_it_out_again() -> None:
    record = a_record("inquiry", owner="house", source="Purchased List", created_at=at("2026-11-25 09:00"))
    situation = a_situation(record, born("inquiry", "2026-11-25 09:00", verdict=None))
    first = decided(situation)
    raw = and_then(situation, first, "2026-11-25 10:01")
    filled = replace(raw, touches=(a_touch("downloaded", "2026-11-25 11:00"),))

    assert written(first)["stage"] == "Raw"
    assert "stage" not in written(decided(raw, "2026-11-25 10:02"))
    assert written(decided(filled, "2026-11-25 11:05"))["stage"] == "Inquiry"
    assert standing(raw).stay.entered_at == record.created_at


def test_imports_are_known_by_source_by_creator_or_by_their_number() -> None:
    def verdict(record_source: str | None = None, creator: str | None = None, **more: Any) -> str:
        record = a_record(
            "inquiry", created_at=at("2026-11-25 09:00"), created_by=creator and f"005-{creator}", source=record_source
        )
        situation = a_situation(record, born("inquiry", "2026-11-25 09:00", verdict=None), **more)
        users = grounds().directory.users
        robot = replace(users["005-robo"], id="005-dataloader", username="dataloader@acme.example")
        directory = replace(grounds().directory, users={**users, robot.id: robot})
        return decided(situation, directory=directory).judgements[0].verdict

    assert verdict() == "legal"
    assert verdict("Trade Fair") == "legal"
    assert verdict("list import") == "redirected"
    assert verdict(creator="dataloader") == "redirected"
    assert verdict("Purchased List", creator="ada") == "legal"  # a rep made it by hand
    assert verdict("Purchased List", creator="pia") == "redirected"
    assert verdict(import_burst=True) == "redirected"
    assert verdict("Purchased List", touches=(a_touch("downloaded", "2026-11-25 09:30"),)) == "legal"


def test_a_call_result_moves_to_its_own_field_and_the_status_becomes_the_stage_it_names() -> None:
    record = a_record(None)._replace(stage_value="Left Vmail")
    situation = a_situation(record, born(), moved("inquiry", None, "2026-11-25 09:00", to_value="Left Vmail", by="ada"))
    values = written(decided(situation))

    assert (values["stage"], values["disposition"]) == ("LAL", "Left Vmail")


def test_actors_are_known_from_history_and_from_our_own_writes_alone() -> None:
    here = standing(a_situation(a_record(), born()))

    assert actor_roles(here, moved("inquiry", "lal", "2026-11-25 09:00", by="ada")) == ("ldr",)
    assert actor_roles(here, moved("inquiry", "lal", "2026-11-25 09:00", by="leadsync")) == ("leadsync",)
    assert actor_roles(here, moved("inquiry", "lal", "2026-11-25 09:00", by="ada", source="poll")) == ("unknown",)
    assert actor_roles(here, moved("inquiry", "lal", "2026-11-25 09:00", by=None)) == ("unknown",)
    in_our_name = moved("inquiry", "lal", "2026-11-25 09:00", by="leadsync", source="history")
    assert actor_roles(here, in_our_name) == ("automation",)


def test_the_reason_of_a_hand_back_is_kept_by_its_key() -> None:
    def reason(label: str | None, move_reason: str | None = None, to: str = "remarket") -> str | None:
        record = a_record(to, owner="emil", recycle_reason=label)
        move = moved("sal", to, "2026-11-25 09:00", by="emil", reason=move_reason)
        return decided(a_situation(record, born("sal"), move)).judgements[0].reason

    assert reason("No budget") == "no_budget"
    assert reason("No budget", "Timing") == "timing"
    assert reason(None, "converted") == "converted"
    assert reason(None) is None
    assert reason("No budget", to="sql") is None


def test_a_hand_back_for_want_of_an_answer_needs_the_attempts_that_make_it_one() -> None:
    record = a_record("remarket", owner="emil", recycle_reason="No response")
    moves = (
        born(),
        moved("inquiry", "sal", "2026-11-20 09:00", verdict="legal"),
        moved("sal", "remarket", "2026-11-25 09:00", by="emil"),
    )
    calls = tuple(a_call("emil", f"2026-11-2{day} 09:00") for day in (1, 2, 3))
    too_few = decided(a_situation(record, *moves, touches=calls[:2]))
    enough = decided(a_situation(record, *moves, touches=calls))
    unlived = decided(a_situation(record, moves[-1]))

    assert too_few.judgements[0].verdict == "flagged"
    assert ("reason_missing", "005-emil") in told(too_few)
    assert enough.judgements[0].verdict == "legal"
    assert unlived.judgements[0].verdict == "flagged"


def test_moves_of_a_mass_change_are_judged_and_left_alone() -> None:
    situation = disqualified_and_back()
    seq = situation.transitions[-1].seq
    decision = decided(replace(situation, in_bulk={seq: "bulk:1"}))

    assert decision.judgements[0].bulk_id == "bulk:1"
    assert "stage" not in written(decision)
    assert told(decision) == []


def test_a_mass_change_opens_no_door_and_starts_no_clock_from_the_first_decision_on() -> None:
    move = moved("inquiry", "mql", "2026-11-25 09:00", by="emil")
    situation = a_situation(a_record("mql"), born(), move)
    alone, together = decided(situation), decided(replace(situation, in_bulk={move.seq: "bulk:1"}))

    assert alone.assignment is not None
    assert alone.clocks
    assert together.assignment is None
    assert together.clocks == ()


def test_moves_of_another_row_are_judged_and_never_put_back() -> None:
    lead = a_record("sql", state="converted", converted_to=CONTACT.id)
    contact = a_record("sql", ref=CONTACT, owner="emil")
    situation = a_situation(
        (lead, contact),
        born("disqualified"),
        moved("disqualified", "inquiry", "2026-11-20 09:00", by="emil"),
        born("sql", "2026-11-25 08:00", ref=CONTACT),
    )

    assert decided(situation).judgements[0].verdict == "flagged"
    assert "stage" not in written(decided(situation))


def test_nothing_is_moved_while_the_end_of_a_write_is_not_known() -> None:
    situation = replace(
        disqualified_and_back(), writes=(OpenWrite("e1", LEAD.id, "unknown", {"stage": "Disqualified"}),)
    )
    decision = decided(situation)

    assert written(decision) == {}
    assert "waits for the end of a write under way" in decision.reasons
    unsent = replace(situation, writes=(OpenWrite("e1", LEAD.id, "pending", {"stage": "Disqualified"}),))
    assert written(decided(unsent))["stage"] == "Disqualified"


def test_imported_history_is_judged_for_information_only() -> None:
    back = moved("disqualified", "inquiry", "2026-11-20 09:00", by="emil", source="import", imported=True)
    bare = moved("inquiry", "remarket", "2026-11-21 09:00", by="emil", source="import", imported=True)
    situation = a_situation(a_record("remarket"), born("disqualified", verdict="adopted"), back, bare)
    decision = decided(situation)

    assert [(j.seq, j.verdict) for j in decision.judgements] == [(back.seq, "flagged"), (bare.seq, "flagged")]
    assert "before leadsync went live" in decision.judgements[0].why
    assert "stage" not in written(decision)
    assert told(decision) == []
    assert not [reason for reason in decision.reasons if reason.startswith("flagged")]


def test_what_an_imported_move_needed_then_is_not_asked_of_what_is_known_now() -> None:
    past = moved("mql", "remarket", "2026-11-20 09:00", by="emil", source="import", imported=True)
    situation = a_situation(a_record("remarket"), born("mql", verdict="adopted"), past)
    assert [(j.verdict, j.why) for j in decided(situation).judgements] == [("legal", "an edge of the law")]
    assert told(decided(situation)) == []
    today = a_situation(a_record("remarket"), born("mql"), replace(past, source="history", imported=False))
    assert decided(today).judgements[0].verdict == "flagged"
