"""What a first load leaves for later, and what a page that brought nothing leaves behind."""

from pathlib import Path

from ledger_facts import Books, a_record, a_touch, at

from leadsync.ledger import open_ledger

LATE = {"records_by_email", "records_by_account"}


def late_indexes(books: Books) -> set[str]:
    return LATE & {name for (name,) in books.rows("SELECT name FROM sqlite_master WHERE type = 'index'")}


def test_a_first_load_leaves_indexes_without_order_to_whoever_decides_first(books: Books) -> None:
    books.see(a_record("00Q1"), a_record("00Q2"))
    assert late_indexes(books) == set()

    books.ledger.situations("salesforce", [books.person("00Q1")])

    assert late_indexes(books) == LATE


def test_a_ledger_that_knows_people_keeps_its_indexes(books: Books) -> None:
    books.see(a_record("00Q1"))
    books.ledger.situations("salesforce", [books.person("00Q1")])
    books.see(a_record("00Q2"))

    assert late_indexes(books) == LATE


def test_what_everybody_carries_is_known_from_the_load_as_if_it_were_counted_anew(books: Books, path: Path) -> None:
    books.see(a_record("00Q1"), a_record("00Q2", owner_id="005B"), a_record("00Q3", state="deleted"))
    books.see(a_record("00Q4"), a_record("00Q5", value=None))
    known = books.ledger.directory("salesforce", "005L", at(1)).open_load
    books.ledger.close()

    with open_ledger(path) as ledger:
        assert known == ledger.directory("salesforce", "005L", at(1)).open_load == {"005A": 2, "005B": 1}


def test_twins_are_found_after_a_first_load_that_was_cut_off(books: Books, path: Path) -> None:
    same = {"email": "ada@initech.example"}
    books.see(a_record("00Q1", fields=same), progress="00Q1")
    books.ledger.close()
    with open_ledger(path) as ledger:
        again = Books(ledger)
        again.see(a_record("00Q2", fields=same), mark="1")
        situation = ledger.situations("salesforce", [again.person("00Q1")])[0]

        assert [twin.person_id for twin in situation.twins] == [again.person("00Q2")]


def test_the_mark_of_a_page_without_rows_is_known_at_once_and_after_a_restart(books: Books, path: Path) -> None:
    books.see(source="account", mark="a1")
    assert books.ledger.marks("salesforce")["account"].mark == "a1"
    books.see(source="account", mark="a2", minutes=7)
    books.ledger.close()

    with open_ledger(path) as ledger:
        assert ledger.marks("salesforce")["account"].mark == "a2"
        assert ledger.mark_times("salesforce") == {"account": at(7)}


def test_marks_without_rows_wait_for_the_next_transaction_in_their_order(books: Books) -> None:
    books.see(source="touch:Task", mark="t1")
    assert books.rows("SELECT mark FROM marks") == []

    books.see(a_touch("x", 5), source="touch:Task", mark="t2")

    assert books.rows("SELECT source, mark FROM marks") == [("touch:Task", "t2")]


def test_a_mark_that_a_crash_loses_leaves_the_older_one(books: Books, path: Path) -> None:
    books.see(a_touch("x", 5), source="touch:Task", mark="t1")
    books.see(source="touch:Task", mark="t2")
    with open_ledger(path, read_only=True) as other:
        assert other.marks("salesforce")["touch:Task"].mark == "t1"


def test_the_end_of_a_cycle_writes_every_mark(books: Books) -> None:
    cycle = books.ledger.begin_cycle("salesforce", at(0))
    books.see(source="campaign", mark="c1")
    books.ledger.end_cycle(cycle, at(1))

    assert books.rows("SELECT source, mark FROM marks") == [("campaign", "c1")]


def test_a_rewound_source_stays_rewound_although_a_mark_was_waiting(books: Books) -> None:
    books.see(source="account", mark="a1")
    books.ledger.rewind("salesforce", "account")

    assert books.ledger.marks("salesforce") == {}


def test_a_second_whole_read_misses_nobody_whom_it_brought_in_itself(books: Books) -> None:
    books.see(a_record("00Q1"), mark="1")
    books.see(a_record("00Q2"), progress="00Q2")
    stored = books.see(a_record("00Q1"), a_record("00Q3"), full=True, mark="2")

    assert (stored.vanished, stored.vanished_held) == (0, 0)
