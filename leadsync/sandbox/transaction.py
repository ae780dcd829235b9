"""One transaction: what is inserted, changed, deleted and restored in it, and the history and truth that follow.

A transaction sees its own work and nobody else does until it commits. Conversion and merge, which touch many rows at
once, are in `lifecycle`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from leadsync.sandbox import lifecycle
from leadsync.sandbox.rows import Row, Value, coerce, derive
from leadsync.sandbox.schema import OBJECTS, ObjectType, find_object, object_of
from leadsync.sandbox.schema.own import DEFAULT_STATUS, OPERATION

if TYPE_CHECKING:
    from leadsync.sandbox.store import Store

Via = Literal["api", "person", "automation", "world"]

_STAMPS = ("LastModifiedDate", "LastModifiedById", "SystemModstamp")
_UNTOLD = frozenset(("Id", "CreatedDate", "CreatedById", *_STAMPS))
_TOLD_AT_BIRTH = ("Lead", "Contact")

DEPENDENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Lead": (("CampaignMember", "LeadId"), ("Task", "WhoId"), ("Event", "WhoId"), ("LeadHistory", "LeadId")),
    "Contact": (
        ("CampaignMember", "ContactId"), ("Task", "WhoId"), ("Event", "WhoId"), ("ContactHistory", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
    ),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"), ("Task", "WhatId"), ("Event", "WhatId")),
    "Campaign": (("CampaignMember", "CampaignId"),),
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
}  # fmt: skip
"""What hangs on a row: it is deleted and restored with it, and follows the winner of a merge."""


class RowLocked(Exception):
    """The API wants to write a row that somebody else's transaction still holds."""

    def __init__(self, record_id: str) -> None:
        super().__init__(f"unable to obtain exclusive access to this record or 1 records: {record_id}")


class NotLive(Exception):
    """The row to be changed does not exist or was deleted."""


class Tx:
    def __init__(
        self, store: "Store", *, by: str, via: Via, at: datetime, token: str | None, guard: str | None
    ) -> None:
        self.store = store
        self.by = by
        self.via = via
        self.at = at
        self.token = token
        self.guard = guard
        self.inserts = False
        self.images: dict[tuple[str, str], Row] = {}
        self.changes: list[tuple[str, str, str, Value, Value, str | None]] = []
        self.touched: dict[tuple[str, str], dict[str, None]] = {}

    def get(self, object_: str, id_: str) -> Row | None:
        """The row as this transaction sees it, deleted ones included."""
        return self.images.get((object_, id_)) or self.store.tables[object_].rows.get(id_)

    def touches(self, object_: str, id_: str) -> bool:
        return (object_, id_) in self.images

    def holding(self, object_: str, field: str, value: Value) -> list[Row]:
        """Rows that hold a value in a field, as this transaction sees them; deleted ones included."""
        found = {row["Id"]: row for row in self.store.tables[object_].holding(field, value)}
        for (kind, record_id), row in self.images.items():
            if kind == object_:
                found.pop(record_id, None)
                if row[field] == value:
                    found[record_id] = row
        return list(found.values())

    def insert(self, object_: str, fields: Mapping[str, object]) -> str:
        """Add a row and return its id. Id, CreatedDate and the other stamps may be given, as when data is loaded."""
        kind = _kind(object_)
        given = coerce(kind, fields)
        record_id = given.get("Id") or self.store.new_id(kind)
        if self.get(kind.name, record_id) is not None:
            raise ValueError(f"{kind.name} {record_id} exists already")
        created = given.get("CreatedDate") or self.at
        row = Row(Id=record_id, IsDeleted=False)
        row.update(_defaults(kind, self.by))
        row.update((name, value) for name, value in given.items() if value is not None)
        derive(kind.name, row, given, self.at)
        row["CreatedDate"] = created
        row.setdefault("CreatedById", self.by)
        if kind.history_of is None:
            row.setdefault("LastModifiedDate", created)
            row.setdefault("LastModifiedById", self.by)
            # Whatever dates a loaded row claims for itself, the CRM stamps it when it comes in.
            row.setdefault("SystemModstamp", self.at)
        self.inserts = True
        self.images[kind.name, record_id] = row
        self.touched.setdefault((kind.name, record_id), {}).update(dict.fromkeys(row))
        if kind.name in _TOLD_AT_BIRTH:
            for name, value in row.items():
                if name not in _UNTOLD and value is not False:
                    self.changes.append((kind.name, record_id, name, None, value, self._token_in(given)))
        if self.store.history_fields.get(kind.name):
            self._remember(kind, record_id, "created")
        return record_id

    def update(self, object_: str, id_: str, fields: Mapping[str, object]) -> None:
        """Set fields of a live row. What is already so is no change; without any the row is not touched."""
        kind = _kind(object_)
        if self._claim(kind, id_)["IsDeleted"]:
            raise NotLive(f"{kind.name} {id_} is deleted")
        self._change(kind, id_, coerce(kind, fields))

    def delete(self, object_: str, id_: str) -> None:
        """Put a row in the recycle bin, with everything that hangs on it."""
        kind = _kind(object_)
        if self._claim(kind, id_)["IsDeleted"]:
            raise NotLive(f"{kind.name} {id_} is deleted")
        self._change(kind, id_, {"IsDeleted": True})
        for child, row in self._dependents(kind.name, id_):
            if not row["IsDeleted"]:
                self._change(child, row["Id"], {"IsDeleted": True})

    def undelete(self, object_: str, id_: str) -> None:
        """Take a row out of the recycle bin, with what was deleted together with it.

        A row that lost a merge comes back without its master; what was moved to the winner stays there (Apex Developer
        Guide, "Restoring Deleted Records").
        """
        kind = _kind(object_)
        if not self._claim(kind, id_)["IsDeleted"]:
            raise NotLive(f"{kind.name} {id_} is not deleted")
        gone_at = self.store.tables[kind.name].deleted_at.get(id_)
        self._change(kind, id_, {"IsDeleted": False, "MasterRecordId": None})
        for child, row in self._dependents(kind.name, id_):
            together = child.history_of or self.store.tables[child.name].deleted_at.get(row["Id"]) == gone_at
            if row["IsDeleted"] and together:
                self._change(child, row["Id"], {"IsDeleted": False})

    def convert(
        self, lead_id: str, *, contact: str | None = None, account: str | None = None, opportunity: bool = False,
        status: str | None = None, owner: str | None = None, person: bool = True, firm: bool = True,
    ) -> dict[str, str | None]:  # fmt: skip
        """Convert a lead and return the ids of the contact, account and opportunity (None when none was asked for)."""
        return lifecycle.convert(
            self, lead_id, contact=contact, account=account, opportunity=opportunity, status=status, owner=owner,
            person=person, firm=firm,
        )  # fmt: skip

    def merge(self, object_: str, master: str, losers: Iterable[str], *, fill: bool = True) -> None:
        """Merge rows into a master; see `lifecycle.merge`."""
        lifecycle.merge(self, object_, master, losers, fill=fill)

    def force(self, object_: str, id_: str, values: Mapping[str, Value]) -> None:
        """Set fields of any row, also those nobody may write, such as where a merge or a conversion led."""
        self._change(_kind(object_), id_, values)

    def remember(self, object_: str, id_: str, event: str) -> None:
        """Note in the field history, where it is kept, something that is no change of a field."""
        if self.store.history_fields.get(object_):
            self._remember(_kind(object_), id_, event)

    def _claim(self, kind: ObjectType, id_: str) -> Row:
        if self.store.is_locked(kind.name, id_):
            if self.via == "api":
                raise RowLocked(id_)
            self.store.release(kind.name, id_)
        row = self.get(kind.name, id_)
        if row is None:
            raise NotLive(f"there is no {kind.name} {id_}")
        return row

    def _dependents(self, object_: str, id_: str) -> list[tuple[ObjectType, Row]]:
        """What goes into the recycle bin with a row. Contacts outlive their account."""
        return [
            (OBJECTS[child], row)
            for child, field in DEPENDENTS.get(object_, ())
            if child != "Contact"
            for row in self.holding(child, field, id_)
        ]

    def _change(self, kind: ObjectType, record_id: str, values: Mapping[str, Value]) -> None:
        row = self._claim(kind, record_id)
        new = Row(row)
        for name, value in values.items():
            if value is None:
                new.pop(name, None)
            else:
                new[name] = value
        derive(kind.name, new, values, self.at)
        changed = [name for name in {**row, **new} if row[name] != new[name] and name not in _STAMPS]
        if not changed:
            return
        if kind.history_of is None:
            new["LastModifiedDate"] = new["SystemModstamp"] = max(self.at, row["CreatedDate"])
            new["LastModifiedById"] = self.by
        self.images[kind.name, record_id] = new
        self.touched.setdefault((kind.name, record_id), {}).update(dict.fromkeys(changed))
        if kind.history_of is not None:
            return
        tracked = self.store.history_fields.get(kind.name, ())
        for name in changed:
            self.changes.append((kind.name, record_id, name, row[name], new[name], self._token_in(values)))
            if name in tracked:
                self._track(kind, record_id, name, row[name], new[name])

    def _token_in(self, values: Mapping[str, Value]) -> str | None:
        """The operation token that a write carries itself, else the one of the transaction."""
        return values.get(OPERATION) or self.token

    def _track(self, kind: ObjectType, record_id: str, name: str, old: Value, new: Value) -> None:
        """Write the history of one field; a lookup leaves two rows, one with names and one with ids."""
        if kind.fields[name].type != "reference":
            self._remember(kind, record_id, name, old, new)
            return
        shown = name.removesuffix("Id") if not name.endswith("__c") else name
        self._remember(kind, record_id, shown, self._name_of(old), self._name_of(new))
        self._remember(kind, record_id, shown, old, new, data_type="EntityId")

    def _name_of(self, record_id: Value) -> Value:
        kind = object_of(record_id) if record_id else None
        row = self.get(kind.name, record_id) if kind else None
        return row["Name"] if row else record_id

    def _remember(
        self,
        kind: ObjectType,
        record_id: str,
        field: str,
        old: Value = None,
        new: Value = None,
        *,
        data_type: str = "Text",
    ) -> None:
        history = f"{kind.name}History"
        if history not in OBJECTS:
            return
        row = Row(Id=self.store.new_id(OBJECTS[history]), IsDeleted=False, Field=field, DataType=data_type)
        row[f"{kind.name}Id"] = record_id
        if old is not None:
            row["OldValue"] = old
        if new is not None:
            row["NewValue"] = new
        row["CreatedDate"], row["CreatedById"] = self.at, self.by
        self.images[history, row["Id"]] = row


def _kind(object_: str) -> ObjectType:
    found = OBJECTS.get(object_) or find_object(object_)
    if found is None:
        raise KeyError(f"no object {object_}")
    return found


def _flags(kind: ObjectType) -> dict[str, bool]:
    return {f.name: False for f in kind.fields.values() if f.type == "boolean"}


_FLAGS = {name: _flags(kind) for name, kind in OBJECTS.items()}
_OWNED = {name for name, kind in OBJECTS.items() if "OwnerId" in kind.fields}


def _defaults(kind: ObjectType, by: str) -> dict[str, Value]:
    values: dict[str, Value] = dict(_FLAGS[kind.name])
    if kind.name in _OWNED:
        values["OwnerId"] = by
    match kind.name:
        case "Lead":
            values["Status"] = DEFAULT_STATUS
        case "Task":
            values.update(Status="Not Started", Priority="Normal", TaskSubtype="Task")
        case "CampaignMember":
            values["Status"] = "Sent"
        case "Event":
            values["EventSubtype"] = "Event"
        case "User":
            values.update(IsActive=True, UserType="Standard", TimeZoneSidKey="UTC")
    return values
