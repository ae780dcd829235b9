"""sObject collections: up to 200 rows a call, each with its own outcome, in request order (REST API Developer
Guide, "sObject Collections")."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.ids import canonical
from leadsync.sandbox.salesforce import writes
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import Projector
from leadsync.sandbox.salesforce.errors import ApiError, bad_request
from leadsync.sandbox.salesforce.rows import columns_named, external_key, matching, transaction
from leadsync.sandbox.schema import ObjectType, find_object, object_of
from leadsync.sandbox.transaction import Tx

MOST_ROWS = 200
_MOST_READ = 2_000
_MOST_CHUNKS = 10

Result = dict[str, Any]


class _AllOrNone(Exception):
    """One row failed and none may be kept."""


def create(desk: Desk) -> Answer:
    def act(tx: Tx, record: Mapping[str, Any]) -> Result:
        new = writes.insert(desk, tx, _type_of(record), _fields(record))
        return {"id": new, "success": True, "errors": []}

    records, whole = _body(desk)
    return _each(desk, records, whole, act)


def change(desk: Desk) -> Answer:
    seen: set[str] = set()

    def act(tx: Tx, record: Mapping[str, Any]) -> Result:
        kind = _type_of(record)
        found = _id_of(record, kind)
        if found in seen:
            raise ApiError(400, "DUPLICATE_VALUE", f"duplicate id in list: {found}")
        seen.add(found)
        _exists(tx, kind, found)
        writes.update(desk, tx, kind, found, _fields(record))
        return {"id": found, "success": True, "errors": []}

    records, whole = _body(desk)
    return _each(desk, records, whole, act)


def upsert(desk: Desk, name: str, key: str) -> Answer:
    kind = desk.object(name)
    field = external_key(desk, kind, key)
    if field is None:
        raise ApiError(400, "INVALID_FIELD", f"Provided external ID field does not exist or is not accessible: {key}")

    def act(tx: Tx, record: Mapping[str, Any]) -> Result:
        values = {k: v for k, v in record.items() if k != "attributes"}
        given = next((v for k, v in values.items() if k.lower() == field.name.lower()), None)
        if field.name == "Id":
            values = _fields(record)
        if given in (None, ""):
            if field.name == "Id":
                return {"id": writes.insert(desk, tx, kind, values), "success": True, "errors": [], "created": True}
            raise ApiError(400, "MISSING_ARGUMENT", f"{field.name} not specified")
        matches = matching(desk, kind, field, str(given))
        if len(matches) > 1:
            raise ApiError(
                400, "DUPLICATE_EXTERNAL_ID", f"{field.name}: more than one record found for external id field"
            )
        if matches:
            writes.update(desk, tx, kind, matches[0]["Id"], values)
            return {"id": matches[0]["Id"], "success": True, "errors": [], "created": False}
        return {"id": writes.insert(desk, tx, kind, values), "success": True, "errors": [], "created": True}

    records, whole = _body(desk)
    return _each(desk, records, whole, act)


def remove(desk: Desk) -> Answer:
    ids = [text for text in desk.call.query.get("ids", "").split(",") if text]

    def act(tx: Tx, record: Mapping[str, Any]) -> Result:
        found = canonical(record["id"])
        kind = object_of(found) if found else None
        if found is None or kind is None:
            raise ApiError(400, "MALFORMED_ID", f"malformed id {record['id']}")
        _exists(tx, kind, found)
        writes.delete(desk, tx, kind, found)
        return {"id": found, "success": True, "errors": []}

    whole = desk.call.query.get("allOrNone", "").lower() == "true"
    _check_size(ids)
    return _each(desk, [{"id": text} for text in ids], whole, act)


def read(desk: Desk, name: str) -> Answer:
    """Rows by their ids, in that order, null where there is none."""
    kind = desk.object(name)
    if desk.call.method == "POST":
        body = desk.call.json()
        ids, names = body.get("ids"), body.get("fields")
    else:
        ids = desk.call.query.get("ids", "").split(",")
        names = desk.call.query.get("fields", "").split(",")
    if not isinstance(ids, list) or not isinstance(names, list) or not names:
        raise bad_request("ids and fields are required")
    if len(ids) > _MOST_READ:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {_MOST_READ} records")
    projector = Projector(desk.env, desk.version, kind, columns_named(desk, kind, [n for n in names if n]))
    rows = desk.box.store.tables[kind.name].rows
    found = [rows.get(canonical(str(text)) or "") for text in ids]
    return Answer(200, [None if row is None or row["IsDeleted"] else next(projector.records([row])) for row in found])


def _each(
    desk: Desk, records: Sequence[Mapping[str, Any]], whole: bool, act: Callable[[Tx, Mapping[str, Any]], Result]
) -> Answer:
    """Do one thing with each record, in one transaction when all or none are to succeed, else each on its own."""
    if not whole or desk.call.tx is not None:
        return Answer(200, [_one(desk, record, act) for record in records])
    try:
        with transaction(desk) as tx:
            results = [_guarded(tx, record, act) for record in records]
            if not all(result["success"] for result in results):
                raise _AllOrNone
    except _AllOrNone:
        rolled_back = {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
            "fields": [],
        }
        results = [r if not r["success"] else {"success": False, "errors": [rolled_back]} for r in results]
    return Answer(200, results)


def _one(desk: Desk, record: Mapping[str, Any], act: Callable[[Tx, Mapping[str, Any]], Result]) -> Result:
    try:
        with transaction(desk) as tx:
            return act(tx, record)
    except ApiError as error:
        return {"success": False, "errors": [error.item()]}


def _guarded(tx: Tx, record: Mapping[str, Any], act: Callable[[Tx, Mapping[str, Any]], Result]) -> Result:
    try:
        return act(tx, record)
    except ApiError as error:
        return {"success": False, "errors": [error.item()]}


def _body(desk: Desk) -> tuple[list[Mapping[str, Any]], bool]:
    body = desk.call.json()
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise bad_request("records is required and must be a list of objects")
    _check_size(records)
    types = [str((record.get("attributes") or {}).get("type")) for record in records]
    chunks = sum(1 for before, after in zip([None, *types], types, strict=False) if before != after)
    if chunks > _MOST_CHUNKS:
        raise ApiError(
            400, "INVALID_INPUT", f"record types change too often: at most {_MOST_CHUNKS} chunks in one request"
        )
    return records, bool(body.get("allOrNone", False))


def _check_size(records: Sequence[object]) -> None:
    if len(records) > MOST_ROWS:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {MOST_ROWS} records into this call",
        )


def _type_of(record: Mapping[str, Any]) -> ObjectType:
    name = (record.get("attributes") or {}).get("type")
    kind = find_object(name) if isinstance(name, str) else None
    if kind is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _id_of(record: Mapping[str, Any], kind: ObjectType) -> str:
    given = next((value for name, value in record.items() if name.lower() == "id"), None)
    if given is None:
        raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
    found = canonical(str(given))
    if found is None or found[:3] != kind.prefix:
        raise ApiError(400, "MALFORMED_ID", f"malformed id {given}")
    return found


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name.lower() not in ("id", "attributes")}


def _exists(tx: Tx, kind: ObjectType, found: str) -> None:
    if tx.get(kind.name, found) is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
