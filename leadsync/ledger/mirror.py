"""Records as the CRM shows them: which of a page's rows are news, and writing only those.

A row that the ledger has seen already costs one comparison. What changed is handed on: to `derivation.py` for its
transitions, to `people.py` for its links.
"""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

from collections.abc import Iterable, Sequence
from typing import Any

from leadsync.domain.records import Gone, Record
from leadsync.ledger.codec import fields_of, text, to_json
from leadsync.ledger.connection import select_in
from leadsync.ledger.first_sight import Fresh, store_new
from leadsync.ledger.intake import Intake
from leadsync.ledger.record_rows import (
    ACCOUNT,
    ASSIGNEE,
    CLOSED,
    CONTENT,
    CONVERTED_ON,
    CONVERTED_TO,
    CREATED,
    CREATED_BY,
    EMAIL_KEY,
    FIELDS,
    MERGED_INTO,
    MODIFIED,
    OPERATION,
    OWNER,
    STAGE_VALUE,
    STAMP,
    STATE,
    VERSION,
    content,
    end_of,
    note_load,
)

_LINKS = (STATE, CONVERTED_TO, MERGED_INTO, CONVERTED_ON)

_SELECT = (
    f"SELECT id, rid, read_at, ended_at, {', '.join(CONTENT)} FROM records WHERE crm = ? AND object = ? AND id IN (*)"
)
_UPDATE = f"UPDATE records SET read_at = ?, ended_at = ?, {', '.join(f'{name} = ?' for name in CONTENT)} WHERE rid = ?"


def store_records(intake: Intake, object_name: str, records: Sequence[Record]) -> None:
    """Write the records of one object that are new or changed."""
    wanted: dict[str, Record] = {}
    for record in records:
        twice = wanted.get(record.ref.id)
        if twice is None or record.stamp >= twice.stamp:
            wanted[record.ref.id] = record
    known = {row[0]: row for row in select_in(intake.con, _SELECT, wanted, (intake.crm, object_name))}
    fresh: list[Fresh] = []
    updates: list[tuple[Any, ...]] = []
    for record_id, record in wanted.items():
        stored = known.get(record_id)
        if stored is not None and _is_known(record, stored[4:]):
            continue
        row = content(record, intake.mapping)
        if stored is None:
            fresh.append((record, row))
        elif stored[4:] != row and _is_newer(row, stored, intake.read_at) and not _is_same(row, stored[4:]):
            updates.append(_changed(intake, stored, row))
    if updates:
        intake.con.executemany(_UPDATE, updates)
        intake.changed += len(updates)
    if fresh:
        store_new(intake, object_name, fresh)


def _is_known(record: Record, old: tuple[Any, ...]) -> bool:
    """Say, without writing the whole row out, whether a record stands in the ledger as it is.

    Overlapping windows deliver most rows again and again, so this is what an idle pass costs.
    """
    return (
        bool(record.version == old[VERSION])
        and record.state == old[STATE]
        and record.stage_value == old[STAGE_VALUE]
        and record.owner_id == old[OWNER]
        and record.operation == old[OPERATION]
        and record.account_id == old[ACCOUNT]
        and record.converted_to == old[CONVERTED_TO]
        and record.merged_into == old[MERGED_INTO]
        and record.closed == old[CLOSED]
        and text(record.stamp) == old[STAMP]
        and to_json(record.fields) == old[FIELDS]
    )


def _is_same(row: tuple[Any, ...], old: tuple[Any, ...]) -> bool:
    """Say whether rows differ in nothing but the order of their fields, which follows the mapping file."""
    return row[:-1] == old[:-1] and fields_of(row[-1]) == fields_of(old[-1])


def _is_newer(row: tuple[Any, ...], stored: tuple[Any, ...], read_at: str) -> bool:
    """Say whether a row is younger than what is stored: by its stamp, and where two share a second by when it was read.

    A record that was reported gone only comes back by a later reading; whether an undelete moves the stamp is not
    documented by Salesforce.
    """
    old = stored[4:]
    if old[STATE] in ("deleted", "merged") and row[STATE] not in ("deleted", "merged"):
        return bool(row[STAMP] > stored[3] or (row[STAMP] >= old[STAMP] and read_at > stored[2]))
    if row[STAMP] != old[STAMP]:
        return bool(row[STAMP] > old[STAMP])
    return bool(read_at >= stored[2])


def _changed(intake: Intake, stored: tuple[Any, ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    rid, old = stored[1], stored[4:]
    note_load(intake, old, -1)
    note_load(intake, row, 1)
    if row[STAGE_VALUE] != old[STAGE_VALUE]:
        intake.derive.add(rid)
    if any(row[place] != old[place] for place in _LINKS):
        intake.derive.add(rid)
        intake.relink.add(rid)
        # An undelete need not touch the row, but it is news of now.
        intake.heard(rid, intake.read_at)
    for field, place in (("owner", OWNER), ("assignee", ASSIGNEE)):
        if row[place] != old[place]:
            intake.former_owners.append((rid, field, old[place], old[CREATED], old[CREATED_BY]))
            intake.owners.add(rid)
    if old[EMAIL_KEY] is not None and row[EMAIL_KEY] != old[EMAIL_KEY]:
        intake.former_emails.append(old[EMAIL_KEY])
    intake.heard(rid, row[MODIFIED])
    return (intake.read_at, end_of(row, stored[3]), *row, rid)


def last_values(intake: Intake, gone: Iterable[Gone]) -> list[Record]:
    """Return what gone records showed at the end, but for those that are known to have ended like that already."""
    rows = {(row.ref.object, row.ref.id): row for row in gone if row.last is not None}
    for object_name in {name for name, _ in rows}:
        ids = [record_id for name, record_id in rows if name == object_name]
        for record_id, state, stamp in select_in(
            intake.con,
            "SELECT id, state, stamp FROM records WHERE id IN (*) AND crm = ? AND object = ?",
            ids,
            after=(intake.crm, object_name),
        ):
            last = rows[object_name, record_id].last
            if state in ("deleted", "merged") and last is not None and text(last.stamp) <= stamp:
                del rows[object_name, record_id]
    return [row.last for row in rows.values() if row.last is not None]


def store_gone(intake: Intake, gone: Iterable[Gone]) -> None:
    """Mark records that the CRM no longer shows; one whose values nobody ever read leaves no trace."""
    by_object: dict[str, dict[str, Gone]] = {}
    for row in gone:
        by_object.setdefault(row.ref.object, {})[row.ref.id] = row
    for object_name, rows in by_object.items():
        for found in list(select_in(intake.con, _SELECT, rows, (intake.crm, object_name))):
            record_id, rid, read_at, ended_at, *old = found
            news = rows[record_id]
            state, at = ("merged" if news.merged_into else "deleted"), text(news.at)
            # One that was undeleted and deleted again in between ended only now.
            same = (old[STATE], old[MERGED_INTO]) == (state, news.merged_into) and (
                at <= (ended_at or "") or old[CONVERTED_TO] is not None
            )
            late = at < old[STAMP] or (at == old[STAMP] and intake.read_at < read_at)
            if same or late:
                continue
            intake.con.execute(
                "UPDATE records SET state = ?, merged_into = ?, ended_at = ?, read_at = ? WHERE rid = ?",
                # The stay of a converted lead ended when it was converted, whatever becomes of the row.
                (state, news.merged_into, ended_at if old[CONVERTED_TO] is not None else at, intake.read_at, rid),
            )
            note_load(intake, tuple(old), -1)
            if rid not in intake.news and rid < intake.next_rid - intake.new:
                # Others came with their last values on this very page, and were counted by those.
                intake.changed += 1
            intake.derive.add(rid)
            intake.relink.add(rid)
            intake.heard(rid, at)
