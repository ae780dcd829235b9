"""Single rows: create, read, change, delete, by id and by external id; with preconditions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.rows import Row
from leadsync.sandbox.salesforce import writes
from leadsync.sandbox.salesforce.desk import Desk, record_id
from leadsync.sandbox.salesforce.encode import Projector, http_date, read_http_date, record_url
from leadsync.sandbox.salesforce.errors import ApiError, bad_request, method_not_allowed, not_found
from leadsync.sandbox.schema import Field, ObjectType
from leadsync.sandbox.soql.columns import Column, all_columns, no_such_column, resolve
from leadsync.sandbox.soql.syntax import Path
from leadsync.sandbox.transaction import Tx


@contextmanager
def transaction(desk: Desk) -> Iterator[Tx]:
    """The transaction that the request is part of, or one of its own. Only its own carries the precondition."""
    if desk.call.tx is not None:
        yield desk.call.tx
        return
    guard = desk.call.headers.get("if-unmodified-since")
    with desk.box.store.tx(by=desk.call.user, via="api", guard=guard) as tx:
        yield tx


def create(desk: Desk, name: str) -> Answer:
    kind = desk.object(name)
    payload = _payload(desk)
    with transaction(desk) as tx:
        new = writes.insert(desk, tx, kind, payload)
    return Answer(
        201, {"id": new, "success": True, "errors": []}, {"Location": record_url(desk.version, kind.name, new)}
    )


def no_id(desk: Desk, name: str) -> Answer:
    raise method_not_allowed(desk.call.method, "HEAD,GET,POST")


def read(desk: Desk, name: str, text: str) -> Answer:
    kind = desk.object(name)
    return _shown(desk, kind, _row(desk, kind, record_id(kind, text)))


def read_by_key(desk: Desk, name: str, key: str, value: str) -> Answer:
    kind = desk.object(name)
    found = _by_key(desk, kind, _key(desk, kind, key), value)
    if isinstance(found, Answer):
        return found
    if found is None:
        raise not_found()
    return _shown(desk, kind, found)


def change(desk: Desk, name: str, text: str) -> Answer:
    kind = desk.object(name)
    payload = _payload(desk)
    found = record_id(kind, text)
    if any(key.lower() == "id" for key in payload):
        raise ApiError(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    with transaction(desk) as tx:
        row = tx.get(kind.name, found)
        if row is not None and not row["IsDeleted"]:
            writes.check_unmodified(desk, kind, row)
        writes.update(desk, tx, kind, found, payload)
    return Answer(204)


def remove(desk: Desk, name: str, text: str) -> Answer:
    kind = desk.object(name)
    with transaction(desk) as tx:
        writes.delete(desk, tx, kind, record_id(kind, text))
    return Answer(204)


def remove_by_key(desk: Desk, name: str, key: str, value: str) -> Answer:
    kind = desk.object(name)
    found = _by_key(desk, kind, _key(desk, kind, key), value)
    if isinstance(found, Answer):
        return found
    if found is None:
        raise not_found()
    with transaction(desk) as tx:
        writes.delete(desk, tx, kind, found["Id"])
    return Answer(204)


def upsert(desk: Desk, name: str, key: str, value: str) -> Answer:
    """Create or update by an external id; several matches are listed with 300 and nothing is written."""
    kind = desk.object(name)
    field, payload = _key(desk, kind, key), _payload(desk)
    found = _by_key(desk, kind, field, value)
    if isinstance(found, Answer):
        return found
    with transaction(desk) as tx:
        if found is not None:
            writes.check_unmodified(desk, kind, found)
            writes.update(desk, tx, kind, found["Id"], payload)
            return Answer(200, {"id": found["Id"], "success": True, "errors": [], "created": False})
        if desk.call.query.get("updateOnly", "").lower() == "true":
            raise not_found()
        new = writes.insert(desk, tx, kind, {**payload, field.name: unquote(value)})
    return Answer(201, {"id": new, "success": True, "errors": [], "created": True})


def _by_key(desk: Desk, kind: ObjectType, field: Field, value: str) -> Row | Answer | None:
    """The live row that an external id names, None when it names nothing; several are listed with 300."""
    matches = matching(desk, kind, field, unquote(value))
    if len(matches) > 1:
        return Answer(300, [record_url(desk.version, kind.name, row["Id"]) for row in matches])
    return matches[0] if matches else None


def external_key(desk: Desk, kind: ObjectType, name: str) -> Field | None:
    """The field of that name if rows can be found by it."""
    field = desk.field(kind, name)
    return field if field is not None and (field.external_id or field.name == "Id") else None


def matching(desk: Desk, kind: ObjectType, field: Field, value: str) -> list[Row]:
    """Live rows that hold an external id."""
    table = desk.box.store.tables[kind.name]
    if field.name == "Id":
        found = table.rows.get(record_id(kind, value))
        return [found] if found is not None and not found["IsDeleted"] else []
    return [row for row in table.holding(field.name, value) if not row["IsDeleted"]]


def columns_named(desk: Desk, kind: ObjectType, names: list[str] | None) -> list[Column]:
    """The columns of these names, all that the caller may see when None; 400 for a name that is none."""
    if names is None:
        return all_columns(desk.env, kind, "ALL")
    columns: dict[tuple[str, ...], Column] = {}
    for name in ["Id", *names]:
        if "." not in name and desk.field(kind, name) is None:
            raise ApiError(400, "INVALID_FIELD", f"\n{no_such_column(name, kind.name)}")
        column = resolve(desk.env, kind, Path(tuple(name.split("."))), name)
        columns[column.names] = column
    return list(columns.values())


def _shown(desk: Desk, kind: ObjectType, row: Row) -> Answer:
    headers = {}
    if "LastModifiedDate" in row:
        headers["Last-Modified"] = http_date(row["LastModifiedDate"])
        since = desk.call.headers.get("if-modified-since")
        if since is not None and _is_unmodified(row, since):
            return Answer(304, None, headers)
    if kind.name == "Account":
        headers["ETag"] = writes.etag(desk, row)
        if desk.call.headers.get("if-none-match") in ("*", headers["ETag"]):
            return Answer(304, None, headers)
    listed = desk.call.query.get("fields")
    names = [name.strip() for name in listed.split(",") if name.strip()] if listed else None
    projector = Projector(desk.env, desk.version, kind, columns_named(desk, kind, names))
    return Answer(200, next(projector.records([row])), headers)


def _is_unmodified(row: Row, since: str) -> bool:
    try:
        return bool(row["LastModifiedDate"].replace(microsecond=0) <= read_http_date(since))
    except (ValueError, TypeError):
        return False


def _row(desk: Desk, kind: ObjectType, found: str) -> Row:
    row = desk.box.store.tables[kind.name].rows.get(found)
    if desk.call.tx is not None:
        row = desk.call.tx.get(kind.name, found)
    if row is None:
        raise not_found()
    if row["IsDeleted"]:
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", ())
    return row


def _key(desk: Desk, kind: ObjectType, name: str) -> Field:
    field = external_key(desk, kind, name)
    if field is None:
        raise ApiError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
    return field


def _payload(desk: Desk) -> Mapping[str, Any]:
    payload = desk.call.json()
    if not isinstance(payload, dict):
        raise bad_request("Unexpected type: the body is one JSON object")
    return payload
