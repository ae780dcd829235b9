"""What a write may do: the payload's columns translated into the store's words, every refusal, then the change itself.

Columns that cannot be set are passed over in silence, as the service does; unknown ones are refused. What the store has no
field for is kept in the row under the column's own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadsync.sandbox.dataverse.addresses import Addressed
from leadsync.sandbox.dataverse.encode import formatted, texts_of
from leadsync.sandbox.dataverse.errors import (
    BAD_PAYLOAD,
    INVALID,
    LOCKED,
    OUTSIDE_RANGE,
    PLUGIN,
    STATE,
    TOO_LONG,
    USER_DISABLED,
    ApiError,
    bad,
    no_property,
    no_row,
)
from leadsync.sandbox.dataverse.guids import read_guid, record_of
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row, Value, coerce, instant
from leadsync.sandbox.schema import OBJECTS
from leadsync.sandbox.transaction import RowLocked, Tx

_BIND = "@odata.bind"
_PARTIES = "_activity_parties"
_PEOPLE_FIELDS = {"lead": ("LeadId", "WhoId"), "contact": ("ContactId", "WhoId")}


@dataclass(slots=True)
class Changes:
    """What a payload comes to: values by the store's field or the column's own name, and a chosen key."""

    values: dict[str, Value] = field(default_factory=dict)
    guid: str | None = None
    state: int | None = None
    reason: int | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads payloads for one table. `by_hand` is for the control endpoints: labels count as well as numbers, lookups may
    be named by their GUID, and stamps may be given."""

    view: View
    table: Table
    addressed: Addressed
    by_hand: bool = False

    def read(self, payload: Mapping[str, Any], row: Row | None) -> Changes:
        """The changes that a payload asks for; `row` is None when it is to make one."""
        changes = Changes()
        for name, given in payload.items():
            if name.endswith(_BIND):
                self._bind(changes, row, name.removesuffix(_BIND), given)
            elif "@" in name:
                continue
            elif name.endswith(_PARTIES):
                changes.values.update(self._parties(given))
            else:
                self._set(changes, row, name, given)
        self._settle_state(changes, row)
        return changes

    def _set(self, changes: Changes, row: Row | None, name: str, given: Any) -> None:
        column = self.table.columns.get(name)
        if column is None or (self.table.kind, column.source) in self.view.hidden:
            if name in self.table.by_navigation and given is None:
                self._lookup(changes, row, self.table.by_navigation[name][0], None)
                return
            raise no_property(name, self.table.name)
        match column.type:
            case "key":
                changes.guid = self._guid(given)
            case "state":
                changes.state = self._state(given)
            case "status":
                changes.reason = self._reason(given)
            case "lookup":
                if given is not None and not self.by_hand:
                    raise bad(f"The property '{name}' is a lookup; set it with '{name}{_BIND}'.", BAD_PAYLOAD)
                target = None if given is None else self._named(column, given)
                if column.updateable:
                    self._lookup(changes, row, column, target)
                elif self.by_hand and column.source and row is None:
                    changes.values[column.source] = None if target is None else self.view.record(target)
            case "choice" if self.by_hand and column.source and _is_no_option(column, given):
                # What people type becomes an option of its own (see choices.py).
                changes.values[column.source] = given
            case _:
                settable = column.createable if row is None else column.updateable
                if settable:
                    self._store(changes, row, column, self._value(column, given))
                elif self.by_hand and column.source and row is None:
                    changes.values[column.source] = given

    def _store(self, changes: Changes, row: Row | None, column: Column, value: Value) -> None:
        if column.write is not None:
            changes.values.update(column.write(self.view, row if row is not None else Row(), value))
        elif column.choice is not None and self.table.keeps(column) and value is not None:
            changes.values[column.source] = column.choice.text(value, texts_of(self.view, self.table, column))
        else:
            changes.values[column.source if self.table.keeps(column) else column.name] = value

    def _bind(self, changes: Changes, row: Row | None, name: str, given: Any) -> None:
        known = self.table.by_navigation.get(name)
        if known is None and self.table.activity and name == f"ownerid_{self.table.name}":
            known = self.table.by_navigation["ownerid"]
        if known is None:
            raise bad(f"An undeclared property '{name}' which only has property annotations in the payload but no property value "
                      "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
                      "represented as properties without values.", BAD_PAYLOAD)  # fmt: skip
        column, target = known
        ref = None if given is None else self.addressed.ref(str(given))
        if ref is not None and ref.table not in ((target,) if target else column.targets):
            raise bad(f"Invalid type of entity: '{ref.table}' where '{target or column.targets}' is expected.", INVALID)
        if column.createable if row is None else column.updateable:
            self._lookup(changes, row, column, ref)

    def _lookup(self, changes: Changes, row: Row | None, column: Column, ref: Ref | None) -> None:
        if ref is None and column.name == "ownerid":
            raise bad("Owner can not be set to null.", INVALID)
        if column.write is not None:
            changes.values.update(column.write(self.view, row if row is not None else Row(), ref))
        elif self.table.keeps(column):
            changes.values[column.source] = None if ref is None else self._recorded(column, ref)
        else:
            changes.values[column.name] = ref

    def _recorded(self, column: Column, ref: Ref) -> str:
        record_id = self.view.record(ref)
        if record_id is None:
            raise no_row(ref.table, ref.guid)
        if column.name == "ownerid" and ref.table == "systemuser":
            user = self.view.row("User", record_id)
            if user is not None and not user["IsActive"] and not self.by_hand:
                raise ApiError(
                    403, USER_DISABLED, f"The specified user(Id={ref.guid}) is disabled. Consider enabling this user."
                )
        return record_id

    def _named(self, column: Column, given: Any) -> Ref:
        """A lookup named by GUID alone, as the control endpoints allow it, or by a path."""
        guid = read_guid(given)
        if guid is None:
            return self.addressed.ref(str(given))
        for target in column.targets:
            if self.view.find(self.view.tables[target], guid) is not None:
                return Ref(target, guid)
        raise no_row(column.targets[0], guid)

    def _parties(self, given: Any) -> dict[str, Value]:
        """The parties of an activity: the first lead or contact among them is the person of the store's row."""
        parties: list[tuple[int, Ref]] = []
        values: dict[str, Value] = {}
        for party in given:
            bound = next((v for k, v in party.items() if k.endswith(_BIND) and v is not None), None)
            if bound is None:
                continue
            ref = self.addressed.ref(str(bound))
            parties.append((int(party.get("participationtypemask", 0)), ref))
            for person in _PEOPLE_FIELDS.get(ref.table, ()):
                if person in OBJECTS[str(self.table.kind)].fields:
                    values.setdefault(person, self.view.record(ref))
        return {**values, "parties": tuple(parties)}

    def _guid(self, given: Any) -> str:
        guid = read_guid(given)
        if guid is None:
            raise bad(f"Guid should contain 32 digits with 4 dashes: {given}", INVALID)
        return guid

    def _value(self, column: Column, given: Any) -> Value:
        if given is None:
            return None
        try:
            return self._typed(column, given)
        except (ValueError, TypeError):
            raise bad(
                f"Error identified in Payload provided by the user for Entity :'{self.table.set}': cannot convert the value "
                f"'{given}' of property '{column.name}' to its type.", BAD_PAYLOAD,
            ) from None  # fmt: skip

    def _typed(self, column: Column, given: Any) -> Value:
        match column.type:
            case "choice":
                return self._choice(column, given)
            case "flag":
                if not isinstance(given, bool):
                    raise ValueError(given)
                return given
            case "moment":
                return instant(given)
            case "day":
                return instant(given).date()
            case "integer" | "decimal" | "money":
                return self._number(column, given)
            case _:
                return self._text(column, given)

    def _choice(self, column: Column, given: Any) -> int:
        assert column.choice is not None
        if isinstance(given, str) and self.by_hand and not given.isdigit():
            return next(
                (n for n, label in column.choice.options.items() if label == given), column.choice.number(given)
            )
        if isinstance(given, bool) or not isinstance(given, (int, str)):
            raise ValueError(given)
        value = int(given)
        if (
            column.choice.label(value) is None
            and column.choice.label(value, texts_of(self.view, self.table, column)) is None
        ):
            accepted = ",".join(map(str, column.choice.options))
            raise bad(
                f"A validation error occurred.  The value {value} of '{column.name}' on record of type '{self.table.name}' is "
                f"outside the valid range. Accepted Values: {accepted}", INVALID,
            )  # fmt: skip
        return value

    def _number(self, column: Column, given: Any) -> float | int:
        if isinstance(given, (bool, str)):
            raise ValueError(given)
        if column.type == "integer" and float(given) != int(given):
            raise ValueError(given)
        lowest = column.minimum if column.type != "money" else -column.maximum
        if column.maximum and not lowest <= given <= column.maximum:
            raise bad(
                f"A validation error occurred. The value of '{column.name}' on record of type '{self.table.name}' is outside the "
                f"valid range.", OUTSIDE_RANGE,
            )  # fmt: skip
        return int(given) if column.type == "integer" else float(given)

    def _text(self, column: Column, given: Any) -> str:
        if not isinstance(given, str):
            raise ValueError(given)
        if column.length and len(given) > column.length:
            raise bad(
                f"A validation error occurred. The length of the '{column.name}' attribute of the '{self.table.name}' entity "
                f"exceeded the maximum allowed length of '{column.length}'.", TOO_LONG,
            )  # fmt: skip
        return given

    def _state(self, given: Any) -> int | None:
        model = self.table.states
        if model is None:
            return None
        named = {label: value for value, label in model.names.items()}
        return named[given] if isinstance(given, str) and given in named else int(given)

    def _reason(self, given: Any) -> int | None:
        model = self.table.states
        if model is None:
            return None
        named = {reason.label: reason.value for reason in model.reasons}
        return named[given] if isinstance(given, str) and given in named else int(given)

    def _settle_state(self, changes: Changes, row: Row | None) -> None:
        """Check state and reason together; a state alone takes its default reason, and a new row begins open."""
        model = self.table.states
        if model is None or (changes.state is None and changes.reason is None):
            return
        if row is None:
            if not self.by_hand:
                return
            row = Row()
        current = model.of(row)
        state = current if changes.state is None else changes.state
        if changes.state is None and self.by_hand:
            state = next((r.state for r in model.reasons if r.value == changes.reason), current)
        if state not in model.names:
            raise bad(f"{state} is not a valid state code on {self.table.name}.", STATE)
        reason = model.defaults[state] if changes.reason is None else changes.reason
        if changes.reason is None and state == current:
            return
        if not any(r.value == reason and r.state == state for r in model.reasons):
            raise bad(
                f"{reason} is not a valid status code for state code {self.table.label}State.{model.names[state]} on "
                f"{self.table.name}", STATE,
            )  # fmt: skip
        changes.values.update(model.to(row, state))
        if self.table.kind == "Lead" and row["IsConverted"] and state != current and row["Id"] is not None:
            before = self.view.trail.stage_before.get(row["Id"])
            if before is not None:
                changes.values["Status"] = before
        if state != current or reason != model.reason(row):
            changes.values["statuscode"] = reason


def _is_no_option(column: Column, given: object) -> bool:
    choice = column.choice
    if choice is None or not isinstance(given, str) or not given or given.isdigit():
        return False
    return choice.number(given) not in choice.options


def insert(view: View, tx: Tx, table: Table, changes: Changes) -> str:
    """Make a row and return its id in the store."""
    kind = OBJECTS[str(table.kind)]
    check_rules(view, table, Row(), changes.values)
    values = {**table.born, **changes.values}
    known = {name: value for name, value in values.items() if name in kind.fields}
    extra: dict[str, Value] = {name: value for name, value in values.items() if name not in kind.fields}
    if changes.guid is not None:
        _claim_guid(view, table, changes.guid, known, extra)
    record_id = tx.insert(kind.name, known)
    # Like a date of birth, what was loaded with a row is no change of it.
    image = Row({**tx.images[kind.name, record_id], **{k: v for k, v in extra.items() if v is not None}})
    tx.images[kind.name, record_id] = image
    return record_id


def _claim_guid(view: View, table: Table, guid: str, known: dict[str, Any], extra: dict[str, Value]) -> None:
    """Give a new row the GUID that its maker chose: as its id if it is one, else beside it."""
    kind = OBJECTS[str(table.kind)]
    if view.find(table, guid) is not None:
        raise ApiError(412, "0x80040237", "A record with matching key values already exists.")
    made = record_of(guid)
    if made is not None and made[0].startswith(kind.prefix) and made[1] == 0 and view.row(kind.name, made[0]) is None:
        known["Id"] = made[0]
    else:
        extra["guid"] = guid


def update(view: View, tx: Tx, table: Table, row: Row, changes: Changes) -> None:
    """Change a row, also a deactivated one."""
    kind = OBJECTS[str(table.kind)]
    check_rules(view, table, row, changes.values)
    known = {name: value for name, value in changes.values.items() if name in kind.fields}
    extra = {name: value for name, value in changes.values.items() if name not in kind.fields}
    if view.box.faults.strikes("lock_row"):
        raise locked()
    try:
        tx.force(kind.name, row["Id"], {**coerce(kind, known), **extra})
    except RowLocked:
        raise locked() from None


def delete(view: View, tx: Tx, table: Table, row: Row) -> None:
    kind = str(table.kind)
    try:
        if row["IsDeleted"]:
            tx.force(kind, row["Id"], {"erased": True})
        else:
            tx.delete(kind, row["Id"])
    except RowLocked:
        raise locked() from None


def locked() -> ApiError:
    return ApiError(
        500,
        LOCKED,
        "The resource lock could not be obtained: another operation is running on this record. Try again later.",
    )


def check_rules(view: View, table: Table, row: Row, values: Mapping[str, Value]) -> None:
    """The validation rules set as a fault, here in the person of a plug-in that throws."""
    if not view.box.faults.validation_rules:
        return
    new = Row({**row, **values})
    for rule in view.box.faults.validation_rules:
        object_name = str(rule.get("object", table.name))
        if object_name.lower() not in (table.name, str(table.kind).lower()):
            continue
        wanted = rule.get("when") or {rule["field"]: rule.get("value")}
        if all(_is(view, table, new, name, value) for name, value in wanted.items()):
            raise bad(str(rule.get("message", "Validation failed")), PLUGIN)


def _is(view: View, table: Table, row: Row, name: str, wanted: Any) -> bool:
    column = table.columns.get(name)
    if column is None:
        return bool(row[name] == wanted)
    held = view.raw(table, column)(row)
    if held is None or wanted is None:
        return bool(held == wanted)
    if isinstance(held, datetime):
        return bool(instant(wanted) == held)
    return wanted in (held, formatted(view, table, column, held))
