"""The same cells as table, CSV and JSON; no cell becomes a formula or moves a terminal's cursor."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.reports.answer import Cell, Report, Table
from leadsync.reports.render import SHOWN, to_csv, to_data, to_text_lines


def a_report(*rows: tuple[Cell, ...]) -> Report:
    tables = (
        Table("one", "One", ("name", "count", "share"), rows),
        Table("other", "Other", ("count", "days"), ((7, 1.5),)),
    )
    return Report(
        "funnel", ("Words.",), "abc", datetime(2026, 11, 22, tzinfo=UTC), tables, {"source": "Web"}, ("a note",)
    )


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_is_one_rectangle_with_the_definition_in_each_row() -> None:
    rows = read(to_csv(a_report(("mql", 3, 21.1), ("sal", 0, None))))
    assert [row["table"] for row in rows] == ["one", "one", "other"]
    assert {row["definition_hash"] for row in rows} == {"abc"}
    assert rows[0]["as_of"] == "2026-11-22T00:00:00Z"
    assert (rows[0]["name"], rows[0]["count"], rows[0]["share"], rows[0]["days"]) == ("mql", "3", "21.1", "")
    assert (rows[1]["share"], rows[2]["count"], rows[2]["days"]) == ("", "7", "1.5")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(first: str) -> None:
    (row, _) = read(to_csv(a_report((f"{first}cmd|' /C calc'!A0", -3, -0.5))))
    assert row["name"] == f"'{first}cmd|' /C calc'!A0"
    assert (row["count"], row["share"]) == ("-3", "-0.5")


@given(
    st.lists(
        st.tuples(st.text(), st.integers(0, 10**9), st.none() | st.floats(0, 100).map(lambda x: round(x, 1))),
        max_size=5,
    )
)
def test_csv_and_json_hold_the_same_cells(rows: list[tuple[Cell, ...]]) -> None:
    found = a_report(*rows)
    told = json.loads(json.dumps(to_data(found)))["tables"]["one"]
    written = [row for row in read(to_csv(found)) if row["table"] == "one"]
    assert len(told) == len(written) == len(rows)
    for one, other in zip(told, written, strict=True):
        assert str(one["count"]) == other["count"]
        assert ("" if one["share"] is None else str(one["share"])) == other["share"]
        assert other["name"].removeprefix("'") == one["name"].removeprefix("'")


def test_json_says_what_was_asked_and_how_it_was_counted() -> None:
    told = to_data(a_report(("mql", 3, 21.1)))
    assert told["filters"] == {"source": "Web"}
    assert (told["report"], told["definition_hash"], told["definition"], told["notes"]) == (
        "funnel",
        "abc",
        ["Words."],
        ["a note"],
    )
    assert told["tables"]["one"] == [{"name": "mql", "count": 3, "share": 21.1}]


def test_a_terminal_gets_aligned_columns_and_visible_control_characters() -> None:
    lines = to_text_lines(a_report(("mql\x1b[31m", 3, 21.1), ("sal", 120, 5.0)))
    assert lines[3] == "  name      count  share"
    assert lines[4] == "  mql\ufffd[31m      3   21.1"
    assert lines[5] == "  sal         120    5.0"
    assert "note  a note" in lines
    assert lines[-1] == "definition abc"


def test_a_terminal_is_spared_thousands_of_rows_and_told_so() -> None:
    lines = to_text_lines(a_report(*(("x", n, 1.0) for n in range(SHOWN + 7))))
    assert "  ... and 7 more; --format csv or json has them all" in lines


def test_an_empty_table_says_nothing_is_in_it() -> None:
    assert "  nothing" in to_text_lines(a_report())
