"""One person behind several records: who speaks for them, where they stand, and what is counted once."""

import itertools

import pytest
from building import CONTACT, LEAD, MAPPING, RULES, a_record, a_ref, a_situation, at, born, moved
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.persons import (
    entries,
    last_stage,
    left_at,
    line,
    milestones,
    primary,
    rank,
    stay,
    times_entered,
)
from leadsync.domain.records import Record
from leadsync.domain.situation import Situation
from leadsync.domain.transitions import spans

LAW = RULES.law
STAGES = [name for name, stage in LAW.stages.items() if stage.role != "outside"]


def counted(situation: Situation, record: Record) -> tuple[int, int, int]:
    done = milestones(situation, line(situation, record), LAW)
    return done.mql_count, done.recycle_count, done.passes


def test_the_live_contact_speaks_before_the_furthest_lead_and_that_before_the_earliest() -> None:
    contact = a_record("inquiry", ref=CONTACT)
    far, near = a_record("sal", ref=a_ref(record_id="00Q-2")), a_record("maql")
    early = a_record("maql", ref=a_ref(record_id="00Q-3"), created_at=at("2026-01-15 09:00"))

    assert primary((near, far, contact), LAW, MAPPING) is contact
    assert primary((near, far), LAW, MAPPING) is far
    assert primary((near, early), LAW, MAPPING) is early
    assert primary((contact._replace(state="deleted"), near), LAW, MAPPING) is near


def test_nobody_speaks_for_a_person_without_records() -> None:
    with pytest.raises(ValueError, match="empty"):
        primary((), LAW, MAPPING)


def test_stages_outside_the_funnel_and_unknown_ones_have_no_rank() -> None:
    assert [rank(LAW, stage) for stage in ("raw", "inquiry", "remarket", None, "gone")] == [0, 1, -1, -1, -1]


def test_a_lead_converted_with_its_stage_stays_in_it_without_a_break() -> None:
    lead = a_record(None, state="converted", converted_to=CONTACT.id, stage_value="Closed - Converted")
    contact = a_record("mql", ref=CONTACT)
    came = moved("inquiry", "mql", "2026-03-01 09:00")
    situation = a_situation(
        (lead, contact),
        born(),
        came,
        moved("mql", None, "2026-03-20 09:00", ref=CONTACT, reason="converted"),
        moved(None, "mql", "2026-03-20 09:05", ref=CONTACT, by="leadsync"),
    )

    here = stay(line(situation, contact), contact, LAW, MAPPING)

    assert (here.stage, here.entered_at, here.entry_number) == ("mql", came.at, 1)
    assert counted(situation, contact) == (1, 0, 1)


@pytest.mark.parametrize(
    ("written_at", "entered_at"),
    [("2026-04-01 09:02", "2026-04-01 09:00"), ("2026-04-02 09:00", "2026-04-01 09:00"), ("2026-04-03 09:00",) * 2],
)
def test_a_conversion_is_when_the_stage_was_entered_to_which_it_soon_led(written_at: str, entered_at: str) -> None:
    moves = (
        born(None, "2026-01-01 09:00", ref=CONTACT),
        born("mql", "2026-03-01 09:00"),
        moved("mql", None, "2026-04-01 09:00", ref=CONTACT, reason="converted"),
        moved(None, "sal", written_at, ref=CONTACT, by="leadsync"),
    )

    here = stay(moves, a_record("sal", ref=CONTACT), LAW, MAPPING)

    assert here.entered_at == at(entered_at)
    assert left_at(moves, "mql", 1) == here.entered_at


def test_a_lead_that_becomes_a_contact_with_a_stage_does_not_break_the_contacts_stay() -> None:
    lead = a_record("inquiry", state="converted", converted_to=CONTACT.id)
    contact = a_record("remarket", ref=CONTACT)
    waits = born("remarket", "2026-01-10 09:00", ref=CONTACT)
    situation = a_situation(
        (lead, contact),
        waits,
        born("inquiry", "2026-03-01 09:00"),
        moved("inquiry", "mql", "2026-03-05 09:00"),
        moved("mql", "remarket", "2026-04-01 09:00", ref=CONTACT, reason="converted"),
    )

    here = stay(line(situation, contact), contact, LAW, MAPPING)

    assert here.entered_at == waits.at
    assert counted(situation, contact) == (
        1,
        1,
        0,
    )  # the lead's handoff is the person's; the conversion recycles nobody


def test_a_stage_that_no_transition_explains_begins_at_the_last_that_one_does() -> None:
    record = a_record("mql")

    assert stay((), record, LAW, MAPPING).entered_at == record.created_at
    unexplained = stay((born(),), record, LAW, MAPPING)
    assert (unexplained.entered_at, unexplained.entered_exact, unexplained.entered_by) == (born().at, False, None)


def test_a_slip_taken_back_leaves_stay_and_counts_as_they_were() -> None:
    moves = (
        born(),
        moved("inquiry", "mql", "2026-03-01 09:00"),
        moved("mql", "inquiry", "2026-03-01 09:05", correction=True),
    )
    record = a_record("inquiry")

    assert stay(moves, record, LAW, MAPPING).entered_at == born().at
    assert counted(a_situation(record, *moves), record) == (0, 0, 1)
    assert [(span.stage, span.left_at) for span in spans(moves)] == [("inquiry", None)]


def test_a_redirect_leads_from_the_stage_before_as_if_the_wrong_one_had_never_been() -> None:
    moves = (
        born(),
        moved("inquiry", "mql", "2026-03-01 09:00"),
        moved("mql", "inquiry", "2026-03-05 09:00"),
        moved("inquiry", "remarket", "2026-03-05 09:02", by="leadsync", correction=True),
    )

    assert [(span.stage, span.entered_at) for span in spans(moves)] == [
        ("inquiry", born().at),
        ("mql", at("2026-03-01 09:00")),
        ("remarket", at("2026-03-05 09:00")),
    ]
    assert [entry.to_stage for entry in entries(moves)] == ["inquiry", "mql", "remarket"]
    assert counted(a_situation(a_record("remarket"), *moves), a_record("remarket")) == (1, 1, 1)


def test_an_import_redirected_to_raw_has_been_raw_since_its_birth() -> None:
    moves = (born(), moved("inquiry", "raw", "2026-02-01 09:06", by="leadsync", correction=True))

    assert [(span.stage, span.entered_at) for span in spans(moves)] == [("raw", born().at)]
    assert stay(moves, a_record("raw"), LAW, MAPPING).entered_at == born().at


def test_a_correction_without_anything_before_it_is_an_entry_like_any_other() -> None:
    moves = (moved("inquiry", "raw", "2026-02-01 09:06", correction=True),)

    assert [entry.to_stage for entry in entries(moves)] == ["raw"]
    assert [span.stage for span in spans(moves)] == ["raw"]


def test_a_call_result_in_the_status_field_is_no_stay() -> None:
    moves = (
        born("lal"),
        moved("lal", None, "2026-03-01 09:00", to_value="Left Vmail"),
        moved(None, "lal", "2026-03-01 09:01", by="leadsync", correction=True),
    )

    assert stay(moves, a_record("lal"), LAW, MAPPING).entered_at == born().at
    assert [span.stage for span in spans(moves, at("2026-04-01 09:00"))] == ["lal"]
    assert spans(moves, at("2026-04-01 09:00"))[0].left_at == at("2026-04-01 09:00")


def test_spans_are_contiguous_and_a_change_of_value_within_a_stage_is_none() -> None:
    moves = (born(), moved("inquiry", "mql", "2026-03-01 09:00"), moved("mql", "mql", "2026-03-02 09:00"))

    assert [(span.stage, span.left_at) for span in spans(moves)] == [("inquiry", moves[1].at), ("mql", None)]
    assert spans(()) == ()


def test_when_a_stage_was_left_is_the_entry_after_it() -> None:
    moves = (born(), moved("inquiry", "maql", "2026-03-01 09:00"), moved("maql", "mql", "2026-03-02 09:00"))

    assert left_at(moves, "maql", 1) == at("2026-03-02 09:00")
    assert left_at(moves, "mql", 1) is None
    assert left_at(moves, "maql", 2) is None
    assert times_entered(moves, "maql") == 1


def a_merge(*winners: object) -> tuple[Situation, Record]:
    loser = a_record(
        "mql", ref=a_ref(record_id="00Q-2"), state="merged", merged_into=LEAD.id, stamp=at("2026-04-01 09:00")
    )
    winner = a_record("mql")
    return a_situation(
        (winner, loser),
        born(),
        born("inquiry", ref=loser.ref),
        moved("inquiry", "mql", "2026-03-01 09:00", ref=loser.ref),
        *winners,  # type: ignore[arg-type]
    ), winner


def test_the_merged_rows_handoff_counts_and_our_carrying_it_over_does_not() -> None:
    situation, winner = a_merge(moved("inquiry", "mql", "2026-04-01 09:05", by="leadsync"))

    assert counted(situation, winner)[0] == 1


def test_a_handoff_of_the_winners_own_after_a_merge_counts() -> None:
    by_a_person, winner = a_merge(moved("inquiry", "mql", "2026-04-01 09:05", by="emil"))
    elsewhere, _ = a_merge(
        moved("inquiry", "maql", "2026-04-01 09:05", by="leadsync"),
        moved("maql", "mql", "2026-04-02 09:05", by="leadsync"),
    )

    assert counted(by_a_person, winner)[0] == 2
    assert counted(elsewhere, winner)[0] == 2


def test_a_merge_that_moved_nothing_leaves_the_merged_rows_counts() -> None:
    situation, winner = a_merge()

    assert counted(situation, winner)[0] == 1
    assert last_stage(situation, winner) == "inquiry"
    assert last_stage(a_situation(winner), winner) is None


@given(st.lists(st.sampled_from(STAGES), min_size=1, max_size=12), st.integers(0, 12))
def test_milestones_never_shrink_as_moves_are_added(stages: list[str], cut: int) -> None:
    record = a_record(stages[-1])
    pairs = list(zip([None, *stages], stages, strict=False))
    moves = [moved(old, new, f"2026-03-{day + 1:02} 09:00") for day, (old, new) in enumerate(pairs)]

    before = milestones(a_situation(record, *moves[:cut]), moves[:cut], LAW)
    after = milestones(a_situation(record, *moves), moves, LAW)

    assert before.mql_count <= after.mql_count
    assert before.recycle_count <= after.recycle_count
    assert before.passes <= after.passes
    assert before.first_mql_at in (None, after.first_mql_at)
    assert before.last_mql_at is None or (after.last_mql_at is not None and before.last_mql_at <= after.last_mql_at)


@given(
    st.lists(st.sampled_from([*STAGES, None]), min_size=1, max_size=10),
    st.lists(st.booleans(), min_size=10, max_size=10),
)
def test_a_line_and_its_spans_agree_on_where_somebody_stands(stages: list[str | None], corrections: list[bool]) -> None:
    moves = [
        moved(old, new, f"2026-03-{day + 1:02} 09:00", correction=corrections[day])
        for day, (old, new) in enumerate(zip([None, *stages], stages, strict=False))
    ]

    found = spans(moves)

    assert found[-1].left_at is None
    assert all(a.left_at == b.entered_at for a, b in itertools.pairwise(found))
    staged = [span.stage for span in found if span.stage is not None]
    assert [entry.to_stage for entry in entries(moves)][-1:] == staged[-1:]
