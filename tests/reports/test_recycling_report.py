"""The recycling report: who was sent to Re-Market and why, who came back, who qualified a second time."""

from typing import Any

from ledger_facts import a_record
from report_facts import Funnel, cells, day

from leadsync.domain.decision import PersonState
from leadsync.domain.records import Gone, Ref
from leadsync.domain.transitions import Judgement
from leadsync.ledger import PlanRows
from leadsync.reports.answer import Report
from leadsync.reports.funnel import funnel
from leadsync.reports.people import EVERYTHING, Filters
from leadsync.reports.period import parse_period
from leadsync.reports.recycling import recycling


def report(told: Funnel, on: float, filters: Filters = EVERYTHING) -> Report:
    return recycling(told.ledger.con, told.rulebook, day(on), filters)


def held(told: Funnel, key: str, until: float) -> None:
    person = told.ledger.con.execute("SELECT person_id FROM v_people WHERE record_id = ?", (key,)).fetchone()[0]
    state: dict[str, Any] = {
        "person_id": person, "score": 0, "band": None, "product": None, "recycle_count": 1, "mql_count": 1, "first_mql_at": day(0),
        "last_mql_at": day(0), "held_until": day(until), "passes": 1, "outcome": "none", "outcome_at": None, "twin_of": None,
        "marketable": True, "fired": {}, "wake_at": day(until),
    }  # fmt: skip
    told.ledger.commit(PlanRows(persons=(PersonState(**state),)), day(60))


def judged(told: Funnel, key: str, stage: str, reason: str) -> None:
    (seq,) = told.ledger.con.execute(
        "SELECT max(seq) FROM v_transitions WHERE record_id = ? AND to_stage = ?", (key, stage)
    ).fetchone()
    told.ledger.commit(
        PlanRows(judgements=(Judgement(seq, "legal", (), correction=False, why="", reason=reason),)), day(60)
    )


def test_a_contact_recycled_for_timing_waits_sixty_days_and_comes_back_as_mql(told: Funnel) -> None:
    # SQL to Re-Market on 1 March, back on 30 April.
    key = told.person(
        ("mql", 10), ("sql", 30), ("remarket", 59), object_name="contact", fields={"recycle_reason": "Timing"}
    )
    held(told, key, 119)
    waiting = cells(report(told, on=109).table("reasons"), "timing")
    assert (waiting["recycles"], waiting["waiting"], waiting["cooling"], waiting["re_entered"]) == (1, 1, 1, 0)

    judged(told, key, "remarket", "timing")
    told.person(
        ("mql", 10), ("sql", 30), ("remarket", 59), ("mql", 119), object_name="contact", record_id=key, fields={"recycle_reason": None}
    )  # fmt: skip
    found = report(told, on=120)
    timing = cells(found.table("reasons"), "timing")
    assert (timing["recycles"], timing["waiting"], timing["re_entered"], timing["median_days"]) == (1, 0, 1, 60.0)
    back = cells(found.table("returns"), "contact")
    assert (back["re_entries"], back["second_handoffs"], back["second_sales_qualified"]) == (1, 1, 0)
    volume = cells(funnel(told.ledger.con, told.rulebook, day(120)).table("volume"), "mql")
    assert (volume["events"], volume["persons"]) == (2, 1)


def test_a_contact_that_is_sales_qualified_again_is_a_second_time_sql(told: Funnel) -> None:
    told.person(("sql", 0), ("remarket", 10), ("sql", 50), object_name="contact")
    told.person(("mql", 0), ("remarket", 10), ("sql", 50), object_name="contact")
    told.person(("sql", 0), object_name="contact")
    back = cells(report(told, on=100).table("returns"), "contact")
    assert (back["second_sales_qualified"], back["again_sales_qualified"]) == (1, 2)


def test_a_recycle_without_a_reason_is_counted_as_one(told: Funnel) -> None:
    told.person(("mql", 0), ("remarket", 10))
    found = report(told, on=100).table("reasons")
    assert (found.rows[0][0], found.rows[0][2]) == (None, 1)


def test_a_reason_that_came_with_the_move_outlives_its_being_cleared(told: Funnel) -> None:
    key = told.person(("mql", 0), ("remarket", 10), fields={"recycle_reason": "No budget"})
    judged(told, key, "remarket", "no_budget")
    told.person(("mql", 0), ("remarket", 10), ("mql", 60), record_id=key)
    assert cells(report(told, on=100).table("reasons"), "no_budget")["re_entered"] == 1


def test_recycles_end_in_one_of_four_ways_which_add_up(told: Funnel) -> None:
    told.person(("mql", 0), ("remarket", 10), ("inquiry", 20))
    told.person(("mql", 0), ("remarket", 10), ("disqualified", 20))
    told.person(("mql", 0), ("remarket", 10))
    key = told.person(("mql", 0), ("remarket", 10))
    told.see(Gone(Ref("salesforce", "lead", key), day(15)), on=401)
    total = cells(report(told, on=100).table("reasons"), "total")
    assert [total[name] for name in ("re_entered", "disqualified", "waiting", "gone", "recycles")] == [1, 1, 1, 1, 4]


def test_recycles_are_of_the_period_in_which_they_began_and_re_entries_of_theirs(told: Funnel) -> None:
    told.person(("mql", 0), ("remarket", 10), ("mql", 45))
    january = Filters(parse_period("2026-01", "Europe/Berlin", day(300)))
    february = Filters(parse_period("2026-02", "Europe/Berlin", day(300)))
    assert cells(report(told, 100, january).table("reasons"), "total")["recycles"] == 1
    assert cells(report(told, 100, february).table("reasons"), "total")["recycles"] == 0
    assert cells(report(told, 100, february).table("returns"), "total")["re_entries"] == 1


def test_where_they_were_recycled_from_adds_up_too(told: Funnel) -> None:
    told.person(("mql", 0), ("remarket", 10))
    told.person(("inquiry", 0), ("sal", 3), ("remarket", 10))
    told.person(("remarket", 10))
    found = report(told, on=100)
    assert found.table("origins").rows == (("mql", "MQL", 1), ("sal", "SAL", 1), (None, "First stage that is known", 1))


def test_recycles_of_unknown_date_are_named(told: Funnel) -> None:
    old = a_record("0031", "Re-Market", object="contact", created_at=day(-90), modified_at=day(-3))
    told.see(old, source="contact", on=2, history=())
    found = report(told, on=100)
    assert cells(found.table("reasons"), "total")["recycles"] == 0
    assert "1 recycles of unknown date are in no line" in found.notes
