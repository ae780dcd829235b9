"""The contract with other people's tools: names, columns and spelling of the views."""

import re
import sqlite3
from itertools import pairwise

import pytest
from ledger_facts import Books, a_contact, a_move, a_record, a_touch, at

from leadsync.domain.decision import PersonState
from leadsync.domain.records import Opportunity, OpportunityRole
from leadsync.domain.sla import Clock
from leadsync.domain.transitions import Judgement, Verdict
from leadsync.ledger import PlanRows, TouchValue

COLUMNS = {
    "v_people": "person_id, crm, object, record_id, stage, stage_value, stage_entered_at, entered_exact, score, owner_id,"
    " assignee_id, recycle_count, mql_count, first_mql_at, last_mql_at, held_until, passes, outcome, outcome_at, twin_of,"
    " marketable, state",
    "v_transitions": "seq, person_id, crm, object, record_id, from_stage, to_stage, from_value, to_value, at, at_exact,"
    " observed_at, source, actor_id, actor_role, verdict, correction, bulk_id, reason",
    "v_spans": "person_id, crm, object, record_id, stage, pass_number, entered_at, left_at, entered_exact",
    "v_touches": "touch_id, person_id, crm, kind, channel, response, direction, strength, actor_id, source_id, at, points,"
    " retracted",
    "v_clocks": "person_id, clock, kind, owner_id, started_at, due_at, stopped_at, paused_minutes, state, void_reason",
    "v_escalations": "escalation_id, person_id, clock, rung, channel, recipient, due_at, sent_at, state",
    "v_outbox": "effect_id, kind, group_id, crm, object, record_id, fields, state, attempts, retry_at, decided_at, done_at,"
    " error",
    "v_assignments": "person_id, record_id, rule, pool, tier, sticky, owner_id, by, at, reason",
    "v_owners": "person_id, record_id, owner_id, from_at, to_at, by, source",
    "v_opportunities": "person_id, opportunity_id, role, amount, currency, stage, outcome, created_at, closed_at",
    "v_cycles": "cycle_id, started_at, finished_at, observed, transitions, decided, delivered, failed, api_calls",
}  # fmt: skip


@pytest.mark.parametrize("view", sorted(COLUMNS))
def test_a_view_has_exactly_its_columns(books: Books, view: str) -> None:
    cursor = books.ledger.con.execute(f"SELECT * FROM {view}")
    assert ", ".join(column[0] for column in cursor.description) == COLUMNS[view]


def test_there_are_no_other_views(books: Books) -> None:
    assert {row[0] for row in books.rows("SELECT name FROM sqlite_master WHERE type = 'view'")} == set(COLUMNS)


def a_state(person_id: str, **changes: object) -> PersonState:
    values: dict[str, object] = {
        "person_id": person_id, "score": 10_450, "band": "hot", "product": None, "recycle_count": 1, "mql_count": 2,
        "first_mql_at": at(0), "last_mql_at": at(10), "held_until": None, "passes": 1, "outcome": "open",
        "outcome_at": at(5), "twin_of": None, "marketable": True, "fired": {"hundred points": "t:1"}, "wake_at": at(99),
    }  # fmt: skip
    return PersonState(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(("hundredths", "whole"), [(10_499, 104), (-250, 0), (123_456_00, 999), (0, 0), (None, None)])
def test_scores_are_whole_points_within_their_bounds(books: Books, hundredths: int | None, whole: int | None) -> None:
    books.see(a_record())
    books.ledger.commit(PlanRows(persons=(a_state(books.person(), score=hundredths),)), at(1))
    assert books.rows("SELECT score FROM v_people") == [(whole,)]


def test_what_a_decision_found_is_shown_and_remembered(books: Books) -> None:
    books.see(a_record())
    books.ledger.commit(
        PlanRows(persons=(a_state(books.person()),), rulebook_hash="h1", noticed={books.person(): ("asked",)}), at(1)
    )

    assert books.rows("SELECT recycle_count, mql_count, outcome, marketable, passes, first_mql_at FROM v_people") == [
        (1, 2, "open", 1, 1, "2026-03-01T09:00:00Z")
    ]
    memory = books.ledger.situations("salesforce", [books.person()])[0].memory
    assert (memory.score, memory.band, memory.fired, memory.noticed, memory.decided_at) == (
        10_450, "hot", {"hundred points": "t:1"}, ("asked",), at(1),
    )  # fmt: skip
    assert books.ledger.due("salesforce", at(98)) == []
    assert books.ledger.due("salesforce", at(99)) == [books.person()]


def test_every_instant_is_utc_text_ending_in_z(books: Books) -> None:
    books.see(a_move(10, "INQUIRY", "MQL"), a_record(), a_touch("t1", 3), a_contact())
    books.see(
        Opportunity("salesforce", "0061", None, None, "Open", "open", at(1), None, 9.5, "EUR"),
        OpportunityRole("salesforce", "00K1", "0061", "0031", "Decision maker", True, at(2)),
        source="opportunity",
    )
    clock = Clock("c1", books.person(), "mql", "lead", "t:1", None, "x", at(0), at(9), "open")
    books.ledger.commit(PlanRows(persons=(a_state(books.person()),), clocks=(clock,)), at(1))
    books.ledger.end_cycle(books.ledger.begin_cycle("salesforce", at(0)), at(1), observed=3)
    seen = 0
    for view in COLUMNS:
        cursor = books.ledger.con.execute(f"SELECT * FROM {view}")
        names = [column[0] for column in cursor.description]
        for row in cursor:
            for name, value in zip(names, row, strict=True):
                if value is not None and (name == "at" or name.endswith("_at") or name == "held_until"):
                    seen += 1
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value), (view, name)
    assert seen > 20


def test_a_held_meeting_is_inbound_and_outbound(books: Books) -> None:
    books.see(a_record(), a_touch("e1", 5, kind="meeting", direction="both"))
    books.ledger.commit(PlanRows(crm="salesforce", touches=(TouchValue("e1", 30, "strong"),)), at(9))
    assert books.rows("SELECT direction, points, strength, retracted FROM v_touches ORDER BY direction") == [
        ("inbound", 30, "strong", 0), ("outbound", 30, "strong", 0),
    ]  # fmt: skip


def test_a_pass_begins_with_each_entry_into_the_funnel(books: Books) -> None:
    ranks = {"raw": 0, "inquiry": 1, "maql": 2, "mql": 3, "remarket": None, "disqualified": None}
    for stage, rank in ranks.items():
        role = {"raw": "raw", "remarket": "recycle", "disqualified": "exit"}.get(stage, "cold")
        books.ledger.con.execute("INSERT INTO stages VALUES (?, ?, ?, 0)", (stage, role, rank))
    path = ["RAW", "INQUIRY", "MQL", "REMARKET", "MQL", "DISQUALIFIED", "INQUIRY"]
    books.see(*(a_move(n + 1, old, new) for n, (old, new) in enumerate(pairwise(path))), a_record())

    assert books.rows("SELECT stage, pass_number FROM v_spans ORDER BY entered_at") == [
        ("raw", 0), ("inquiry", 1), ("mql", 1), ("remarket", 1), ("mql", 2), ("disqualified", 2), ("inquiry", 3),
    ]  # fmt: skip


def test_a_status_that_stands_for_no_stage_neither_ends_a_pass_nor_begins_one(books: Books) -> None:
    for stage, role, rank in (
        ("raw", "raw", 0),
        ("inquiry", "cold", 1),
        ("mql", "handoff", 2),
        ("remarket", "recycle", None),
    ):
        books.ledger.con.execute("INSERT INTO stages VALUES (?, ?, ?, 0)", (stage, role, rank))
    path = ["INQUIRY", "Left Vmail", "MQL", "RAW", "INQUIRY", "REMARKET", "Left Vmail", "MQL"]
    books.see(*(a_move(n + 1, old, new) for n, (old, new) in enumerate(pairwise(path))), a_record())

    assert [number for (number,) in books.rows("SELECT pass_number FROM v_spans ORDER BY entered_at")] == [
        1, 1, 1, 1, 1, 1, 1, 2,
    ]  # fmt: skip


def test_a_deal_is_shown_once_for_each_person_in_it(books: Books) -> None:
    books.see(a_contact(), a_record(state="converted", converted_to="0031", converted_opportunity_id="0061"))
    books.see(
        Opportunity("salesforce", "0061", None, None, "Open", "open", at(1), None, 9.5, "EUR"),
        OpportunityRole("salesforce", "00K1", "0061", "0031", "Decision maker", True, at(2)),
        source="opportunity",
    )
    assert books.rows("SELECT opportunity_id, role, amount, outcome FROM v_opportunities") == [
        ("0061", "Decision maker", 9.5, "open")
    ]
    (situation,) = books.ledger.situations("salesforce", [books.person()])
    assert [deal.id for deal in situation.opportunities] == ["0061"]
    assert [role.contact_id for role in situation.roles] == ["0031"]


def test_only_a_legal_verdict_changes_later_and_only_into_a_flag(books: Books) -> None:
    books.go_live_at = at(0)
    books.see(a_record())
    (seq,) = books.rows("SELECT seq FROM v_transitions")[0]

    def judge(verdict: Verdict, why: str) -> list[tuple[object, ...]]:
        books.ledger.commit(PlanRows(judgements=(Judgement(seq, verdict, ("sales",), False, why),)), at(100))
        return books.rows(
            "SELECT t.verdict, t.actor_role, j.why FROM v_transitions t JOIN judgements j ON j.seq = t.seq"
        )

    assert judge("legal", "a first stage") == [("legal", "sales", "a first stage")]
    assert judge("reverted", "else") == [("legal", "sales", "a first stage")]
    assert judge("flagged", "nobody came") == [("flagged", "sales", "nobody came")]
    assert judge("legal", "again") == [("flagged", "sales", "nobody came")]
    for change in ("verdict = 'legal'", "actor_roles = '[]'"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            books.ledger.con.execute(f"UPDATE judgements SET {change}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transitions SET to_stage = 'sql'",
        "DELETE FROM transitions",
        "INSERT OR REPLACE INTO transitions SELECT * FROM transitions",
        "UPDATE moves SET new = 'x'",
        "UPDATE touches SET at = '2020-01-01T00:00:00Z'",
        "DELETE FROM touches",
    ],
)
def test_facts_are_only_ever_added(books: Books, statement: str) -> None:
    books.see(a_move(10, "INQUIRY", "MQL"), a_record(), a_touch("t1", 3))
    with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
        books.ledger.con.execute(statement)
