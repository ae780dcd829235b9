"""A report as text for a terminal, as CSV, as JSON: the same cells in the same order.

CSV is one rectangle, so that a spreadsheet can filter it: the columns of all tables side by side, each row with its table's
name and the definition's hash.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any

from leadsync.domain.instants import to_text
from leadsync.reports.answer import Cell, Report, Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

SHOWN = 50
"""Rows of one table that a terminal is shown; the other forms have them all."""


def to_data(report: Report) -> dict[str, Any]:
    """Return a report as plain data for JSON; each table is a list of objects."""
    return {
        "report": report.name,
        "definition_hash": report.definition_hash,
        "as_of": to_text(report.as_of),
        "filters": dict(report.filters),
        "definition": list(report.definition),
        "notes": list(report.notes),
        "tables": {
            table.name: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for table in report.tables
        },
    }


def to_csv(report: Report) -> str:
    """Return a report as CSV; text that a spreadsheet would take for a formula gets an apostrophe before it."""
    columns = list(dict.fromkeys(column for table in report.tables for column in table.columns))
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(["report", "definition_hash", "as_of", "table", *columns])
    for table in report.tables:
        places = [table.columns.index(column) if column in table.columns else None for column in columns]
        for row in table.rows:
            cells = [None if place is None else row[place] for place in places]
            head = (report.name, report.definition_hash, to_text(report.as_of), table.name)
            writer.writerow([_csv_cell(cell) for cell in (*head, *cells)])
    return written.getvalue()


def _csv_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return _text(cell)


def to_text_lines(report: Report) -> list[str]:
    """Return a report as lines for a terminal."""
    filters = "".join(f", {name} {value}" for name, value in report.filters.items())
    lines = [f"{report.name} as of {to_text(report.as_of)}{filters}"]
    for table in report.tables:
        lines += ["", table.title, *_grid(table)]
    lines += ["", *(f"note  {note}" for note in report.notes), f"definition {report.definition_hash}"]
    return lines


def _grid(table: Table) -> list[str]:
    if not table.rows:
        return ["  nothing"]
    shown = table.rows[:SHOWN]
    cells = [table.columns, *([_printable(_text(cell)) for cell in row] for row in shown)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(table.columns))]
    numeric = [all(not isinstance(row[place], str) for row in shown) for place in range(len(table.columns))]
    lines = [_line(row, widths, numeric) for row in cells]
    if len(table.rows) > SHOWN:
        lines.append(f"  ... and {len(table.rows) - SHOWN} more; --format csv or json has them all")
    return lines


def _line(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    cells = (
        cell.rjust(width) if number else cell.ljust(width)
        for cell, width, number in zip(row, widths, numeric, strict=True)
    )
    return ("  " + "  ".join(cells)).rstrip()


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
