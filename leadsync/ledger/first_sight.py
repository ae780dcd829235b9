"""Records seen for the first time: their row, their person, and how they came into the stage they are in."""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Record
from leadsync.ledger.chain import SAME_BIRTH, Origin, born_at, stage_in
from leadsync.ledger.connection import select_in
from leadsync.ledger.intake import Intake
from leadsync.ledger.record_rows import CONTENT, CONVERTED_TO, CREATED, MERGED_INTO, STAGE, STATE, end_of, note_load

_COLUMNS = ("rid", "crm", "object", "id", "pid", "read_at", "first_seen_at", "ended_at", *CONTENT)
_BIRTHS = (
    "INSERT INTO transitions (seq, rid, kind, to_stage, to_value, at, at_exact, observed_at, source, actor_id, coalesced,"
    " correction, adopted) SELECT rid + ?, rid, 'birth', COALESCE(stage, ?), stage_value, COALESCE(?, created_at), ?, read_at,"
    " ?, created_by, 0, 0, ? FROM records WHERE rid BETWEEN ? AND ?"
)
_STAYS = (
    "INSERT INTO spans (rid, n, stage, entered_at, left_at, entered_exact) SELECT rid, 0, COALESCE(stage, ?),"
    " COALESCE(?, created_at), NULL, ? FROM records WHERE rid BETWEEN ? AND ?"
)
_PERSONS = (
    "INSERT INTO persons (pid, crm, wake_at, waiting)"
    " SELECT rid, crm, CASE WHEN ?1 IS NULL OR created_at < ?1 THEN NULL ELSE '' END, ?1 IS NULL OR created_at < ?1"
    " FROM records WHERE rid BETWEEN ?2 AND ?3 ON CONFLICT DO NOTHING"
)
Fresh = tuple[Record, tuple[Any, ...]]
"""A record that the ledger has never seen, and its row."""


class _Entry(NamedTuple):
    """How records came into their first stay; those that came alike are written by one statement.

    `at` None is each one's own creation; `stage` stands where the value maps to none of today. A tuple, since one is made
    and looked up for every record of a first load.
    """

    at: str | None
    exact: bool
    adopted: bool
    stage: str | None


def store_new(intake: Intake, object_name: str, fresh: list[Fresh]) -> None:
    """Write records seen for the first time.

    Most rows of a first load end here: a birth, a stay, a person, and nothing else to find out. Those three are copied
    from the record inside SQLite, which is several times quicker than handing every row over once more.
    """
    entries, others = _sorted_out(intake, object_name, fresh)
    con, crm, first = intake.con, intake.crm, intake.next_rid
    rows = [*(one for group in entries.values() for one in group), *others]
    _insert(
        con,
        [
            (rid, crm, object_name, record.ref.id, rid, intake.read_at, intake.read_at, end_of(row, None), *row)
            for rid, (record, row) in enumerate(rows, first)
        ],
    )
    intake.next_rid += len(rows)
    con.execute(_PERSONS, (intake.go_live, first, intake.next_rid - 1))
    recorded = "history" if object_name in intake.history else "poll"
    for entry, group in entries.items():
        last = first + len(group) - 1
        source = "import" if entry.adopted else recorded
        ahead = intake.next_seq - first
        con.execute(_BIRTHS, (ahead, entry.stage, entry.at, int(entry.exact), source, int(entry.adopted), first, last))
        con.execute(_STAYS, (entry.stage, entry.at, int(entry.exact), first, last))
        intake.next_seq += len(group)
        intake.transitions += len(group)
        first = last + 1
    intake.new += len(rows)
    intake.changed += len(rows)


def _insert(con: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
    """Write rows of _COLUMNS, without the columns that none of them fills.

    A None costs the sqlite3 module several times what a text does, since it looks for an adapter of it; and most records
    were never converted, merged or ended.
    """
    filled = [place for place, cells in enumerate(zip(*rows, strict=True)) if cells.count(None) < len(rows)]
    names, marks = ", ".join(_COLUMNS[place] for place in filled), ", ".join("?" * len(filled))
    con.executemany(f"INSERT INTO records ({names}) VALUES ({marks})", map(itemgetter(*filled), rows))


def _sorted_out(intake: Intake, object_name: str, fresh: list[Fresh]) -> tuple[dict[_Entry, list[Fresh]], list[Fresh]]:
    """Return records whose transitions are plain, by how they came in, and those that have more of a past.

    The latter are noted for derivation.
    """
    moved, linked = _expected(intake, object_name, [record.ref.id for record, _ in fresh])
    entries: dict[_Entry, list[Fresh]] = defaultdict(list)
    others: list[Fresh] = []
    for one in fresh:
        record, row = one
        note_load(intake, row, 1)
        record_id = record.ref.id
        if row[CONVERTED_TO] is not None or row[MERGED_INTO] is not None:
            linked.add(record_id)
        if record_id in linked or row[STATE] not in ("live", "out_of_scope") or record_id in moved:
            others.append(one)
        else:
            entries[_entry(intake, object_name, record, row)].append(one)
    for rid, (record, _) in enumerate(others, intake.next_rid + len(fresh) - len(others)):
        if record.ref.id in linked:
            intake.relink.add(rid)
        if "owner" in moved.get(record.ref.id, ()):
            intake.owners.add(rid)
        intake.derive.add(rid)
    return entries, others


def _expected(intake: Intake, object_name: str, ids: list[str]) -> tuple[Mapping[str, set[str]], set[str]]:
    """Return what was told of these records before they came: whose stage or owner moved, and ids that others lead to."""
    con, crm = intake.con, intake.crm
    moved: dict[str, set[str]] = defaultdict(set)
    for record_id, field in select_in(
        con, "SELECT DISTINCT record_id, field FROM moves WHERE crm = ? AND object = ? AND record_id IN (*)", ids,
        (crm, object_name),
    ):  # fmt: skip
        moved[record_id].add(field)
    targets = {
        row[0]
        for row in select_in(
            con, "SELECT merged_into FROM records WHERE crm = ? AND object = ? AND merged_into IN (*)", ids,
            (crm, object_name),
        )
    }  # fmt: skip
    if object_name == "contact":
        targets |= {
            row[0]
            for row in select_in(
                con, "SELECT converted_to FROM records WHERE crm = ? AND converted_to IN (*)", ids, (crm,)
            )
        }
    return moved, targets


def _entry(intake: Intake, object_name: str, record: Record, row: tuple[Any, ...]) -> _Entry:
    adopted = intake.go_live is None or row[CREATED] < intake.go_live
    at, exact = None, True
    if record.modified_at - record.created_at > SAME_BIRTH:
        belief = believed_entry(intake.mapping, object_name, row[STAGE], record.fields) if adopted else None
        origin = Origin(
            row[CREATED], record.created_by, False, intake.read_at, record.stage_value, object_name in intake.history,
            adopted, False, belief,
        )  # fmt: skip
        entered, exact = born_at(origin, (), record.stage_value)
        at = None if entered == row[CREATED] else entered
    stage = None if row[STAGE] or record.stage_value is None else stage_in(intake.mapping, record.stage_value)
    return _Entry(at, exact, adopted, stage)


def believed_entry(mapping: CrmMapping, object_name: str, stage: str | None, fields: Any) -> str | None:
    """Return the entry instant that a date field of the record claims, when the mapping says to believe it."""
    belief = mapping.objects[object_name].entered_from if object_name in mapping.objects else {}
    if stage is None or stage not in belief:
        return None
    native = belief[stage]
    names = [name for name, field in mapping.objects[object_name].fields.items() if native in field.native]
    for name in (*names, native):
        if isinstance(value := fields.get(name), str) and value:
            return value if "T" in value else f"{value}T00:00:00Z"
    return None
