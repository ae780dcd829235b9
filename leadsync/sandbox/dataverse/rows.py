"""Single rows: read, create, change (or create, which is what PATCH without If-Match means), delete, and their parts.

A write comes in two steps, so that it can be part of a change set: the change inside the transaction, and the answer once
that is through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse import query, writes
from leadsync.sandbox.dataverse.addresses import Addressed, KeyValues, missing
from leadsync.sandbox.dataverse.desk import Desk
from leadsync.sandbox.dataverse.encode import etag, plain
from leadsync.sandbox.dataverse.errors import DUPLICATE, PRIVILEGE, VERSION, ApiError, bad, no_property, no_segment
from leadsync.sandbox.dataverse.filters import related
from leadsync.sandbox.dataverse.schema.columns import Ref, Table
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row
from leadsync.sandbox.transaction import Tx

Key = str | KeyValues
Finish = Callable[[Desk], Answer]


@dataclass(frozen=True, slots=True)
class Written:
    """A write that was made: which row it was, and how it is answered after the commit."""

    ref: Ref | None
    finish: Finish


def read(desk: Desk, table: Table, key: Key) -> Answer:
    """GET of one row."""
    desk.check_options()
    row = _row(desk, table, key)
    tag = etag(desk.view, table, row)
    known = desk.call.headers.get("if-none-match")
    if known == tag and not desk.option("$expand") and not desk.annotations.patterns:
        return Answer(304, None, {"OData-Version": "4.0", "ETag": tag})
    record = query.recorder(desk, table, desk.option("$select"), desk.option("$expand"))
    body = {"@odata.context": query.context(desk, table, "/$entity"), **record(row)}
    return desk.shown(200, body, {"ETag": tag})


def part(desk: Desk, table: Table, key: Key, name: str) -> Answer:
    """GET of one column or of where a navigation property leads."""
    row = _row(desk, table, key)
    if name in table.collections:
        return query.collection(desk, table, row, name)
    if name in table.by_navigation and table.by_navigation[name][0].type == "lookup":
        lookup, target = table.by_navigation[name]
        ref = desk.view.raw(table, lookup)(row)
        if not isinstance(ref, Ref) or (target is not None and ref.table != target):
            return desk.done()
        return read(desk, desk.view.tables[ref.table], ref.guid)
    column = table.by_shown.get(name)
    if column is None:
        raise no_segment(name)
    value = plain(desk.view.raw(table, column)(row))
    if value is None:
        return desk.done()
    return desk.shown(
        200, {"@odata.context": f"{desk.api}/$metadata#{table.set}({_guid(desk, table, row)})/{name}", "value": value}
    )


def part_count(desk: Desk, table: Table, key: Key, name: str) -> Answer:
    """GET of collection/$count of one row."""
    row = _row(desk, table, key)
    if name not in table.collections:
        raise no_segment(name)
    other = desk.view.tables[table.collections[name].table]
    return query.count(desk, other, query.fitting(desk, other, related(desk.view, table, table.collections[name], row)))


def create(desk: Desk, tx: Tx, table: Table, addressed: Addressed) -> Written:
    """POST to an entity set."""
    _check_writable(table)
    changes = writes.Reader(desk.view, table, addressed).read(desk.body(), None)
    return _made(table, writes.insert(desk.view, tx, table, changes), desk, 201)


def change(desk: Desk, tx: Tx, table: Table, key: Key, addressed: Addressed) -> Written:
    """PATCH: an update, and without If-Match an upsert (Microsoft Learn, "Perform conditional operations")."""
    _check_writable(table)
    row = addressed.row(table, key)
    match, none_match = desk.call.headers.get("if-match"), desk.call.headers.get("if-none-match")
    payload = desk.body()
    if row is None:
        if match is not None:
            raise missing(table, key)
        return _upserted(desk, tx, table, key, payload, addressed)
    if none_match == "*":
        raise ApiError(412, DUPLICATE, "A record with matching key values already exists.")
    check_version(desk, table, row)
    changes = writes.Reader(desk.view, table, addressed).read(payload, row)
    writes.update(desk.view, tx, table, row, changes)
    return _made(table, row["Id"], desk, 200)


def _upserted(desk: Desk, tx: Tx, table: Table, key: Key, payload: Mapping[str, Any], addressed: Addressed) -> Written:
    keys = dict(key.values) if isinstance(key, KeyValues) else {table.key: key}
    changes = writes.Reader(desk.view, table, addressed).read({**payload, **keys}, None)
    return _made(table, writes.insert(desk.view, tx, table, changes), desk, 201)


def remove(desk: Desk, tx: Tx, table: Table, key: Key, addressed: Addressed) -> Written:
    """DELETE of one row."""
    _check_writable(table)
    row = addressed.row(table, key)
    if row is None:
        raise missing(table, key)
    check_version(desk, table, row)
    writes.delete(desk.view, tx, table, row)
    return Written(None, lambda after: after.done())


def put_part(desk: Desk, tx: Tx, table: Table, key: Key, name: str, addressed: Addressed) -> Written:
    """PUT of a single column: {"value": ...}."""
    return _set_part(desk, tx, table, key, {name: desk.body().get("value")}, addressed)


def remove_part(desk: Desk, tx: Tx, table: Table, key: Key, name: str, addressed: Addressed) -> Written:
    """DELETE of a single column: it becomes null. Lookups are cleared by their $ref."""
    column = table.columns.get(name)
    if column is None or column.type == "lookup":
        raise no_property(name, table.name)
    return _set_part(desk, tx, table, key, {name: None}, addressed)


def put_ref(desk: Desk, tx: Tx, table: Table, key: Key, name: str, addressed: Addressed) -> Written:
    """PUT of a single-valued navigation property: {"@odata.id": ...}."""
    return _set_part(desk, tx, table, key, {f"{name}@odata.bind": desk.body().get("@odata.id")}, addressed)


def remove_ref(desk: Desk, tx: Tx, table: Table, key: Key, name: str, addressed: Addressed) -> Written:
    if name not in table.by_navigation:
        raise no_segment(name)
    return _set_part(desk, tx, table, key, {f"{name}@odata.bind": None}, addressed)


def add_ref(desk: Desk, tx: Tx, table: Table, key: Key, name: str, addressed: Addressed) -> Written:
    """POST to a collection's $ref: the other row is made to name this one."""
    held = table.collections.get(name)
    row = addressed.row(table, key)
    if row is None:
        raise missing(table, key)
    if held is None or not held.lookup:
        raise bad(f"Rows cannot be associated through '{name}'.")
    other = desk.view.tables[held.table]
    ref = addressed.ref(str(desk.body().get("@odata.id")))
    column = other.columns[held.lookup]
    changed = writes.Reader(desk.view, other, addressed, by_hand=True)
    target = addressed.row(other, ref.guid)
    assert target is not None
    writes.update(
        desk.view, tx, other, target, changed.read({column.name: f"{table.set}({_guid(desk, table, row)})"}, target)
    )
    return Written(None, lambda after: after.done())


def _set_part(desk: Desk, tx: Tx, table: Table, key: Key, payload: Mapping[str, Any], addressed: Addressed) -> Written:
    _check_writable(table)
    row = addressed.row(table, key)
    if row is None:
        raise missing(table, key)
    check_version(desk, table, row)
    writes.update(desk.view, tx, table, row, writes.Reader(desk.view, table, addressed).read(payload, row))
    return Written(None, lambda after: after.done())


def check_version(desk: Desk, table: Table, row: Row) -> None:
    """If-Match: * stands for any version that is there."""
    match = desk.call.headers.get("if-match")
    if match is not None and match.strip() not in ("*", etag(desk.view, table, row)):
        raise ApiError(
            412, VERSION, "The version of the existing record doesn't match the RowVersion property provided."
        )


def _made(table: Table, record_id: str, desk: Desk, status: int) -> Written:
    """Answer a create or an update: nothing, or the row as it is afterwards."""
    ref = made_ref(desk.view, table, record_id)
    address = f"{desk.api}/{table.set}({ref.guid})"

    def finish(after: Desk) -> Answer:
        if not after.wants_row:
            return after.done({"OData-EntityId": address, **({"Location": address} if status == 201 else {})})
        # Whoever wrote it is shown what he wrote, also while nobody else can see it yet.
        found = after.box.store.get(str(table.kind), record_id)
        assert found is not None
        record = query.recorder(after, table, after.option("$select"), None)
        body = {"@odata.context": query.context(after, table, "/$entity"), **record(found)}
        headers = {"OData-EntityId": address, "ETag": etag(after.view, table, found)}
        return after.shown(status, body, {**headers, **({"Location": address} if status == 201 else {})})

    return Written(ref, finish)


def made_ref(view: View, table: Table, record_id: str) -> Ref:
    """How a row that was just written is called."""
    row = view.row(str(table.kind), record_id)
    assert row is not None
    return Ref(table.name, view.guid(table, next(iter(table.variants(row)), row) if table.variants else row))


def _row(desk: Desk, table: Table, key: Key) -> Row:
    row = Addressed(desk.view).row(table, key)
    if row is None:
        raise missing(table, key)
    return row


def _guid(desk: Desk, table: Table, row: Row) -> str:
    return desk.view.guid(table, row)


def _check_writable(table: Table) -> None:
    if not table.writable or table.kind is None:
        raise ApiError(
            403, PRIVILEGE,
            f"Principal user is missing prvWrite{table.name} privilege on OTC={table.code} for entity '{table.name}'.",
        )  # fmt: skip
