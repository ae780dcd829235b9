"""A plan is a file for people: what they may edit counts, what makes no sense is named with its line."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.jobs.plan_file import COLUMNS, guard, unguard, write_csv


@given(st.text())
def test_a_guarded_cell_is_no_formula_and_comes_back_as_it_was(cell: str) -> None:
    assert unguard(guard(cell)) == cell
    assert not guard(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_file_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan.csv"
    write_csv(path, ("a",), [("1",)])

    def breaks_off() -> Any:
        yield ("2",)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_csv(path, ("a",), breaks_off())
    assert path.read_bytes() == b"a\r\n1\r\n"


def planned(desk: Any, old: Mapping[str, str]) -> tuple[list[str], list[dict[str, str]]]:
    keys = desk.showing(*old)
    desk.advance(86400)
    desk.plan()
    return keys, desk.csv()


def save(desk: Any, rows: list[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    with desk.plan_path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_the_plan_names_every_record_with_both_values_version_and_reason(desk: Any, old: Mapping[str, str]) -> None:
    keys, rows = planned(desk, old)
    assert [(row["record_id"], row["field"], row["from_value"], row["to_value"]) for row in rows] == [
        (key, "stage", was, becomes) for key, (was, becomes) in zip(keys, old.items(), strict=True)
    ]
    assert {(row["crm"], row["object"]) for row in rows} == {("salesforce", "lead")}
    assert rows[1]["reason"] == "Working - Contacted stands for lal"
    assert all(row["version"] for row in rows)
    assert len({row["plan"] for row in rows}) == 1


def test_rows_that_were_taken_out_stay_as_they_are_and_edited_ones_go_where_the_editor_says(
    desk: Any, old: Mapping[str, str]
) -> None:
    keys, rows = planned(desk, old)
    rows[0]["to_value"] = "Raw"
    save(desk, rows[:2])

    assert desk.apply("--yes")["done"] == 2

    assert desk.statuses(keys) == ["Raw", "LAL", "Closed - Not Converted", "Hot Prospect"]


def test_a_plan_saved_by_a_spreadsheet_with_semicolons_and_a_byte_order_mark_is_read(
    desk: Any, old: Mapping[str, str]
) -> None:
    _, rows = planned(desk, old)
    save(desk, rows, delimiter=";", encoding="utf-8-sig")
    assert desk.apply("--yes")["done"] == 4


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("to_value", "Nonsense", "remap.csv:3: 'Nonsense' is no status of the mapping"),
        ("to_value", "", "remap.csv:3: an empty to_value is no status of the mapping"),
        ("field", "email", "remap.csv:3: 'email' is none of stage, disposition, recycle_reason"),
        ("object", "account", "remap.csv:3: 'account' is neither lead nor contact"),
        ("crm", "hubspot", "remap.csv:3: 'hubspot' is no CRM of the config"),
        ("record_id", "", "remap.csv:3: there is no record id"),
        ("plan", "another", "the column plan must hold one name in all rows"),
    ],
)
def test_a_row_that_makes_no_sense_is_named_by_its_line_and_nothing_is_written(
    desk: Any, old: Mapping[str, str], column: str, value: str, complaint: str
) -> None:
    _, rows = planned(desk, old)
    rows[1][column] = value
    save(desk, rows)

    desk.apply("--yes", expect=2)

    assert complaint in desk.said
    assert desk.writes() == []


def test_a_record_that_stands_in_the_plan_twice_is_refused(desk: Any, old: Mapping[str, str]) -> None:
    _, rows = planned(desk, old)
    save(desk, [*rows, rows[0]])
    desk.apply("--yes", expect=2)
    assert "remap.csv:6: stage of" in desk.said
    assert "is in line 2 already" in desk.said


def test_a_file_that_is_no_plan_is_refused(desk: Any, old: Mapping[str, str]) -> None:
    planned(desk, old)
    desk.plan_path.write_text("id,status\n1,2\n", encoding="utf-8")
    desk.apply("--yes", expect=2)
    assert "is no plan: it has no column plan" in desk.said
    desk.plan_path.unlink()
    desk.apply("--yes", expect=2)
    assert "cannot be read" in desk.said


def test_a_plan_is_never_overwritten(desk: Any, old: Mapping[str, str]) -> None:
    _, rows = planned(desk, old)
    desk.run("remap", "plan", "--out", str(desk.plan_path), expect=2)
    assert desk.csv() == rows


def test_where_nobody_uses_an_old_status_there_is_no_plan(desk: Any) -> None:
    desk.showing("Inquiry", "MQL")
    assert desk.plan()["records"] == 0
    assert not desk.plan_path.exists()


def test_a_limit_makes_a_plan_of_the_first_records(desk: Any, old: Mapping[str, str]) -> None:
    desk.showing(*old)
    assert desk.plan("--limit", "3")["records"] == 3
    assert len(desk.csv()) == 3


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 81])
def test_an_operator_without_a_name_is_refused(desk: Any, name: str) -> None:
    desk.run("remap", "plan", "--out", str(desk.plan_path), "--operator", name, expect=2)
    assert "say who does this" in desk.said
