"""Stage changes of objects whose history the CRM keeps."""

from ledger_facts import Books, a_move, a_record, at, changed


def test_a_lead_is_born_with_the_value_its_first_move_left_behind(books: Books) -> None:
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")
    books.see(changed(a_record(), 10, stage_value="MQL"))

    assert books.moves() == [(None, "inquiry"), ("inquiry", "mql")]
    assert books.line() == [
        ("inquiry", "2026-03-01T09:00:00Z", "2026-03-01T09:10:00Z"),
        ("mql", "2026-03-01T09:10:00Z", None),
    ]


def test_a_history_row_that_comes_after_its_lead_corrects_the_birth(books: Books) -> None:
    books.see(changed(a_record(), 10, stage_value="MQL"))
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")

    assert books.moves() == [(None, "inquiry"), ("inquiry", "mql")]
    assert books.rows("SELECT count(*) FROM withdrawals") == [(1,)]


def test_moves_of_one_second_are_chained_by_their_values(books: Books) -> None:
    books.see(
        a_move(5, "MQL", "SAL", "m1"), a_move(5, "MAQL", "MQL", "m2"), a_move(5, "INQUIRY", "MAQL", "m3"),
        source="lead_history",
    )  # fmt: skip
    books.see(changed(a_record(), 5, stage_value="SAL"))

    assert books.moves() == [(None, "inquiry"), ("inquiry", "maql"), ("maql", "mql"), ("mql", "sal")]


def test_a_late_move_of_the_same_second_takes_its_place_in_the_chain(books: Books) -> None:
    books.see(a_move(5, "MAQL", "MQL", "m2"), source="lead_history")
    books.see(changed(a_record(), 5, stage_value="MQL"))
    books.see(a_move(5, "INQUIRY", "MAQL", "m3"), source="lead_history")

    assert books.moves() == [(None, "inquiry"), ("inquiry", "maql"), ("maql", "mql")]


def test_a_value_without_a_history_row_is_settled_by_the_second_complete_pass(books: Books) -> None:
    books.see(a_record())
    assert books.see(changed(a_record(), 10, stage_value="MQL")).gaps == 1
    books.see(complete=True)
    assert books.moves() == [(None, "inquiry")]

    books.see(complete=True)

    assert books.moves() == [(None, "inquiry"), ("inquiry", "mql")]
    assert books.rows("SELECT source, at, at_exact, coalesced, actor_id FROM transitions WHERE kind = 'gap'") == [
        ("poll", "2026-03-01T09:10:00Z", 0, 1, "005A")
    ]
    books.see(complete=True)
    assert len(books.moves()) == 2


def test_a_gap_that_the_history_fills_in_time_leaves_no_coalesced_move(books: Books) -> None:
    books.see(a_record())
    books.see(changed(a_record(), 10, stage_value="MQL"), complete=True)
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")
    books.see(complete=True)
    books.see(complete=True)

    assert books.rows("SELECT kind FROM transitions ORDER BY seq") == [("birth",), ("move",)]


def test_a_settled_gap_is_withdrawn_when_the_history_comes_after_all(books: Books) -> None:
    books.see(a_record())
    books.see(changed(a_record(), 20, stage_value="SAL"))
    books.see(complete=True)
    books.see(complete=True)

    books.see(a_move(10, "INQUIRY", "MQL"), a_move(20, "MQL", "SAL"), source="lead_history")

    assert books.moves() == [(None, "inquiry"), ("inquiry", "mql"), ("mql", "sal")]


def test_a_record_read_before_its_history_row_is_no_gap(books: Books) -> None:
    books.see(a_record())
    books.see(a_move(10, "INQUIRY", "MQL"), source="lead_history")
    for _ in range(3):
        assert books.see(complete=True).gaps == 0

    assert books.moves() == [(None, "inquiry"), ("inquiry", "mql")]


def test_a_change_between_two_values_of_one_stage_moves_no_span(books: Books) -> None:
    books.see(a_record(value="MQL"))
    books.see(a_move(10, "MQL", "Marketing Qualified"), source="lead_history")

    assert books.line() == [("mql", "2026-03-01T09:00:00Z", None)]


def test_a_value_outside_the_mapping_is_kept_and_stands_for_no_stage(books: Books) -> None:
    books.see(a_record())
    books.see(a_move(10, "INQUIRY", "Left Vmail"), source="lead_history")

    assert books.rows("SELECT to_stage, to_value FROM v_transitions ORDER BY seq DESC LIMIT 1") == [
        (None, "Left Vmail")
    ]


def test_a_value_of_former_days_still_stands_for_its_stage_in_history(books: Books) -> None:
    books.see(a_move(10, "Hot", "SAL"), source="lead_history")
    books.see(changed(a_record(), 10, stage_value="SAL"))

    assert books.moves() == [(None, "mql"), ("mql", "sal")]


def test_reading_the_same_page_again_changes_nothing(books: Books) -> None:
    rows = (a_record(), a_move(10, "INQUIRY", "MQL"))
    books.see(*rows)
    before = books.rows("SELECT * FROM transitions")

    again = books.see(*rows)

    assert (again.changed, again.transitions, again.new) == (0, 0, 0)
    assert books.rows("SELECT * FROM transitions") == before


def test_two_versions_with_one_stamp_are_told_apart_by_when_they_were_read(books: Books) -> None:
    first = a_record(value="INQUIRY", owner_id="005A")
    second = a_record(value="INQUIRY", owner_id="005B")
    books.see(first, minutes=1)
    books.see(second, minutes=2)
    books.see(first, minutes=1)

    assert books.rows("SELECT owner_id FROM records") == [("005B",)]


def test_an_older_version_is_not_believed(books: Books) -> None:
    books.see(changed(a_record(), 10, owner_id="005B"))
    assert books.see(a_record()).changed == 0
    assert books.rows("SELECT owner_id, stamp FROM records") == [("005B", at(10).strftime("%Y-%m-%dT%H:%M:%SZ"))]
