"""What the ledger remembers of mass changes that were let go, and of automatic rules that are in force."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from ledger_facts import Books, a_law, a_move, a_record, at

from leadsync.domain.conditions import ALWAYS, Not
from leadsync.domain.funnel import AutomaticMove, FunnelLaw
from leadsync.domain.records import Account, Opportunity
from leadsync.domain.situation import Assignment
from leadsync.domain.transitions import Judgement
from leadsync.errors import StorageFailed
from leadsync.ledger import PlanRows, open_ledger

GROUP, BIRTHS = "bulk:005A:INQUIRY>MQL:2026-03-01", "bulk:births:005A:2026-03-01"


def judged(books: Books, group: str, record_id: str = "00Q1", kind: str = "move") -> None:
    """Let the law have said that a record's move, or birth, was part of a group."""
    ((seq,),) = books.rows(
        "SELECT t.seq FROM transitions t JOIN records r ON r.rid = t.rid WHERE r.id = ? AND t.kind = ?", record_id, kind
    )
    books.ledger.commit(PlanRows(judgements=(Judgement(seq, "legal", (), False, "", bulk_id=group),)), at(20))


def test_a_mass_change_waits_until_it_is_let_go_and_wakes_everybody_in_it(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"))
    books.see(
        a_move(10, "INQUIRY", "MQL", record_id="00Q1"),
        a_move(11, "INQUIRY", "MQL", record_id="00Q2"),
        source="lead_history",
    )
    for record_id in ("00Q1", "00Q2"):
        judged(books, GROUP, record_id)
    books.decided("00Q1", "00Q2")
    assert [(c.group_id, c.crm, c.moves, c.at) for c in books.ledger.held_changes()] == [
        (GROUP, "salesforce", 2, at(11))
    ]

    assert books.ledger.release("bulk:nothing", at(30)) == 0
    assert books.ledger.release(GROUP, at(30)) == 2

    assert books.ledger.held_changes() == []
    assert len(books.ledger.due("salesforce", at(31))) == 2
    (situation,) = books.ledger.situations("salesforce", [books.person("00Q1")])
    assert situation.released == {GROUP: at(30)}


def test_a_release_lets_go_what_was_seen_even_where_our_clock_is_behind(books: Books) -> None:
    books.see(a_record("00Q1"))
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")
    judged(books, GROUP)
    books.ledger.release(GROUP, at(5))
    assert books.ledger.held_changes() == []


def test_the_same_mass_change_made_again_waits_again(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"))
    books.see(a_move(10, "INQUIRY", "MQL", record_id="00Q1"), source="lead_history")
    judged(books, GROUP)
    books.ledger.release(GROUP, at(30))
    books.see(a_move(40, "INQUIRY", "MQL", record_id="00Q2"), source="lead_history")
    judged(books, GROUP, "00Q2")
    assert [change.moves for change in books.ledger.held_changes()] == [1]
    assert books.ledger.release(GROUP, at(50)) == 1


def test_a_mass_creation_is_held_by_nobody_and_its_doors_of_the_last_hour_are_known(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"))
    judged(books, BIRTHS, kind="birth")
    assert books.ledger.held_changes() == []
    made = Assignment(books.person(), "00Q1", "r", None, "normal", False, "005B", "leadsync", at(30), "", "d")
    other = replace(made, person_id=books.person("00Q2"), record_id="00Q2")
    books.ledger.commit(PlanRows(assignments=(made, other)), at(30))
    assert books.ledger.directory("salesforce", "005OWN", at(60)).opened == {BIRTHS: (at(30),)}
    assert books.ledger.directory("salesforce", "005OWN", at(90)).opened == {}


def a_law_with(*rules: AutomaticMove) -> FunnelLaw:
    return replace(a_law(), automatic=rules)


def a_rule(name: str, when: object = ALWAYS) -> AutomaticMove:
    return AutomaticMove(name, frozenset({"inquiry"}), "mql", when)  # type: ignore[arg-type]


class ARulebook:
    """As much of a rulebook as the ledger notes."""

    def __init__(self, digest: str, law: FunnelLaw) -> None:
        self.hash, self.law = digest, law


def adopt(books: Books, digest: str, law: FunnelLaw, when: datetime) -> dict[str, datetime]:
    before = books.ledger.adopted_rules(law, when)
    books.ledger.adopt_rulebook(ARulebook(digest, law), when)  # type: ignore[arg-type]
    after = books.ledger.adopted_rules(law, at(10_000))
    assert before == after, "what is planned before the adoption is what holds after it"
    return after


def test_rules_that_were_there_from_the_beginning_are_no_new_ones(books: Books) -> None:
    assert adopt(books, "one", a_law_with(a_rule("a"), a_rule("b")), at(0)) == {}


def test_a_new_or_changed_rule_is_in_force_since_its_adoption(books: Books) -> None:
    adopt(books, "one", a_law_with(a_rule("a"), a_rule("b")), at(0))
    changed = a_rule("b", Not(ALWAYS))
    assert adopt(books, "two", a_law_with(a_rule("a"), changed, a_rule("c")), at(10)) == {"b": at(10), "c": at(10)}
    # Other files change, these rules do not.
    assert adopt(books, "three", a_law_with(changed, a_rule("a"), a_rule("c")), at(20)) == {"b": at(10), "c": at(10)}
    assert adopt(books, "four", a_law_with(a_rule("c")), at(30)) == {"c": at(10)}
    assert adopt(books, "five", a_law_with(a_rule("a"), a_rule("c")), at(40)) == {"a": at(40), "c": at(10)}


def test_the_order_of_a_set_makes_no_other_rule(books: Books) -> None:
    stages = [frozenset(order) for order in (("a", "b", "c"), ("c", "b", "a"))]
    texts = {a_law_with(AutomaticMove("r", found, "mql", ALWAYS)).definitions()["r"] for found in stages}
    assert len(texts) == 1


def test_a_ledger_of_an_earlier_release_is_not_read_before_it_was_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "leadsync.db"
    with open_ledger(path) as ledger:
        ledger.con.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm004%'")
        ledger.con.execute("PRAGMA user_version=3")
    with pytest.raises(StorageFailed, match="open it once"):
        open_ledger(path, read_only=True)


def test_imported_history_keeps_what_the_law_says_of_it_and_first_sight_stays_adopted(books: Books) -> None:
    books.go_live_at = at(100)
    books.see(a_move(10, "INQUIRY", "MQL"), a_record("00Q1", "MQL"))
    ((situation),) = books.ledger.situations("salesforce", [books.person("00Q1")], law=a_law(moves=1))
    assert [(move.verdict, move.imported) for move in situation.transitions] == [("adopted", False), (None, True)]
    assert situation.in_bulk == {}
    verdicts = "SELECT source, verdict FROM v_transitions ORDER BY at"
    assert books.rows(verdicts) == [("import", "adopted"), ("import", "adopted")]

    said = Judgement(situation.transitions[1].seq, "flagged", ("sales",), False, "no edge leads there")
    books.ledger.commit(PlanRows(judgements=(said,)), at(110))

    assert books.rows(verdicts) == [("import", "adopted"), ("import", "flagged")]
    (situation,) = books.ledger.situations("salesforce", [books.person("00Q1")])
    assert [(move.verdict, move.is_adopted) for move in situation.transitions] == [("adopted", True), ("flagged", True)]


def test_open_deals_of_an_account_are_shown_for_whoever_belongs_to_it_where_they_guard(books: Books) -> None:
    company = Account("salesforce", "0011", {"name": "Initech", "website": "initech.example"})
    books.see(company, source="account")
    books.see(
        a_record("00Q1", account_id="0011"), a_record("00Q2"), a_record("00Q3", fields={"email": "x@else.example"})
    )
    deal = Opportunity("salesforce", "0061", "0011", "005E", None, "open", at(5), None)
    books.see(deal, source="opportunity")
    people = [books.person(f"00Q{n}") for n in (1, 2, 3)]

    def deals(law: FunnelLaw | None) -> list[list[str]]:
        found = books.ledger.situations("salesforce", people, law=law)
        return [[one.id for one in situation.account_deals] for situation in found]

    assert deals(replace(a_law(), open_deal_guard="account")) == [["0061"], ["0061"], []]
    assert deals(None) == [["0061"], ["0061"], []]
    assert deals(a_law()) == [[], [], []]
    books.see(replace(deal, outcome="won", closed_at=at(9)), source="opportunity")
    assert deals(None) == [[], [], []]


def test_a_ledger_of_an_earlier_release_learns_the_accounts_of_its_deals(tmp_path: Path) -> None:
    path = tmp_path / "leadsync.db"
    deal = Opportunity("salesforce", "0061", "0011", "005E", None, "open", at(5), None)
    with open_ledger(path) as ledger:
        Books(ledger).see(deal, source="opportunity")
        ledger.con.execute("DROP INDEX opportunities_open_by_account")
        ledger.con.execute("ALTER TABLE opportunities DROP COLUMN account_id")
        ledger.con.execute("DELETE FROM _sqlite_migrations WHERE name LIKE 'm005%'")
        ledger.con.execute("PRAGMA user_version=4")
    with open_ledger(path) as ledger:
        assert ledger.con.execute("SELECT account_id FROM opportunities").fetchall() == [("0011",)]
