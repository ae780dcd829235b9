"""Rows of Salesforce to leadsync's Records, Moves, Users and companions, by the mapping.

Each reader names the columns it needs and makes one value of one row; touches are read in `touches.py`. A column that
the mapping does not name is never asked for.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from leadsync.crm.salesforce.soql import Columns
from leadsync.crm.values import (
    Cell,
    Cells,
    RowFacts,
    fields_reader,
    first_filled,
    instant,
    instant_or_none,
    moment,
    named,
    noon,
    parser,
    picker,
    text,
    translate,
)
from leadsync.domain.conditions import holds
from leadsync.domain.mapping import CrmMapping, FieldMapping, ObjectMapping
from leadsync.domain.records import (
    Account,
    Campaign,
    Gone,
    Move,
    Opportunity,
    OpportunityRole,
    Queue,
    Record,
    Ref,
    State,
    User,
    Value,
)
from leadsync.ports import Row

_RECORD = (
    "Id",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "IsDeleted",
    "MasterRecordId",
)
_CONVERSION = ("IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")

_NOT_CONVERTED = (False, None, None, None, None)
_TEXT = frozenset((str, type(None)))


class Reader(Protocol):
    """Makes leadsync's value of one row; None for a row that counts for nothing."""

    columns: Columns

    def __call__(self, cells: Cells, at: datetime) -> Row | None:
        """Return the value of a row that was read at this CRM time."""


class RecordReader:
    """Reads Leads or Contacts."""

    def __init__(
        self, crm: str, object_name: str, mapping: ObjectMapping, zone: ZoneInfo, *, person_accounts: bool = False
    ) -> None:
        own = (
            _CONVERSION if object_name == "lead" else ("AccountId", *(("IsPersonAccount",) if person_accounts else ()))
        )
        entered = tuple(mapping.entered_from.values())
        fields = {name: field for name, field in mapping.fields.items() if name != "operation"}
        natives = [
            native for field in (mapping.stage, mapping.owner, *mapping.fields.values()) for native in field.native
        ]
        self.columns = Columns([*_RECORD, *own, *natives, *entered])
        at = self.columns.at
        self._crm, self._object, self._scope, self._zone = crm, object_name, mapping.scope, zone
        self._base = itemgetter(*(at(name) for name in _RECORD))
        self._stage, self._owner = first_filled(self._places(mapping.stage)), first_filled(self._places(mapping.owner))
        operation = mapping.fields.get("operation")
        self._operation = first_filled(self._places(operation) if operation else ())
        read = [(name, self._places(field), parser(field)) for name, field in fields.items()]
        read += [
            (f"entered_from.{stage}", (at(native),), parser(FieldMapping(stage, (native,), "datetime")))
            for stage, native in mapping.entered_from.items()
        ]
        # Most fields are plain text in one column: they are taken together, the others one by one.
        plain = {name: places[0] for name, places, parse in read if parse is text and len(places) == 1}
        self._texts, self._texts_of = tuple(plain), picker(tuple(plain.values()))
        self._fields = [(name, first_filled(places), parse) for name, places, parse in read if name not in plain]
        self._conversion = itemgetter(*(at(name) for name in _CONVERSION)) if object_name == "lead" else None
        self._account = at("AccountId") if object_name == "contact" else None
        self._person_account = at("IsPersonAccount") if object_name == "contact" and person_accounts else None

    def _places(self, field: FieldMapping) -> tuple[int, ...]:
        return tuple(self.columns.at(native) for native in field.native)

    def __call__(self, cells: Cells, at: datetime) -> Record | Gone:
        """Return the record, or that it is gone."""
        key, created, creator, modified, editor, stamp, deleted, master = self._base(cells)
        ref, owner = Ref(self._crm, self._object, key), text(self._owner(cells))
        fields = self._plain_texts(cells)
        if owner is not None:
            fields["owner"] = owner
        for name, cell_of, parse in self._fields:
            if (cell := cell_of(cells)) is not None and (value := parse(cell)) is not None:
                fields[name] = value
        if self._person_account is not None and cells[self._person_account]:
            fields["person_account"] = True  # out of scope, and counted by this name in `audit`
        converted, day, account, contact, deal = self._conversion(cells) if self._conversion else _NOT_CONVERTED
        # Positional: keywords cost a tenth of a first load.
        record = Record(
            ref, text(self._stage(cells)), owner, instant(created), instant(modified), editor, instant(stamp),
            moment(modified) or "", fields, creator, self._state(fields, cells, converted=converted, at=at),
            cells[self._account] if self._account is not None else None, contact, account, deal, day if converted else None,
            None, text(self._operation(cells)),
        )  # fmt: skip
        return Gone(ref, instant_or_none(stamp) or at, master, record) if deleted else record

    def _plain_texts(self, cells: Cells) -> dict[str, Value]:
        found = self._texts_of(cells)
        if _TEXT.issuperset(map(type, found)):
            return {name: cell for name, cell in zip(self._texts, found, strict=True) if cell}
        return {name: value for name, cell in zip(self._texts, found, strict=True) if (value := text(cell)) is not None}

    def _state(self, fields: Mapping[str, Value], cells: Cells, *, converted: bool, at: datetime) -> State:
        if converted:
            return "converted"
        if self._person_account is not None and cells[self._person_account]:
            return "out_of_scope"
        if self._scope is not None and not holds(self._scope, RowFacts(fields, at, self._zone)):
            return "out_of_scope"
        return "live"


class MoveReader:
    """Reads field history rows of the stage and the owner. An owner's move has two rows; the one with ids counts."""

    def __init__(self, crm: str, object_name: str, mapping: ObjectMapping) -> None:
        parent = "LeadId" if object_name == "lead" else "ContactId"
        self.columns = Columns(["Id", parent, "Field", "OldValue", "NewValue", "CreatedDate", "CreatedById"])
        self._crm, self._object = crm, object_name
        self.stage_fields = frozenset(mapping.stage.native)
        # Standard lookups appear in history without their Id ending, custom ones as they are.
        self.owner_fields = frozenset(name.removesuffix("Id") for name in mapping.owner.native)

    @property
    def fields(self) -> list[str]:
        """The values of `Field` that are asked for."""
        return sorted(self.stage_fields | self.owner_fields)

    def __call__(self, cells: Cells, at: datetime) -> Move | None:
        """Return the move, None for the display-name row of a lookup."""
        key, parent, field, old, new, created, author = cells
        kind = "stage" if field in self.stage_fields else "owner"
        if kind == "owner" and not (_is_owner(old) and _is_owner(new)):
            return None
        return Move(Ref(self._crm, self._object, parent), key, kind, text(old), text(new), instant(created), author)


def _is_owner(value: Cell) -> bool:
    return value is None or (isinstance(value, str) and len(value) in (15, 18) and value[:3] in ("005", "00G"))


class UserReader:
    """Reads users; `belongs` answers which permission sets and queues a user id has."""

    def __init__(
        self,
        crm: str,
        mapping: Mapping[str, FieldMapping],
        belongs: Callable[[str], tuple[tuple[str, ...], tuple[str, ...]]],
    ) -> None:
        away = mapping.get("out_of_office_until")
        self._away = fields_reader({"until": away} if away else {})
        self.columns = Columns([
            "Id", "Username", "Email", "Name", "IsActive", "ManagerId", "TimeZoneSidKey", "Country", "UserRole.Name", "Profile.Name",
            *(away.native if away else ()),
        ])  # fmt: skip
        self._crm, self._belongs = crm, belongs

    def __call__(self, cells: Cells, at: datetime) -> User | None:
        """Return the user."""
        row = named(self.columns.names, cells)
        sets, queues = self._belongs(cells[0])
        return User(
            crm=self._crm, id=cells[0], username=text(row["Username"]) or "", email=text(row["Email"]),
            name=text(row["Name"]) or "", active=bool(row["IsActive"]), manager_id=text(row["ManagerId"]),
            role=text(row["UserRole.Name"]), profile=text(row["Profile.Name"]), zone=text(row["TimeZoneSidKey"]),
            country=text(row["Country"]), permission_sets=sets, queues=queues,
            out_of_office_until=text(self._away(row).get("until")),
        )  # fmt: skip


class QueueReader:
    """Reads queues."""

    def __init__(self, crm: str) -> None:
        self.columns = Columns(["Id", "Name"])
        self._crm = crm

    def __call__(self, cells: Cells, at: datetime) -> Queue:
        """Return the queue."""
        return Queue(self._crm, cells[0], text(cells[1]) or "")


class AccountReader:
    """Reads companies, by the mapped fields alone."""

    def __init__(self, crm: str, mapping: Mapping[str, FieldMapping]) -> None:
        self.columns = Columns(["Id", "IsDeleted", *(native for field in mapping.values() for native in field.native)])
        self._crm = crm
        self._fields = [
            (name, first_filled([self.columns.at(n) for n in field.native]), parser(field))
            for name, field in mapping.items()
        ]

    def __call__(self, cells: Cells, at: datetime) -> Account:
        """Return the company."""
        values = ((name, parse(cell_of(cells))) for name, cell_of, parse in self._fields)
        return Account(
            self._crm, cells[0], {name: value for name, value in values if value is not None}, bool(cells[1])
        )


class OpportunityReader:
    """Reads deals; an outcome is what IsClosed and IsWon say. A close date without a time is noon in the company zone."""

    def __init__(self, crm: str, mapping: CrmMapping, zone: ZoneInfo) -> None:
        self._crm, self._zone = crm, zone
        fields = mapping.opportunity
        self._fields, self._loss = fields_reader(fields), mapping.loss_reason
        self.columns = Columns([
            "Id", "IsDeleted", "AccountId", "OwnerId", "IsClosed", "IsWon", "CreatedDate",
            *(native for field in fields.values() for native in field.native), *(self._loss.native or ()),
        ])  # fmt: skip

    def __call__(self, cells: Cells, at: datetime) -> Opportunity:
        """Return the deal."""
        row = named(self.columns.names, cells)
        value = self._fields(row)
        outcome: Literal["open", "won", "lost"] = "open" if not row["IsClosed"] else "won" if row["IsWon"] else "lost"
        amount = parser(FieldMapping("amount", (), "number"))(value.get("amount"))
        return Opportunity(
            crm=self._crm, id=cells[0], account_id=text(row["AccountId"]), owner_id=text(row["OwnerId"]),
            stage=text(value.get("stage")), outcome=outcome, created_at=instant(row["CreatedDate"]),
            closed_at=self._closed(value.get("closed_at")) if outcome != "open" else None,
            amount=float(amount) if isinstance(amount, (int, float)) else None, currency=text(value.get("currency")),
            loss_reason=translate(self._loss, row) if outcome == "lost" else None, deleted=bool(row["IsDeleted"]),
        )  # fmt: skip

    def _closed(self, value: Value) -> datetime | None:
        if isinstance(value, str) and len(value) == 10:
            return noon(value, self._zone)
        return instant_or_none(value)


class RoleReader:
    """Reads people's parts in deals."""

    def __init__(self, crm: str) -> None:
        self.columns = Columns(["Id", "IsDeleted", "OpportunityId", "ContactId", "Role", "IsPrimary", "CreatedDate"])
        self._crm = crm

    def __call__(self, cells: Cells, at: datetime) -> OpportunityRole:
        """Return the part."""
        key, deleted, deal, contact, role, primary, created = cells
        return OpportunityRole(
            self._crm, key, deal, contact, text(role), bool(primary), instant(created), bool(deleted)
        )


class CampaignReader:
    """Reads campaigns; a deleted one is left as it was known."""

    def __init__(self, crm: str, mapping: Mapping[str, FieldMapping]) -> None:
        self.columns = Columns(
            ["Id", "IsDeleted", "Name", *(native for field in mapping.values() for native in field.native)]
        )
        self._crm, self._fields = crm, fields_reader(mapping)

    def __call__(self, cells: Cells, at: datetime) -> Campaign | None:
        """Return the campaign."""
        row = named(self.columns.names, cells)
        if row["IsDeleted"]:
            return None
        value = self._fields(row)
        cost = parser(FieldMapping("cost", (), "number"))(value.get("cost"))
        return Campaign(
            self._crm, cells[0], text(value.get("name")) or text(row["Name"]) or "", text(value.get("type")),
            float(cost) if isinstance(cost, (int, float)) else None,
        )  # fmt: skip
