"""The audit log, read from the truth: one row per transaction and record, for the columns that history is kept for."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import msgspec

from leadsync.sandbox.dataverse.guids import named_guid
from leadsync.sandbox.dataverse.schema import choices
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table, choice, key, lookup, memo, moment, table, text
from leadsync.sandbox.dataverse.schema.people import LOST_REASONS
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row
from leadsync.sandbox.schema.own import CONVERTED
from leadsync.sandbox.store import Change

_STATES = ("statuscode", "IsConverted", "IsDeleted", "MasterRecordId")
_TABLES = {"Lead": "lead", "Contact": "contact", "Account": "account", "Opportunity": "opportunity"}
_CREATE, _UPDATE, _DELETE, _MERGE, _ASSIGN, _QUALIFY, _DISQUALIFY, _SET_STATE = 1, 2, 3, 12, 13, 24, 25, 41


@dataclass(frozen=True, slots=True)
class Entry:
    """One audited act: the changes of one record in one transaction."""

    table: str
    ref: Ref
    changes: tuple[Change, ...]
    action: int

    @property
    def guid(self) -> str:
        return named_guid("audit", self.changes[0].seq)

    @property
    def operation(self) -> int:
        return self.action if self.action in (_CREATE, _DELETE) else _UPDATE


def entries(view: View, ref: Ref | None = None) -> Iterator[Entry]:
    """The audited acts, oldest first; those of one record when it is named."""
    truth: Iterable[Change] = view.box.store.truth
    if ref is not None:
        record = view.record(ref)
        kind = view.tables[ref.table].kind
        truth = [view.box.store.truth[n] for n in view.trail.changes.get((str(kind), str(record)), ())]
    for _, group in groupby(truth, _act):
        if (entry := _entry(view, tuple(group))) is not None:
            yield entry


def _act(change: Change) -> tuple[str, str, datetime, str]:
    """What the changes of one act have in common."""
    return change.object, change.id, change.at, change.by


def _entry(view: View, changes: tuple[Change, ...]) -> Entry | None:
    """The audited act that changes are, None when no history is kept of them."""
    kept, first = view.box.store.history_fields, changes[0]
    if first.object not in kept or first.object not in _TABLES:
        return None
    told = tuple(c for c in changes if c.field in kept[first.object] or c.field in _STATES)
    found = view.ref(first.id) if told else None
    return Entry(_TABLES[first.object], found, told, _action(view, told)) if found is not None else None


def _action(view: View, told: tuple[Change, ...]) -> int:
    named = {c.field: c for c in told}
    row = view.row(told[0].object, told[0].id)
    if row is not None and told[0].at == row["CreatedDate"] and all(c.old is None for c in told):
        return _CREATE
    if "MasterRecordId" in named and named["MasterRecordId"].new:
        return _MERGE
    if "IsDeleted" in named:
        return _DELETE if named["IsDeleted"].new else _CREATE
    if "IsConverted" in named:
        return _QUALIFY if named["IsConverted"].new else _SET_STATE
    if "statuscode" in named:
        return _DISQUALIFY if named["statuscode"].new in LOST_REASONS and told[0].object == "Lead" else _SET_STATE
    return _ASSIGN if set(named) == {"OwnerId"} else _UPDATE


def values(view: View, entry: Entry) -> Iterator[tuple[Column, object, object]]:
    """The columns that changed, with their old and new value as the Web API writes them; None where there was none."""
    shown = view.tables[entry.table]
    for change in entry.changes:
        match change.field:
            case "Status" if change.object == "Lead":
                if change.new not in CONVERTED:
                    yield shown.columns["leadsync_leadstatus"], _stage(change.old), _stage(change.new)
            case "IsConverted":
                yield shown.columns["statecode"], int(bool(change.old)), int(bool(change.new))
                yield shown.columns["statuscode"], 3 if change.old else 1, 3 if change.new else 1
            case "statuscode":
                yield from _reasons(shown, change)
            case "IsDeleted" | "MasterRecordId":
                continue
            case field:
                column = next((c for c in shown.columns.values() if c.source == field), None)
                if column is not None:
                    yield column, _value(view, column, change.old), _value(view, column, change.new)


def _stage(status: object) -> int | None:
    return None if status is None else choices.LEAD_STATUS.number(str(status))


def _reasons(shown: Table, change: Change) -> Iterator[tuple[Column, object, object]]:
    model = shown.states
    assert model is not None
    states = {reason.value: reason.state for reason in model.reasons}
    old = change.old if change.old is not None else model.defaults[0]
    new = change.new if change.new is not None else model.defaults[0]
    if states[old] != states[new]:
        yield shown.columns["statecode"], states[old], states[new]
    yield shown.columns["statuscode"], old, new


def _value(view: View, column: Column, held: object) -> object:
    if held is None:
        return None
    if column.type == "lookup":
        return view.ref(held)
    if column.choice is not None:
        return column.choice.number(str(held))
    return held


class _Log:
    """Every audited act as a row; read on as the truth grows, because a poll asks for the newest few of many."""

    def __init__(self, kept: Mapping[str, tuple[str, ...]]) -> None:
        self.kept = dict(kept)
        self._rows: list[Row] = []
        self._latest: list[datetime] = []
        """The latest instant up to each row: what was committed late stands behind what is younger."""
        self._read = 0
        self._last = (0, 0)
        """Where the last act begins: in the truth and among the rows."""

    def catch_up(self, view: View) -> None:
        truth = view.box.store.truth
        if self._read == len(truth):
            return
        self._read = len(truth)
        position, count = self._last  # the last act may have gone on since
        del self._rows[count:], self._latest[count:]
        for _, group in groupby(truth[position:], _act):
            changes = tuple(group)
            self._last = (position, len(self._rows))
            position += len(changes)
            if (entry := _entry(view, changes)) is not None:
                self._rows.append(shown_as_row(view, entry))
                at = changes[0].at
                self._latest.append(max(at, self._latest[-1]) if self._latest else at)

    def since(self, at: datetime | None) -> Iterator[Row]:
        """The rows, oldest act first; without those that are older than an instant at the beginning."""
        start = bisect_left(self._latest, at) if at is not None else 0
        return (self._rows[place] for place in range(start, len(self._rows)))


def rows_since(view: View, at: datetime | None) -> Iterator[Row]:
    """The rows of the audit table that may have been made at an instant or later."""
    kept = view.box.store.history_fields
    log = view.trail.derived.get(AUDIT.name)
    if not isinstance(log, _Log) or log.kept != kept:
        log = view.trail.derived[AUDIT.name] = _Log(kept)
    log.catch_up(view)
    return log.since(at)


def _rows(view: View) -> Iterator[Row]:
    return rows_since(view, None)


def shown_as_row(view: View, entry: Entry) -> Row:
    """An audited act as a row of the audit table."""
    changed = list(values(view, entry))
    first = entry.changes[0]
    user = view.ref(first.by)
    return Row(
        auditid=entry.guid, createdon=first.at, action=entry.action, operation=entry.operation, objecttypecode=entry.table,
        objectid=entry.ref, userid=user, version=first.seq, transactionid=named_guid("transaction", first.at, first.by),
        attributemask=",".join(str(column.number) for column, _, _ in changed),
        changedata=msgspec.json.encode({"changedAttributes": [
            {"logicalName": column.name, "oldValue": _told(old), "newValue": _told(new)} for column, old, new in changed
        ]}).decode(),
    )  # fmt: skip


def _told(value: object) -> str | None:
    if value is None:
        return None
    return f"{value.table},{value.guid}" if isinstance(value, Ref) else str(value)


AUDIT: Table = table(
    "audit", "audits", "auditid", "", "Auditing", "Audits", 4567,
    (
        key("auditid", "Record Id"), moment("createdon", "Changed Date"), choice("action", "Event", choices.ACTION),
        choice("operation", "Operation", choices.OPERATION), text("objecttypecode", "Entity"), memo("attributemask", "Changed Field"),
        lookup("objectid", "Record", *_TABLES.values(), navigation={t: f"objectid_{t}" for t in _TABLES.values()}),
        lookup("userid", "Changed By", "systemuser"), lookup("callinguserid", "Calling User", "systemuser"),
        Column("transactionid", "guid", "Transaction Id"), memo("changedata", "Change Data"),
    ),
    rows=_rows, writable=False, tracked=False,
)  # fmt: skip
