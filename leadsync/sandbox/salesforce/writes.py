"""What an API write may do: every refusal, then the change itself.

Checks come in the service's spirit: does the row exist, may it change, are the fields there and writable, do the values
fit, do the org's rules agree. The store does the rest.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leadsync.sandbox.ids import canonical
from leadsync.sandbox.lifecycle import converted_statuses
from leadsync.sandbox.rows import Row, Value, instant
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import read_http_date
from leadsync.sandbox.salesforce.errors import ApiError, bad_request
from leadsync.sandbox.schema import Field, ObjectType, object_of
from leadsync.sandbox.transaction import RowLocked, Tx

_IGNORED = frozenset(("attributes",))
_EMAIL_PARTS = 2


def insert(desk: Desk, tx: Tx, kind: ObjectType, payload: Mapping[str, Any]) -> str:
    """Create a row and return its id."""
    if not kind.writable:
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be inserted: {kind.label}")
    values = _checked(desk, kind, payload, None)
    missing = [f.name for f in kind.fields.values() if f.required and f.createable and _blank(kind, f, values)]
    if missing:
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", tuple(missing)
        )
    if kind.name == "Lead":
        _check_status(tx, values)
        _assign(desk, values)
    _check_unique(desk, kind, values, None)
    _check_rules(desk, kind, Row({k: v for k, v in values.items() if v is not None}))
    _maybe_lock(desk, kind.name)
    return tx.insert(kind.name, values)


def update(desk: Desk, tx: Tx, kind: ObjectType, record_id: str, payload: Mapping[str, Any]) -> None:
    """Change a row."""
    row = _live(tx, kind, record_id)
    if kind.name == "Lead" and row["IsConverted"]:
        raise ApiError(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ())
    if not kind.writable:
        raise ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be updated: {kind.label}")
    values = _checked(desk, kind, payload, row)
    for name, value in values.items():
        field = kind.fields[name]
        if value is None and field.required:
            raise ApiError(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", (name,))
    if kind.name == "Lead":
        _check_status(tx, values)
        _assign(desk, values)
    _check_unique(desk, kind, values, record_id)
    _check_rules(desk, kind, Row({k: v for k, v in {**row, **values}.items() if v is not None}))
    _maybe_lock(desk, record_id)
    try:
        tx.update(kind.name, record_id, values)
    except RowLocked as error:
        raise _locked(str(error)) from None


def delete(desk: Desk, tx: Tx, kind: ObjectType, record_id: str) -> None:
    """Put a row in the recycle bin."""
    _live(tx, kind, record_id)
    if not kind.writable:
        raise ApiError(400, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
    _maybe_lock(desk, record_id)
    try:
        tx.delete(kind.name, record_id)
    except RowLocked as error:
        raise _locked(str(error)) from None


def check_unmodified(desk: Desk, kind: ObjectType, row: Row) -> None:
    """The preconditions of a single-row write: If-Unmodified-Since by whole seconds, If-Match on Account only."""
    since = desk.call.headers.get("if-unmodified-since")
    if since is not None:
        try:
            limit = read_http_date(since)
        except (ValueError, TypeError):
            raise ApiError(400, "BAD_REQUEST", f"Invalid date in If-Unmodified-Since: {since}") from None
        if row["LastModifiedDate"].replace(microsecond=0) > limit:
            raise _precondition_failed()
    match = desk.call.headers.get("if-match")
    if match is not None and kind.name == "Account" and match not in ("*", etag(desk, row)):
        raise _precondition_failed()


def etag(desk: Desk, row: Row) -> str:
    """The entity tag of an Account row."""
    return f'"{desk.box.store.tables["Account"].versions[row["Id"]]:x}"'


def _precondition_failed() -> ApiError:
    return ApiError(
        412, "ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE_CHECK", "Entity has been modified since the given date", ()
    )


def _locked(message: str) -> ApiError:
    return ApiError(400, "UNABLE_TO_LOCK_ROW", message, ())


def _maybe_lock(desk: Desk, what: str) -> None:
    if desk.box.faults.strikes("lock_row"):
        raise _locked(f"unable to obtain exclusive access to this record or 1 records: {what}")


def _live(tx: Tx, kind: ObjectType, record_id: str) -> Row:
    row = tx.get(kind.name, record_id)
    if row is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    if row["IsDeleted"]:
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", ())
    return row


def _blank(kind: ObjectType, field: Field, values: Mapping[str, Value]) -> bool:
    if values.get(field.name) is not None:
        return False
    # The lead status has a default and so is never missing when a lead is created.
    return not (kind.name == "Lead" and field.name == "Status" and field.name not in values)


def _checked(desk: Desk, kind: ObjectType, payload: Mapping[str, Any], row: Row | None) -> dict[str, Value]:
    """The values to be written, each field checked on its own."""
    values: dict[str, Value] = {}
    for name, given in payload.items():
        if name in _IGNORED:
            continue
        field = desk.field(kind, name)
        if field is None:
            raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}")
        writable = field.createable if row is None else field.updateable
        if field.integration_only and desk.call.user != desk.box.basics.integration:
            writable = False
        if not writable:
            raise ApiError(
                400, "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {field.name}. Please check the security settings of this field and "
                "verify that it is read/write for your profile or permission set.", (field.name,),
            )  # fmt: skip
        values[field.name] = _value(desk, kind, field, given)
    return values


def _value(desk: Desk, kind: ObjectType, field: Field, given: Any) -> Value:
    if given is None or given == "":
        if field.type == "boolean":
            raise _unreadable(field, given)
        if field.name == "OwnerId":
            raise ApiError(400, "INVALID_EMPTY_KEY_OWNER", "Owner ID: owner cannot be blank", ("OwnerId",))
        return None
    match field.type:
        case "boolean":
            if isinstance(given, str) and given.lower() in ("true", "false"):
                return given.lower() == "true"
            if not isinstance(given, bool):
                raise _unreadable(field, given)
            return given
        case "double" | "currency" | "percent" | "int":
            return _number(field, given)
        case "datetime" | "date":
            try:
                found = instant(given)
            except (ValueError, TypeError):
                raise _unreadable(field, given) from None
            return found if field.type == "datetime" else found.date()
        case "reference":
            return _reference(desk, kind, field, given)
        case _:
            return _text(field, given)


def _text(field: Field, given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise _unreadable(field, given)
    text = str(given)
    if len(text) > field.length:
        raise ApiError(
            400,
            "STRING_TOO_LONG",
            f"{field.label}: data value too large: {text} (max length={field.length})",
            (field.name,),
        )
    if field.restricted and text not in field.picklist:
        raise ApiError(
            400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            f"{field.label}: bad value for restricted picklist field: {text}", (field.name,),
        )  # fmt: skip
    if field.type == "email":
        parts = text.split("@")
        if len(parts) != _EMAIL_PARTS or not parts[0] or "." not in parts[1].strip(".") or " " in text:
            raise ApiError(400, "INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", (field.name,))
    return text


def _number(field: Field, given: Any) -> float | int:
    if isinstance(given, bool):
        raise _unreadable(field, given)
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise _unreadable(field, given) from None
    whole = field.precision - field.scale
    if whole and abs(number) >= 10**whole:
        raise ApiError(
            400, "NUMBER_OUTSIDE_VALID_RANGE", f"{field.label}: value outside of valid range on numeric field: {given}",
            (field.name,),
        )  # fmt: skip
    return int(number) if field.type == "int" else round(number, field.scale)


def _reference(desk: Desk, kind: ObjectType, field: Field, given: Any) -> str:
    record_id = canonical(given) if isinstance(given, str) else None
    if record_id is None:
        raise ApiError(400, "MALFORMED_ID", f"{field.label}: id value of incorrect type: {given}", (field.name,))
    target = object_of(record_id)
    if target is None or target.name not in field.reference_to:
        code = "INVALID_CROSS_REFERENCE_KEY" if field.name == "OwnerId" else "FIELD_INTEGRITY_EXCEPTION"
        raise ApiError(400, code, f"{field.label}: id value of incorrect type: {given}", (field.name,))
    row = desk.box.store.tables[target.name].rows.get(record_id)
    if row is None and desk.call.tx is not None:
        row = desk.call.tx.get(target.name, record_id)
    if row is None:
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
    if row["IsDeleted"]:
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", ())
    if field.name == "OwnerId" and target.name == "User" and not row["IsActive"]:
        raise ApiError(
            400, "INACTIVE_OWNER_OR_USER",
            f"operation performed with inactive user [{record_id}] as owner of {kind.name.lower()}", (),
        )  # fmt: skip
    return record_id


def _unreadable(field: Field, given: Any) -> ApiError:
    kind = {"datetime": "datetime", "date": "date", "boolean": "boolean"}.get(field.type, field.type)
    return bad_request(f"Cannot deserialize instance of {kind} from value {given!r} for field {field.name}")


def _check_status(tx: Tx, values: Mapping[str, Value]) -> None:
    if values.get("Status") in converted_statuses(tx):
        # Which code the real service uses is not documented; this one is assumed.
        raise ApiError(400, "INVALID_STATUS", f"invalid status: {values['Status']}: use lead conversion", ("Status",))


def _assign(desk: Desk, values: dict[str, Value]) -> None:
    """The assignment rule replaces the owner unless the request forbids it, whatever the request is about
    (REST API Developer Guide, "Assignment Rule Header")."""
    if desk.box.faults.assignment_rule_resets_owner:
        wish = desk.call.headers.get("sforce-auto-assign", "TRUE")
        if wish.strip().upper() != "FALSE":
            values["OwnerId"] = desk.box.basics.queue


def _check_unique(desk: Desk, kind: ObjectType, values: Mapping[str, Value], record_id: str | None) -> None:
    for name, value in values.items():
        if value is None or not kind.fields[name].unique:
            continue
        for row in desk.box.store.tables[kind.name].holding(name, value):
            if row["Id"] != record_id and not row["IsDeleted"]:
                raise ApiError(
                    400,
                    "DUPLICATE_VALUE",
                    f"duplicate value found: {name} duplicates value on record with id: {row['Id']}",
                    (),
                )


def _check_rules(desk: Desk, kind: ObjectType, row: Row) -> None:
    """The validation rules set as a fault: {"object", "when": {field: value}, "message", "field"}."""
    for rule in desk.box.faults.validation_rules:
        wanted = rule.get("when") or {rule["field"]: rule.get("value")}
        if rule.get("object", kind.name).lower() != kind.name.lower():
            continue
        if all(_same(row, kind, name, value) for name, value in wanted.items()):
            fields = (rule["field"],) if rule.get("field") else ()
            raise ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.get("message", "Validation failed"), fields)


def _same(row: Row, kind: ObjectType, name: str, value: Any) -> bool:
    field = kind.field(name)
    held = row[field.name] if field else None
    return bool(instant(value) == held) if isinstance(held, datetime) and value else held == value
