"""The control endpoints in Dataverse's words: logical names and GUIDs instead of object names and ids.

What people do goes into the store like everything else; the truth comes out translated: choices by their label, lookups and
rows by GUID. What only the store has a word for is told so: `deleted`, and `merged` with `masterid` for the loser of a merge.
A converted lead's status changes to no other choice here: its statecode and statuscode change.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from leadsync.sandbox.dataverse import writes
from leadsync.sandbox.dataverse.addresses import Addressed
from leadsync.sandbox.dataverse.guids import guid_of, read_guid
from leadsync.sandbox.dataverse.org import Org
from leadsync.sandbox.dataverse.rows import made_ref
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table
from leadsync.sandbox.dataverse.tables import TABLES
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row, instant
from leadsync.sandbox.schema.own import CONVERTED, OPERATION
from leadsync.sandbox.store import Change

Body = Mapping[str, Any]


def speaks(name: object) -> bool:
    """Whether an object is named in Dataverse's words."""
    return isinstance(name, str) and name in TABLES


def is_guid(text: object) -> bool:
    return read_guid(text) is not None


def load(org: Org, body: Body) -> dict[str, list[str]]:
    """Insert rows as given and return their GUIDs."""
    answer: dict[str, list[str]] = {}
    with org.box.store.tx(by=org.box.basics.admin, via="world") as tx:
        view = org.view(tx)
        for name, rows in body.items():
            table = _table(org, name)
            answer[name] = []
            for row in rows:
                changes = writes.Reader(view, table, Addressed(view), by_hand=True).read(_lowered(row), None)
                record_id = writes.insert(view, tx, table, changes)
                answer[name].append(made_ref(view, table, record_id).guid)
    return answer


def edit(org: Org, body: Body) -> dict[str, str]:
    """Change a row as a person does it."""
    box = org.box
    table = _table(org, body["object"])
    by = user(org, body.get("by"))
    at = instant(body["at"]) if body.get("at") else None
    if at is not None and box.store.read_at is not None and at < box.store.read_at:
        raise ValueError("an `at` in the past is possible only before the first API read")
    with box.store.tx(by=by, via="person", at=at) as tx:
        view = org.view(tx)
        row = _row(view, table, body["id"])
        changes = writes.Reader(view, table, Addressed(view), by_hand=True).read(_lowered(body["fields"]), row)
        if OPERATION in changes.values and by != box.basics.integration:
            raise ValueError("leadsync_op is read-only for people")
        tx.force(str(table.kind), row["Id"], changes.values)
    return {"id": str(body["id"])}


def convert(org: Org, body: Body) -> dict[str, str | None]:
    """Qualify a lead as a person does it; answers the GUIDs."""
    by = user(org, body.get("by"))
    with org.box.store.tx(by=by, via="person") as tx:
        view = org.view(tx)
        lead = _row(view, TABLES["lead"], body["lead"])
        owner = user(org, body["owner"]) if body.get("owner") else None
        if owner is None and not str(lead["OwnerId"]).startswith("005"):
            owner = by
        made = tx.convert(
            lead["Id"], contact=_record(view, "contact", body.get("contact")), account=_record(view, "account", body.get("account")),
            opportunity=bool(body.get("opportunity", False)), status=None, owner=owner,
        )  # fmt: skip
    view = org.view()
    return {name: None if found is None else (view.ref(found) or Ref("", found)).guid for name, found in made.items()}


def merge(org: Org, body: Body) -> dict[str, str]:
    """Merge rows into a master; the losers are deactivated."""
    table = _table(org, body["object"])
    with org.box.store.tx(by=user(org, body.get("by")), via="person") as tx:
        view = org.view(tx)
        losers = [_row(view, table, loser)["Id"] for loser in body["losers"]]
        tx.merge(str(table.kind), _row(view, table, body["master"])["Id"], losers)
    return {"master": str(body["master"])}


def delete(org: Org, body: Body) -> dict[str, str]:
    table = _table(org, body["object"])
    with org.box.store.tx(by=user(org, body.get("by")), via="person") as tx:
        view = org.view(tx)
        writes.delete(view, tx, table, _row(view, table, body["id"]))
    return {"id": str(body["id"])}


def undelete(org: Org, body: Body) -> dict[str, str]:
    """Bring back a deleted row, or one that lost a merge."""
    table = _table(org, body["object"])
    with org.box.store.tx(by=user(org, body.get("by")), via="person") as tx:
        view = org.view(tx)
        record_id = view.record(Ref(table.name, str(body["id"]).lower()))
        if record_id is None:
            raise ValueError(f"there is no {table.name} {body['id']}")
        tx.undelete(str(table.kind), record_id)
    return {"id": str(body["id"])}


def in_the_stores_words(body: Body) -> dict[str, Any]:
    """The faults with the columns that they name (lead.jobtitle) called as the store calls them (Lead.Title)."""
    found = dict(body)
    for knob in ("hide_field", "history_fields"):
        if isinstance(found.get(knob), str):
            found[knob] = _stored(found[knob])
        elif isinstance(found.get(knob), list):
            found[knob] = [_stored(name) for name in found[knob]]
    return found


def _stored(name: str) -> str:
    table_name, _, column_name = name.partition(".")
    table = TABLES.get(table_name)
    column = table.columns.get(column_name) if table else None
    return name if table is None or column is None or not column.source else f"{table.kind}.{column.source}"


def user(org: Org, text: object) -> str:
    """The store's id of who acts: a GUID or a user name, the admin when nobody is named."""
    if text is None:
        return org.box.basics.admin
    if "@" in str(text):
        return org.box.store.user(str(text))
    found = org.view().record(Ref("systemuser", str(text).lower()))
    if found is None:
        raise ValueError(f"there is no systemuser {text}")
    return found


def truth(org: Org, name: str) -> Iterator[dict[str, Any]]:
    """The committed changes of one table's rows, translated."""
    table = _table(org, name)
    view = org.view()
    for change in org.box.store.truth:
        if change.object != table.kind:
            continue
        row = view.row(change.object, change.id)
        if row is None or (table.holds is not None and not table.holds(view, row)):
            continue
        for field, old, new in _told(view, table, change):
            if old != new:
                yield {
                    "seq": change.seq, "object": table.name, "id": view.guid(table, row), "field": field, "old": old, "new": new,
                    "at": _text(change.at), "by": guid_of(change.by), "via": change.via, "token": change.token, "guard": change.guard,
                }  # fmt: skip


def _told(view: View, table: Table, change: Change) -> Iterator[tuple[str, Any, Any]]:
    """One change of the store as changes of columns."""
    states = table.states
    match change.field:
        case "IsDeleted":
            row = view.row(change.object, change.id)
            merged = row is not None and bool(row["MasterRecordId"])
            yield "merged" if merged else "deleted", bool(change.old), bool(change.new)
        case "MasterRecordId":
            yield "masterid", _guid(view, change.old), _guid(view, change.new)
        case "erased":
            yield "deleted", bool(change.old), bool(change.new)
        case "IsConverted" if states is not None:
            yield "statecode", states.names[int(bool(change.old))], states.names[int(bool(change.new))]
            yield "statuscode", "Qualified" if change.old else "New", "Qualified" if change.new else "New"
        case "Status" if change.object == "Lead":
            if change.new not in CONVERTED and change.old not in CONVERTED:
                yield "leadsync_leadstatus", _label(change.old), _label(change.new)
        case "statuscode" if states is not None:
            yield from _states(table, change)
        case _:
            for column in table.columns.values():
                if column.source == change.field or (not column.source and column.name == change.field):
                    yield column.name, _shown(view, column, change.old), _shown(view, column, change.new)


def _states(table: Table, change: Change) -> Iterator[tuple[str, Any, Any]]:
    states = table.states
    assert states is not None
    reasons = {reason.value: reason for reason in states.reasons}
    old = reasons[change.old if change.old is not None else states.defaults[0]]
    new = reasons[change.new if change.new is not None else states.defaults[0]]
    yield "statecode", states.names[old.state], states.names[new.state]
    yield "statuscode", old.label, new.label


def _label(status: object) -> str | None:
    choice = TABLES["lead"].columns["leadsync_leadstatus"].choice
    assert choice is not None
    return None if status is None else choice.called.get(str(status), str(status))


def _shown(view: View, column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "lookup":
        return _guid(view, value)
    if column.type == "choice" and column.choice is not None:
        return column.choice.label(value) if isinstance(value, int) else column.choice.called.get(value, value)
    if isinstance(value, datetime):
        return _text(value)
    return value.isoformat() if isinstance(value, date) else value


def _guid(view: View, value: Any) -> str | None:
    if value is None:
        return None
    ref = value if isinstance(value, Ref) else view.ref(value)
    return str(value) if ref is None else ref.guid


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _lowered(fields: Body) -> dict[str, Any]:
    return {name if "@" in name else name.lower(): value for name, value in fields.items()}


def _table(org: Org, name: object) -> Table:
    found = org.tables.get(str(name))
    if found is None or found.kind is None:
        raise ValueError(f"there is no table {name} to write to")
    return found


def _row(view: View, table: Table, guid: object) -> Row:
    found = view.find(table, str(guid).lower())
    if found is None:
        raise ValueError(f"there is no {table.name} {guid}")
    return found


def _record(view: View, name: str, guid: object) -> str | None:
    return None if guid is None else str(_row(view, TABLES[name], guid)["Id"])
