"""Persons: conversion, merging, deletion and undeletion, and the line through several records."""

from dataclasses import replace
from datetime import timedelta

import pytest
from ledger_facts import DAY_ONE, Books, a_contact, a_move, a_record, a_ref, a_touch, at, changed

from leadsync.domain.effects import effect_id
from leadsync.domain.records import Gone, Record
from leadsync.domain.sla import Clock
from leadsync.ledger import PlanRows
from leadsync.ports import Row


def converted(lead: Record, minutes: float, contact_id: str = "0031", **changes: object) -> Record:
    values: dict[str, object] = {
        "stage_value": "Closed - Converted",
        "state": "converted",
        "converted_to": contact_id,
        "converted_on": at(minutes).date().isoformat(),
    }
    return changed(lead, minutes, **(values | changes))


DAY = 24 * 60


def test_a_converted_lead_and_its_contact_are_one_person_with_one_line(books: Books) -> None:
    books.see(a_record())
    books.see(a_move(10 * DAY, "INQUIRY", "MQL"), source="lead_history")
    books.see(a_move(20 * DAY, "MQL", "Closed - Converted"), source="lead_history")
    books.see(converted(a_record(), 20 * DAY))
    contact = a_contact(created_at=at(20 * DAY))
    books.see(contact, source="contact")
    books.see(changed(contact, 20 * DAY + 3, stage_value="SQL"), source="contact")

    assert books.person("0031") == books.person("00Q1")
    assert books.moves("00Q1") == [(None, "inquiry"), ("inquiry", "mql")]
    assert books.rows(
        "SELECT from_stage, to_stage, reason, at, at_exact, source FROM v_transitions WHERE record_id = '0031' ORDER BY seq"
    ) == [
        ("mql", None, "converted", "2026-03-21T09:00:00Z", 1, "history"),
        (None, "sql", None, "2026-03-21T09:03:00Z", 0, "poll"),
    ]
    assert books.line() == [
        ("inquiry", "2026-03-01T09:00:00Z", "2026-03-11T09:00:00Z"),
        ("mql", "2026-03-11T09:00:00Z", "2026-03-21T09:00:00Z"),
        ("sql", "2026-03-21T09:00:00Z", None),
    ]
    assert books.see(contact, converted(a_record(), 20 * DAY)).transitions == 0


@pytest.mark.parametrize("contact_first", [True, False])
def test_a_conversion_is_told_alike_whichever_record_is_read_first(books: Books, *, contact_first: bool) -> None:
    pages = [(converted(a_record(value="MQL"), 500), "lead"), (a_contact(created_at=at(500)), "contact")]
    books.see(a_move(499, "INQUIRY", "MQL"), a_move(500, "MQL", "Closed - Converted"), source="lead_history")
    for row, source in reversed(pages) if contact_first else pages:
        books.see(row, source=source)

    assert books.moves("0031") == [("mql", None)]
    assert books.line() == [
        ("inquiry", "2026-03-01T09:00:00Z", "2026-03-01T17:19:00Z"),
        ("mql", "2026-03-01T17:19:00Z", None),
    ]


def test_a_conversion_that_keeps_the_stage_does_not_split_the_stay(books: Books) -> None:
    books.see(converted(a_record(value="INQUIRY"), 60, stage_value="Closed - Converted"))
    books.see(a_move(0, None, "INQUIRY"), source="lead_history")
    contact = a_contact(created_at=at(60))
    books.see(contact, source="contact")
    books.see(changed(contact, 62, stage_value="INQUIRY"), source="contact")

    assert [stage for stage, _, left in books.line() if stage == "inquiry"] == ["inquiry"]
    assert books.line()[-1][2] is None


@pytest.mark.parametrize("history_first", [True, False])
def test_a_lead_first_seen_converted_has_the_stage_that_its_conversion_replaced(
    books: Books, *, history_first: bool
) -> None:
    pages: list[tuple[Row, str]] = [
        (a_move(60, "MQL", "Closed - Converted"), "lead_history"),
        (converted(a_record(), 60), "lead"),
    ]
    for row, source in pages if history_first else reversed(pages):
        books.see(row, source=source)

    assert books.moves() == [(None, "mql")]
    assert books.line() == [("mql", "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z")]


@pytest.mark.parametrize(
    ("contact_created", "expected"),
    [
        (at(300), ("2026-03-01T14:00:00Z", 1)),  # born that day
        # There before: it was no later than the lead's last change, which may as well be an edit after it.
        (DAY_ONE - timedelta(days=40), ("2026-03-01T15:40:00Z", 0)),
    ],
)
def test_without_history_the_instant_of_a_conversion_is_the_best_that_is_known(
    books: Books, contact_created: object, expected: tuple[str, int]
) -> None:
    books.history = frozenset()
    books.see(a_record(value="MQL"))
    books.see(converted(a_record(), 400))
    books.see(a_contact(created_at=contact_created, value="MQL"), source="contact")

    assert books.rows("SELECT at, at_exact FROM v_transitions WHERE reason = 'converted'") == [expected]


def test_a_conversion_of_which_only_the_day_is_known_is_put_at_noon(books: Books) -> None:
    books.history = frozenset()
    books.see(converted(a_record(), 100 * DAY)._replace(converted_on="2026-03-10"))
    books.see(a_contact(created_at=DAY_ONE - timedelta(days=40), value="MQL"), source="contact")

    assert books.rows("SELECT at, at_exact FROM v_transitions WHERE reason = 'converted'") == [
        ("2026-03-10T12:00:00Z", 0)
    ]


def test_a_later_edit_of_a_converted_lead_does_not_move_its_conversion(books: Books) -> None:
    books.history = frozenset()
    lead = converted(a_record(), 400)
    books.see(lead)
    books.see(a_contact(created_at=DAY_ONE - timedelta(days=40), value="MQL"), source="contact")
    before = books.rows("SELECT * FROM v_transitions ORDER BY seq")
    books.see(changed(lead, 500, owner_id="005B"))
    books.see(changed(lead, 600, state="converted", converted_opportunity_id="0061"))

    assert books.rows("SELECT * FROM v_transitions ORDER BY seq") == before


def test_two_merged_leads_are_one_person_until_the_loser_is_undeleted(books: Books) -> None:
    for rank, stage in enumerate(("inquiry", "mql")):
        books.ledger.con.execute("INSERT INTO stages VALUES (?, 'cold', ?, 0)", (stage, rank))
    winner, loser = a_record("00Q1", value="MQL"), a_record("00Q2", created_at=at(-60))
    books.see(winner, loser)
    loser_before = books.person("00Q2")
    assert loser_before != books.person("00Q1")

    books.see(Gone(a_ref("00Q2"), at(30), merged_into="00Q1"), minutes=40)
    assert books.person("00Q1") == books.person("00Q2") == loser_before
    assert books.line("00Q1") == [
        ("inquiry", "2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z"),
        ("mql", "2026-03-01T09:00:00Z", None),
    ]

    books.see(loser, minutes=50)
    assert books.person("00Q2") == loser_before != books.person("00Q1")
    assert books.rows("SELECT count(*) FROM v_transitions") == [(2,)]
    assert books.line("00Q2") == [("inquiry", "2026-03-01T08:00:00Z", None)]
    assert books.line("00Q1") == [("mql", "2026-03-01T09:00:00Z", None)]
    assert set(books.ledger.due("salesforce", at(0))) == {books.person("00Q1"), books.person("00Q2")}


def a_clock(person_id: str, started: float) -> Clock:
    key = effect_id("clock", person_id, "mql", "lead", "mql#1", "005A")
    return Clock(
        key, person_id, "mql", "lead", "mql#1", "005A", "default", at(started), at(60), "open", rung_times=(at(30),)
    )


def test_a_clock_follows_the_lead_that_started_it(books: Books) -> None:
    books.see(a_record("00Q1", value="MQL"), a_record("00Q2", value="MQL", created_at=at(-60)))
    mine, others = books.person("00Q1"), books.person("00Q2")
    clocks = (a_clock(others, -60), a_clock(mine, 0))
    books.ledger.commit(PlanRows(clocks=clocks), at(1))

    books.see(Gone(a_ref("00Q2"), at(30), merged_into="00Q1"), minutes=40)
    joined = books.ledger.situations("salesforce", [others])[0]
    assert joined.clocks == tuple(replace(clock, person_id=others) for clock in clocks)
    assert {record.ref.id for record in joined.records} == {"00Q1", "00Q2"}
    after = a_clock(others, 35)
    after = replace(after, clock_id=effect_id("clock", others, "mql", "lead", "mql#2", "005A"), start_cause="mql#2")
    books.ledger.commit(PlanRows(clocks=(after,)), at(35))

    books.see(a_record("00Q2", value="MQL", created_at=at(-60)), minutes=50)
    kept, parted = (books.ledger.situations("salesforce", [person])[0].clocks for person in (mine, others))
    assert kept == (clocks[1], replace(after, person_id=mine))  # what the winner began afterwards is the winner's
    assert parted == (clocks[0],)


def test_a_clock_that_nobody_is_known_to_have_started_stays_with_whoever_is_left(books: Books) -> None:
    books.see(a_record("00Q1", value="MQL"), a_record("00Q2", created_at=at(-60)))
    clock = replace(a_clock(books.person("00Q1"), 0), clock_id="older")
    books.ledger.commit(PlanRows(clocks=(clock,)), at(1))

    books.see(Gone(a_ref("00Q2"), at(30), merged_into="00Q1"), minutes=40)
    assert books.ledger.situations("salesforce", [books.person("00Q1")])[0].clocks[0].clock_id == "older"


def test_a_deleted_lead_leaves_its_stage_and_an_undelete_takes_the_stay_up_again(books: Books) -> None:
    books.see(a_record())
    books.see(Gone(a_ref(), at(30)), minutes=31)
    assert books.line() == [("inquiry", "2026-03-01T09:00:00Z", "2026-03-01T09:30:00Z")]
    assert books.rows("SELECT state, stage_entered_at FROM v_people") == [("deleted", None)]
    books.see(a_record(), minutes=20)  # read before the deletion, delivered late
    assert books.rows("SELECT state FROM v_people") == [("deleted",)]

    books.see(a_record(), minutes=40)

    assert books.line() == [("inquiry", "2026-03-01T09:00:00Z", None)]


def test_the_deletion_of_somebody_never_seen_leaves_no_trace(books: Books) -> None:
    assert books.see(Gone(a_ref(), at(30))).changed == 0


def test_a_lead_read_from_the_recycle_bin_counts_as_one_changed_row(books: Books) -> None:
    in_the_bin = Gone(a_ref("00Q2"), at(30), last=a_record("00Q2"))
    fresh = books.see(a_record("00Q1"), in_the_bin)
    edited = books.see(Gone(a_ref("00Q1"), at(50), last=changed(a_record("00Q1"), 40, owner_id="005BOB")))
    unedited = books.see(a_record("00Q3"), Gone(a_ref("00Q3"), at(50)), minutes=10_001)

    assert (fresh.rows, fresh.changed) == (2, 2)
    assert (edited.rows, edited.changed) == (1, 1)
    assert unedited.changed == 1
    assert books.rows("SELECT DISTINCT state FROM v_people") == [("deleted",)]


def test_a_whole_read_finds_what_vanished(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"), a_record("00Q3"), mark="1")
    books.see(a_record("00Q1"), progress="00Q1")
    stored = books.see(a_record("00Q3"), full=True, mark="2")

    assert stored.vanished == 1
    assert books.rows("SELECT record_id FROM v_people WHERE state = 'deleted'") == [("00Q2",)]


def test_a_whole_read_that_misses_too_much_is_not_believed(books: Books) -> None:
    books.see(*(a_record(f"00Q{n:03}") for n in range(100)), mark="1")
    stored = books.see(*(a_record(f"00Q{n:03}") for n in range(80)), full=True, mark="2")

    assert (stored.vanished, stored.vanished_held) == (0, 20)
    assert books.rows("SELECT count(*) FROM v_people WHERE state = 'deleted'") == [(0,)]


def test_twins_are_told_with_what_they_did(books: Books) -> None:
    same = {"email": "Ada@Initech.example "}
    books.see(
        a_record("00Q1", fields=same), a_record("00Q2", fields={"email": "ada@initech.example"}), a_record("00Q3")
    )
    books.see(a_touch("t1", 5, "00Q2"), source="touch:CampaignMember")

    situation = books.ledger.situations("salesforce", [books.person("00Q1")])[0]

    assert [(twin.person_id, twin.stage) for twin in situation.twins] == [(books.person("00Q2"), "inquiry")]
    assert [touch.touch_id for touch in situation.twins[0].touches] == ["t1"]
    assert books.ledger.situations("salesforce", [books.person("00Q1")], twins=False)[0].twins == ()
    assert books.ledger.find("ADA@initech.example") == [
        ("salesforce", books.person("00Q1")), ("salesforce", books.person("00Q2")),
    ]  # fmt: skip
