"""Plans as CSV files: one row for each field of a record that is to change, for people to read, edit and shorten.

A row may be taken out, its `to_value` changed; the ids, the plan's name and the values it starts from are what the
plan is held against when it is applied. Cells that a spreadsheet would take for a formula begin with an apostrophe.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Ref
from leadsync.errors import ConfigError, LeadsyncError
from leadsync.settings.problems import count

COLUMNS = ("plan", "crm", "object", "record_id", "field", "from_value", "to_value", "version", "reason")
FIELDS = ("stage", "disposition", "recycle_reason")
"""What jobs may change: the status, and the two fields that go with it."""

SEED = "seed"
"""Plans that give a first status begin with this word; all others correct one."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One field of one record: what it showed when the plan was made and what it is to show. None is blank."""

    ref: Ref
    field: str
    from_value: str | None
    to_value: str | None
    version: str  # of the record when the plan was made; empty: only the value is compared
    reason: str


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan: its name, which stays whatever is edited, and its rows."""

    plan_id: str
    rows: tuple[PlanRow, ...]


def guard(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """Return what `guard` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def cells_of(plan_id: str, row: PlanRow) -> tuple[str, ...]:
    """Return a row as the cells of COLUMNS."""
    ref = row.ref
    return (
        plan_id, ref.crm, ref.object, ref.id, row.field, row.from_value or "", row.to_value or "", row.version, row.reason,
    )  # fmt: skip


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a file whole or not at all; raises LeadsyncError when it cannot be written."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([guard(cell) for cell in row] for row in rows)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise LeadsyncError(
            f"{path} cannot be written: {error.strerror}; nothing is lost, run it again elsewhere"
        ) from error


def write_plan(path: Path, plan: PlanFile) -> None:
    """Write a plan."""
    write_csv(path, COLUMNS, (cells_of(plan.plan_id, row) for row in plan.rows))


def read_plan(path: Path, mappings: Mapping[str, CrmMapping]) -> PlanFile:
    """Return a plan as it stands in its file, edits included.

    Raises ConfigError with every problem, each with its line: a record twice, a status that is in no mapping, a field
    that may not be written.
    """
    plan = read_rows(path, mappings)
    problems = []
    for number, row in enumerate(plan.rows, start=2):
        mapping = mappings[row.ref.crm]
        if row.field == "stage" and (row.to_value or "") not in mapping.stage_of_value:
            known = ", ".join(sorted(mapping.stage_of_value))
            what = "an empty to_value" if row.to_value is None else repr(row.to_value)
            problems.append(f"{path}:{number}: {what} is no status of the mapping; one of {known}")
    if problems:
        raise _refusal(path, problems)
    return plan


def _refusal(path: Path, problems: Sequence[str]) -> ConfigError:
    return ConfigError(f"{count(len(problems), 'problem')} in {path}; nothing was done", tuple(problems))


def read_rows(path: Path, mappings: Mapping[str, CrmMapping]) -> PlanFile:
    """Return the rows of a plan or of its success file, whatever values they lead to."""
    lines = _lines(path)
    missing = [column for column in COLUMNS if column not in (lines[0] if lines else {})]
    if lines and missing:
        raise ConfigError(
            f"{path} is no plan: it has no column {', '.join(missing)}; make one by `leadsync remap plan`"
        )
    problems: list[str] = []
    seen: dict[tuple[Ref, str], int] = {}
    rows: list[PlanRow] = []
    for number, line in enumerate(lines, start=2):
        ref = Ref(line["crm"], line["object"], line["record_id"])
        row = PlanRow(
            ref, line["field"], line["from_value"] or None, line["to_value"] or None, line["version"], line["reason"]
        )
        if wrong := _wrong(row, mappings):
            problems.append(f"{path}:{number}: {wrong}")
        elif (ref, row.field) in seen:
            problems.append(f"{path}:{number}: {row.field} of {ref.id} is in line {seen[ref, row.field]} already")
        seen.setdefault((ref, row.field), number)
        rows.append(row)
    names = sorted({line["plan"] for line in lines})
    if len(names) > 1 or "" in names:
        problems.append(f"{path}: the column plan must hold one name in all rows, found {', '.join(names)}")
    if problems:
        raise _refusal(path, problems)
    return PlanFile(names[0] if names else "", tuple(rows))


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read: {why}") from error
    head = text.partition("\n")[0]
    # Spreadsheets of half of Europe save with semicolons.
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=";" if ";" in head and "," not in head else ",")
    return [{str(name): unguard(cell or "") for name, cell in line.items() if name is not None} for line in reader]


def _wrong(row: PlanRow, mappings: Mapping[str, CrmMapping]) -> str | None:
    """Say why a row cannot be carried out at all, None when it can."""
    if row.ref.crm not in mappings:
        return f"{row.ref.crm!r} is no CRM of the config"
    mapping = mappings[row.ref.crm]
    if row.ref.object not in mapping.objects:
        return f"{row.ref.object!r} is neither lead nor contact"
    if not row.ref.id:
        return "there is no record id"
    found = mapping.objects[row.ref.object].field_of(row.field) if row.field in FIELDS else None
    if found is None:
        return f"{row.field!r} is none of {', '.join(FIELDS)}, or not mapped"
    if not found.write:
        return f"{row.field} may not be written: the mapping does not say write: true"
    return None
