"""Stage changes of objects without history, adoption at go-live, and recognising what leadsync wrote itself."""

from datetime import timedelta

import pytest
from ledger_facts import DAY_ONE, OWN, Books, a_contact, a_move, a_record, a_ref, at, changed

from leadsync.domain.effects import Outcome, WriteBack
from leadsync.domain.transitions import Judgement
from leadsync.ledger import PlanRows


def a_write(effect_id: str = "e1", record_id: str = "00Q1", **changes: object) -> WriteBack:
    values: dict[str, object] = {
        "effect_id": effect_id,
        "ref": a_ref(record_id, "contact" if record_id.startswith("003") else "lead"),
        "values": {"stage": "REMARKET", "recycle_reason": "Timing"},
        "base_version": "v1",
        "guarded": {"stage": "SQL"},
        "kinds": ("lead_stage",),
        "priority": "stage",
        "group_id": "lead_stage:law",
        "cause": "t:1",
    }
    return WriteBack(**(values | changes))  # type: ignore[arg-type]


def sent(books: Books, write: WriteBack) -> None:
    books.ledger.commit(PlanRows(effects=(write,)), at(1))
    assert books.ledger.claim([write.effect_id], at(1)) == [write.effect_id]


def test_every_polled_difference_of_a_contact_is_a_transition(books: Books) -> None:
    contact = a_contact()
    books.see(contact, source="contact")
    books.see(changed(contact, 10, stage_value="MQL"), source="contact")
    books.see(changed(contact, 20, stage_value="MQL", owner_id="005B"), source="contact")
    books.see(changed(contact, 30, stage_value="SQL"), source="contact")

    assert books.moves("0031") == [(None, None), (None, "mql"), ("mql", "sql")]
    assert books.rows("SELECT source, at_exact, at FROM v_transitions WHERE to_stage = 'sql'") == [
        ("poll", 0, "2026-03-01T09:30:00Z")
    ]


def test_whoever_was_there_before_going_live_is_taken_over_without_a_word(books: Books) -> None:
    books.go_live_at = at(60)
    books.see(a_move(10, "INQUIRY", "MQL"), a_move(70, "MQL", "SAL"), source="lead_history")
    books.see(changed(a_record(), 70, stage_value="SAL"))

    assert books.rows("SELECT source, verdict FROM v_transitions ORDER BY seq") == [
        ("import", "adopted"), ("import", "adopted"), ("history", None),
    ]  # fmt: skip
    assert books.ledger.due("salesforce", at(9999)) == [books.person()]


def test_people_taken_over_wait_for_their_slice(books: Books) -> None:
    books.go_live_at = at(60)
    books.see(a_record(), a_record("00Q2"))

    assert books.ledger.due("salesforce", at(9999)) == []
    assert books.ledger.undecided("salesforce", 1) == [books.person("00Q1")]
    books.decided("00Q1")
    assert books.ledger.undecided("salesforce", 9) == [books.person("00Q2")]


def test_before_anything_was_delivered_everybody_is_taken_over(books: Books) -> None:
    books.go_live_at = None
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")
    books.see(changed(a_record(), 10, stage_value="MQL"), minutes=20)
    books.see(a_move(30, "MQL", "SAL"), source="lead_history")

    assert books.rows("SELECT source, verdict FROM v_transitions ORDER BY seq") == [
        ("import", "adopted"), ("import", "adopted"), ("history", None),
    ]  # fmt: skip


def test_a_lead_born_after_going_live_enters_normally_and_is_due_at_once(books: Books) -> None:
    books.see(a_record())

    assert books.rows("SELECT source, verdict, at, at_exact, actor_id FROM v_transitions") == [
        ("history", None, "2026-03-01T09:00:00Z", 1, "005A")
    ]
    assert books.ledger.due("salesforce", at(0)) == [books.person()]


def test_how_long_an_old_contact_is_in_its_stage_is_only_known_at_least(books: Books) -> None:
    books.go_live_at = at(60)
    old = a_contact(value="SQL", created_at=DAY_ONE - timedelta(days=900), modified_at=DAY_ONE)
    books.see(old, source="contact", minutes=90)

    assert books.rows("SELECT stage_entered_at, entered_exact FROM v_people") == [("2026-03-01T10:30:00Z", 0)]


@pytest.mark.parametrize("state", ["sent", "unknown", "applied"])
def test_a_write_of_ours_is_recognised_by_its_token_and_explains_one_change(books: Books, state: str) -> None:
    contact = a_contact(value="SQL")
    books.see(contact, source="contact")
    sent(books, a_write(record_id="0031", correction=True))
    books.ledger.finish([Outcome("e1", state)], at(2))  # type: ignore[arg-type]
    books.see(changed(contact, 10, stage_value="REMARKET", operation="e1", modified_by=OWN), source="contact")
    books.see(changed(contact, 20, stage_value="SQL", operation="e1", modified_by="005A"), source="contact")
    books.see(changed(contact, 30, stage_value="REMARKET", operation="e1", modified_by="005A"), source="contact")

    assert books.rows("SELECT to_stage, source, correction, reason, actor_id FROM v_transitions ORDER BY seq") == [
        ("sql", "poll", 0, None, "005A"),
        ("remarket", "leadsync", 1, "Timing", OWN),
        ("sql", "poll", 0, None, "005A"),
        ("remarket", "poll", 0, None, "005A"),
    ]


def test_a_history_row_of_a_person_is_never_taken_for_our_write(books: Books) -> None:
    books.see(a_record(value="SQL"))
    sent(books, a_write())
    books.see(a_move(10, "SQL", "REMARKET", by="005A"), source="lead_history")
    books.see(a_move(20, "REMARKET", "SQL", by="005A"), a_move(30, "SQL", "REMARKET", by=OWN), source="lead_history")

    assert books.rows("SELECT source, actor_id FROM v_transitions WHERE to_stage = 'remarket' ORDER BY at") == [
        ("history", "005A"), ("leadsync", OWN),
    ]  # fmt: skip


def test_a_correction_joins_the_stays_it_takes_back(books: Books) -> None:
    books.see(a_record())
    books.see(a_move(10, "INQUIRY", "MQL"), a_move(12, "MQL", "INQUIRY"), source="lead_history")
    assert len(books.line()) == 3
    seq = books.rows("SELECT max(seq) FROM transitions")[0][0]

    books.ledger.commit(
        PlanRows(judgements=(Judgement(seq, "legal", ("sales",), correction=True, why="taken back"),)), at(20)
    )

    assert books.line() == [("inquiry", "2026-03-01T09:00:00Z", None)]
    assert books.rows("SELECT verdict, actor_role, correction FROM v_transitions WHERE seq = ?", seq) == [
        ("legal", "sales", 1)
    ]


def test_owner_changes_are_kept_whoever_made_them(books: Books) -> None:
    books.see(a_record(), a_contact())
    assert books.rows("SELECT owner_id, from_at, to_at, by FROM v_owners WHERE record_id = '00Q1'") == [
        ("005A", "2026-03-01T09:00:00Z", None, "005A")
    ]
    books.see(changed(a_record(), 10, owner_id="005B"))
    books.see(a_move(10, "005A", "005B", "o1", field="owner", by="005X"), source="lead_history")
    books.see(changed(a_contact(), 20, fields={"assignee": "005C"}), source="contact")

    assert books.rows("SELECT owner_id, from_at, to_at, by, source FROM v_owners WHERE record_id = '00Q1'") == [
        ("005A", "2026-03-01T09:00:00Z", "2026-03-01T09:10:00Z", "005A", "poll"),
        ("005B", "2026-03-01T09:10:00Z", None, "005X", "history"),
    ]
    owners = books.ledger.situations("salesforce", [books.person("0031")])[0].owners
    assert [(change.field, change.owner_id) for change in owners] == [
        ("owner", "005A"), ("assignee", None), ("assignee", "005C"),
    ]  # fmt: skip
