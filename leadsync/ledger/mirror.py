"""Records as the CRM shows them: which of a page's rows are news, and writing only those.

A row that the ledger has seen already costs one comparison. What changed is handed on: to `derivation.py` for its
transitions, to `people.py` for its links.
"""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

from collections.abc import Iterable, Sequence
from typing import Any

from leadsync.domain.mapping import CrmMapping
from leadsync.domain.records import Gone, Record
from leadsync.ledger.chain import SAME_BIRTH, Origin, born_at, stage_in
from leadsync.ledger.codec import email_key, fields_of, text, to_json
from leadsync.ledger.connection import select_in
from leadsync.ledger.intake import Intake

_CONTENT = (
    "stage_value", "stage", "owner_id", "assignee_id", "email_key", "created_at", "created_by", "modified_at",
    "modified_by", "stamp", "version", "state", "account_id", "converted_to", "converted_account_id",
    "converted_opportunity_id", "converted_on", "merged_into", "operation", "fields",
)  # fmt: skip
_INDEX = {name: place for place, name in enumerate(_CONTENT)}
_STAGE_VALUE, _STAGE, _OWNER, _ASSIGNEE = 0, 1, 2, 3
_CREATED, _MODIFIED, _STAMP, _STATE = (_INDEX[name] for name in ("created_at", "modified_at", "stamp", "state"))
_CONVERTED_TO, _MERGED_INTO = _INDEX["converted_to"], _INDEX["merged_into"]
_VERSION, _OPERATION, _ACCOUNT, _FIELDS = (_INDEX[name] for name in ("version", "operation", "account_id", "fields"))
_LINKS = (_STATE, _CONVERTED_TO, _MERGED_INTO, _INDEX["converted_on"])

_SELECT = (
    f"SELECT id, rid, read_at, ended_at, {', '.join(_CONTENT)} FROM records WHERE crm = ? AND object = ? AND id IN (*)"
)
_INSERT = (
    f"INSERT INTO records (rid, crm, object, id, pid, read_at, first_seen_at, ended_at, {', '.join(_CONTENT)})"
    f" VALUES ({', '.join('?' * (8 + len(_CONTENT)))})"
)
_UPDATE = f"UPDATE records SET read_at = ?, ended_at = ?, {', '.join(f'{name} = ?' for name in _CONTENT)} WHERE rid = ?"
_BIRTH = (
    "INSERT INTO transitions (seq, rid, kind, to_stage, to_value, at, at_exact, observed_at, source, actor_id, coalesced,"
    " correction, adopted) VALUES (?, ?, 'birth', ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)"
)
_SPAN = "INSERT INTO spans (rid, n, stage, entered_at, left_at, entered_exact) VALUES (?, 0, ?, ?, NULL, ?)"
_PERSON = "INSERT INTO persons (pid, crm, wake_at, waiting) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


def content(record: Record, mapping: CrmMapping) -> tuple[Any, ...]:
    """Return what the ledger keeps of a record, in the order of its columns; equal content is no change."""
    fields = record.fields
    value = record.stage_value
    return (
        value,
        mapping.stage_of_value.get(value) if value is not None else None,
        record.owner_id,
        fields.get("assignee"),
        email_key(fields.get("email")),
        text(record.created_at),
        record.created_by,
        text(record.modified_at),
        record.modified_by,
        text(record.stamp),
        record.version,
        record.state,
        record.account_id,
        record.converted_to,
        record.converted_account_id,
        record.converted_opportunity_id,
        record.converted_on,
        record.merged_into,
        record.operation,
        to_json(fields),
    )


def store_records(intake: Intake, object_name: str, records: Sequence[Record]) -> None:
    """Write the records of one object that are new or changed."""
    wanted: dict[str, Record] = {}
    for record in records:
        twice = wanted.get(record.ref.id)
        if twice is None or record.stamp >= twice.stamp:
            wanted[record.ref.id] = record
    known = {row[0]: row for row in select_in(intake.con, _SELECT, wanted, (intake.crm, object_name))}
    fresh: list[tuple[Record, tuple[Any, ...]]] = []
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
        _store_new(intake, object_name, fresh)


def _is_known(record: Record, old: tuple[Any, ...]) -> bool:
    """Say, without writing the whole row out, whether a record stands in the ledger as it is.

    Overlapping windows deliver most rows again and again, so this is what an idle pass costs.
    """
    return (
        bool(record.version == old[_VERSION])
        and record.state == old[_STATE]
        and record.stage_value == old[_STAGE_VALUE]
        and record.owner_id == old[_OWNER]
        and record.operation == old[_OPERATION]
        and record.account_id == old[_ACCOUNT]
        and record.converted_to == old[_CONVERTED_TO]
        and record.merged_into == old[_MERGED_INTO]
        and text(record.stamp) == old[_STAMP]
        and to_json(record.fields) == old[_FIELDS]
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
    if old[_STATE] in ("deleted", "merged") and row[_STATE] not in ("deleted", "merged"):
        return bool(row[_STAMP] > stored[3] or (row[_STAMP] >= old[_STAMP] and read_at > stored[2]))
    if row[_STAMP] != old[_STAMP]:
        return bool(row[_STAMP] > old[_STAMP])
    return bool(read_at >= stored[2])


def _changed(intake: Intake, stored: tuple[Any, ...], row: tuple[Any, ...]) -> tuple[Any, ...]:
    rid, old = stored[1], stored[4:]
    _note_load(intake, old, -1)
    _note_load(intake, row, 1)
    if row[_STAGE_VALUE] != old[_STAGE_VALUE]:
        intake.derive.add(rid)
    if any(row[place] != old[place] for place in _LINKS):
        intake.derive.add(rid)
        intake.relink.add(rid)
        # An undelete need not touch the row, but it is news of now.
        intake.heard(rid, intake.read_at)
    for field, place in (("owner", _OWNER), ("assignee", _ASSIGNEE)):
        if row[place] != old[place]:
            intake.former_owners.append((rid, field, old[place], old[_CREATED], old[_INDEX["created_by"]]))
            intake.owners.add(rid)
    intake.heard(rid, row[_MODIFIED])
    return (intake.read_at, _ended_at(row, stored[3]), *row, rid)


def _ended_at(row: tuple[Any, ...], known: str | None) -> str | None:
    """Return when a record ended; the instant of a conversion is worked out with its transitions."""
    match row[_STATE]:
        case "live" | "out_of_scope":
            return None
        case "converted":
            return known
        case _:
            return known or str(row[_MODIFIED])


def _store_new(intake: Intake, object_name: str, fresh: list[tuple[Record, tuple[Any, ...]]]) -> None:
    con, crm = intake.con, intake.crm
    ids = [record.ref.id for record, _ in fresh]
    with_moves: set[tuple[str, str]] = set()
    for row in select_in(
        con, "SELECT DISTINCT record_id, field FROM moves WHERE crm = ? AND object = ? AND record_id IN (*)", ids,
        (crm, object_name),
    ):  # fmt: skip
        with_moves.add((row[0], row[1]))
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
    has_history = object_name in intake.history
    records, births, stays, persons = [], [], [], []
    for record, row in fresh:
        rid = intake.next_rid
        intake.next_rid += 1
        record_id = record.ref.id
        records.append(
            (rid, crm, object_name, record_id, rid, intake.read_at, intake.read_at, _ended_at(row, None), *row)
        )
        adopted = intake.go_live is None or row[_CREATED] < intake.go_live
        persons.append((rid, crm, None if adopted else "", int(adopted)))
        _note_load(intake, row, 1)
        linked = row[_CONVERTED_TO] is not None or row[_MERGED_INTO] is not None or record_id in targets
        if linked:
            intake.relink.add(rid)
        if (record_id, "owner") in with_moves:
            intake.owners.add(rid)
        if linked or row[_STATE] not in ("live", "out_of_scope") or (record_id, "stage") in with_moves:
            intake.derive.add(rid)
            continue
        # Most rows of a first load end here: a birth, a stay, and nothing else to find out.
        at, exact = row[_CREATED], True
        if record.modified_at - record.created_at > SAME_BIRTH:
            belief = believed_entry(intake.mapping, object_name, row[_STAGE], record.fields) if adopted else None
            origin = Origin(
                at, record.created_by, False, intake.read_at, record.stage_value, has_history, adopted, False, belief
            )
            at, exact = born_at(origin, (), record.stage_value)
        source = "import" if adopted else "history" if has_history else "poll"
        stage = row[_STAGE] or stage_in(intake.mapping, record.stage_value)
        births.append(
            (intake.next_seq, rid, stage, record.stage_value, at, int(exact), intake.read_at, source, record.created_by,
             int(adopted))
        )  # fmt: skip
        stays.append((rid, stage, at, int(exact)))
        intake.next_seq += 1
    con.executemany(_INSERT, records)
    con.executemany(_PERSON, persons)
    con.executemany(_BIRTH, births)
    con.executemany(_SPAN, stays)
    intake.new += len(fresh)
    intake.changed += len(fresh)
    intake.transitions += len(births)


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


def last_values(intake: Intake, gone: Iterable[Gone]) -> list[Record]:
    """Return what gone records showed at the end, but for those that are known to be gone already."""
    rows = {(row.ref.object, row.ref.id): row for row in gone if row.last is not None}
    for object_name in {name for name, _ in rows}:
        ids = [record_id for name, record_id in rows if name == object_name]
        for record_id, state in select_in(
            intake.con,
            "SELECT id, state FROM records WHERE id IN (*) AND crm = ? AND object = ?",
            ids,
            after=(intake.crm, object_name),
        ):
            if state in ("deleted", "merged"):
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
            same = old[_STATE] == state and old[_MERGED_INTO] == news.merged_into
            late = at < old[_STAMP] or (at == old[_STAMP] and intake.read_at < read_at)
            if same or late:
                continue
            intake.con.execute(
                "UPDATE records SET state = ?, merged_into = ?, ended_at = ?, read_at = ? WHERE rid = ?",
                # The stay of a converted lead ended when it was converted, whatever becomes of the row.
                (state, news.merged_into, ended_at if old[_STATE] == "converted" else at, intake.read_at, rid),
            )
            _note_load(intake, tuple(old), -1)
            intake.derive.add(rid)
            intake.relink.add(rid)
            intake.heard(rid, at)
            intake.changed += 1


def _note_load(intake: Intake, row: tuple[Any, ...], step: int) -> None:
    if row[_STATE] == "live" and row[_STAGE] is not None:
        intake.loads.append(((row[_STAGE], row[_OWNER], row[_ASSIGNEE]), step))
