"""What is written back: one write of what differs, guarded where people edit too, and leadsync's own fields."""

from typing import Any

import pytest
from building import (
    ALL_KINDS,
    CONTACT,
    LEAD,
    MAPPING,
    a_deal,
    a_record,
    a_situation,
    a_touch,
    at,
    born,
    decided,
    moved,
    written,
)
from hypothesis import given
from hypothesis import strategies as st

from leadsync.domain.effects import WriteBack, canonical, effect_id
from leadsync.domain.records import Record, Value
from leadsync.domain.writing import current, instant, is_writable, kind_of, same, write_back


def the_write(record: Record, wished: dict[str, Value], **more: Any) -> WriteBack | None:
    kinds = more.pop("kinds", ALL_KINDS)
    shown = more.pop("written", {})
    return write_back(record, wished, MAPPING, kinds, written=shown, cause="facts", priority="score")


def test_what_the_record_shows_already_is_not_written() -> None:
    record = a_record(score=72, marketable=True)

    assert the_write(record, {"score": 72.0, "marketable": True, "held_until": None, "stage": "Inquiry"}) is None
    found = the_write(record, {"score": 80, "stage": "Inquiry"})
    assert found is not None
    assert found.values == {"score": 80}


def test_nothing_is_written_to_a_record_that_is_gone() -> None:
    assert the_write(a_record()._replace(state="deleted"), {"score": 80}) is None


def test_fields_that_are_not_ours_or_whose_kind_is_not_delivered_are_left_out() -> None:
    record = a_record()

    owner_alone = the_write(record, {"score": 80, "owner": "005-emil"}, kinds=frozenset({"owner"}))
    assert owner_alone is not None
    assert owner_alone.values == {"owner": "005-emil"}
    assert the_write(record._replace(ref=CONTACT), {"owner": "005-emil"}) is None
    assert not is_writable(MAPPING, record, "first_name")
    assert not is_writable(MAPPING, record, "unheard_of")
    assert MAPPING.objects["lead"].field_of("stage") == MAPPING.objects["lead"].stage


def test_a_field_that_people_edit_is_guarded_and_so_is_one_that_shows_what_we_never_wrote() -> None:
    record = a_record(score=30, recycle_reason="Timing", product="Fleet Suite")
    write = the_write(
        record, {"stage": "MQL", "recycle_reason": None, "score": 80, "product": None}, written={"score": 30}
    )

    assert write is not None
    assert write.guarded == {"stage": "Inquiry", "recycle_reason": "Timing", "product": "Fleet Suite"}
    assert write.kinds == ("lead_stage", "score")
    assert write.token() == write.effect_id
    assert (current(record, "owner"), current(record, "score")) == ("005-ada", 30)


def test_the_same_wish_on_the_same_version_is_the_same_write() -> None:
    record = a_record()

    def of(record: Record, value: int) -> str:
        write = the_write(record, {"score": value})
        assert write is not None
        return write.effect_id

    assert of(record, 80) == of(record, 80)
    assert len({of(record, 80), of(record, 81), of(record._replace(version="v2"), 80)}) == 3


def test_every_kind_of_field_goes_by_its_own_switch() -> None:
    lead, contact = a_record(), a_record(ref=CONTACT)

    assert [kind_of("stage", lead), kind_of("disposition", contact), kind_of("queue", lead)] == [
        "lead_stage",
        "contact_stage",
        "owner",
    ]


@pytest.mark.parametrize(
    ("shown", "wished", "agree"),
    [
        (None, None, True),
        ("", None, True),
        (0, None, True),
        ("x", "", False),
        (None, False, True),
        (True, False, False),
        (72.0, 72, True),
        (None, 0, True),
        (None, 1, False),
        ("a", "a", True),
    ],
)
def test_a_blank_is_a_blank_and_an_unticked_box_is_no(shown: Value, wished: Value, agree: bool) -> None:
    assert same(shown, wished) is agree


@given(st.dictionaries(st.sampled_from("abc"), st.integers()))
def test_the_order_of_values_does_not_matter(values: dict[str, int]) -> None:
    assert canonical(values) == canonical(dict(reversed(values.items())))
    assert effect_id("a", 1) == effect_id("a", "1")


def own(situation_record: Record, *moves: Any, **more: Any) -> dict[str, Value]:
    when = str(more.pop("when", "2026-11-25 10:00"))
    return dict(written(decided(a_situation(situation_record, *moves, **more), when)))


def test_scores_are_written_when_they_moved_enough_or_crossed_a_band() -> None:
    touch = (a_touch("demo_request", "2026-11-25 09:00"),)

    assert own(a_record(), born(), touches=touch)["score"] == 34
    assert "score" not in own(a_record(score=30), born(), touches=touch)
    assert own(a_record(score=29), born(), touches=touch)["score"] == 34
    assert own(a_record(score=50), born(), touches=touch)["score"] == 34
    assert "score" not in own(a_record("raw"), born("raw"))


def test_the_top_product_is_written_by_its_label() -> None:
    touch = (a_touch("demo_request", "2026-11-25 09:00", campaign="WMS tour"),)

    assert own(a_record(), born(), touches=touch)["product"] == "Warehouse Suite"


def test_counts_and_first_and_last_instants_never_go_back() -> None:
    moves = (born(), moved("inquiry", "mql", "2026-11-25 09:00", verdict="legal"))
    remembered = a_record(
        "mql", mql_count=3, recycle_count=1, first_mql_at="2024-03-01T09:00:00Z", last_mql_at="2025-03-01T09:00:00Z"
    )
    values = own(remembered, *moves)

    assert "mql_count" not in values
    assert "first_mql_at" not in values
    assert values["last_mql_at"] == "2026-11-25T09:00:00Z"
    fresh = own(a_record("mql"), *moves)
    assert (fresh["mql_count"], fresh["first_mql_at"]) == (1, "2026-11-25T09:00:00Z")


def test_what_leadsync_itself_wrote_last_it_may_correct() -> None:
    record = a_record("inquiry", mql_count=1)
    moves = (
        born(),
        moved("inquiry", "mql", "2026-11-25 09:00", verdict="legal"),
        moved("mql", "inquiry", "2026-11-25 09:05", verdict="legal", correction=True),
    )

    assert own(record, *moves, written={LEAD.id: {"mql_count": 1}})["mql_count"] == 0
    assert "mql_count" not in own(record, *moves)


def test_milestones_from_before_going_live_are_not_written() -> None:
    moves = (
        born("mql", "2025-03-01 09:00", verdict="adopted"),
        moved("mql", "sal", "2026-11-25 09:00", by="emil", verdict="legal"),
    )
    values = own(a_record("sal", owner="emil"), *moves)

    assert "first_mql_at" not in values
    assert "last_mql_at" not in values


def test_the_entry_is_written_where_it_is_known_and_the_hold_while_it_lasts() -> None:
    unknown = own(a_record("mql"), born("mql", at_exact=False))
    polled = moved("inquiry", "mql", "2026-11-25 09:00", verdict="legal", at_exact=False, source="poll")
    cooling = own(
        a_record("remarket", owner="emil", recycle_reason="Timing"),
        born("sql"),
        moved("sql", "remarket", "2026-11-25 09:00", by="emil", verdict="legal"),
    )

    assert "stage_entered_at" not in unknown
    assert own(a_record("mql"), born(), polled)["stage_entered_at"] == "2026-11-25T09:00:00Z"
    assert cooling["held_until"] == "2027-01-24T09:00:00Z"
    assert own(a_record(), born())["stage_entered_at"] == "2026-02-01T09:00:00Z"


def test_a_reason_is_cleared_once_its_person_is_back() -> None:
    moves = (
        born("sql"),
        moved("sql", "remarket", "2026-11-01 09:00", verdict="legal"),
        moved("remarket", "lal", "2026-11-25 09:00", by="ada", verdict="legal"),
    )

    assert own(a_record("lal", recycle_reason="Timing"), *moves)["recycle_reason"] is None
    assert "recycle_reason" not in own(a_record("lal", recycle_reason="Timing"), born("lal"))
    assert "recycle_reason" not in own(
        a_record("lal", recycle_reason="Timing"), touches=(a_touch("downloaded", "2026-11-25 09:00"),)
    )


def test_marketing_may_write_to_whom_stage_and_consent_allow_it() -> None:
    def marketable(stage: str, **fields: Any) -> bool:
        return decided(a_situation(a_record(stage, **fields), born(stage))).state.marketable

    assert marketable("inquiry")
    assert not marketable("raw")
    assert not marketable("inquiry", email_opt_out=True)
    assert not marketable("inquiry", email="x@acme.example")
    assert not decided(a_situation(a_record()._replace(stage_value="?"))).state.marketable


def test_an_instant_is_written_as_text() -> None:
    assert instant(at("2026-11-25 10:00")) == "2026-11-25T10:00:00Z"
    assert instant(None) is None
    assert a_deal().outcome == "open"
