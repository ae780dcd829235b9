"""The store as Dataverse shows it: which rows a table has, what a lookup leads to, what a value looks like in JSON.

A row that lost a merge is deleted in the store and only deactivated here. Instants are shown in whole seconds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from leadsync.sandbox.box import Box
from leadsync.sandbox.dataverse.guids import guid_of, named_guid, record_of
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import object_of
from leadsync.sandbox.schema.own import CONVERTED
from leadsync.sandbox.transaction import Tx

Raw = Callable[[Row], Value]

_TABLE_OF = {
    "Lead": "lead", "Contact": "contact", "Account": "account", "User": "systemuser", "Group": "team",
    "Opportunity": "opportunity", "Campaign": "campaign", "CampaignMember": "campaignresponse", "Event": "appointment",
}  # fmt: skip
LIST_TAGS = {4: 1, 2: 2}
"""The tags of a campaign shown as marketing list, by what its members are: leads or contacts."""


class Trail:
    """What the truth tells about rows beyond their present state; read on as it grows."""

    def __init__(self, box: Box) -> None:
        self._truth = box.store.truth
        self._read = 0
        self.stage_before: dict[str, str | None] = {}
        """The status that a converted lead had until then, by lead."""
        self.answered_at: dict[str, datetime] = {}
        """When a campaign member's status last changed."""
        self.changes: dict[tuple[str, str], list[int]] = defaultdict(list)
        """Positions in the truth by row."""
        self.derived: dict[str, object] = {}
        """What a table is made of that is derived from the truth, by the table's name."""

    def catch_up(self) -> None:
        for position in range(self._read, len(self._truth)):
            change = self._truth[position]
            self.changes[change.object, change.id].append(position)
            if change.field == "Status" and change.object == "Lead" and change.new in CONVERTED:
                self.stage_before[change.id] = change.old
            elif change.field == "Status" and change.object == "CampaignMember":
                self.answered_at[change.id] = change.at
        self._read = len(self._truth)


@dataclass(slots=True)
class View:
    """The store at one instant, as a request or a transaction sees it."""

    box: Box
    tables: dict[str, Table]
    trail: Trail
    now: datetime
    tx: Tx | None = None
    hidden: frozenset[tuple[str, str]] = frozenset()
    _names: dict[Ref, str | None] = field(default_factory=dict)

    @property
    def organization(self) -> str:
        return guid_of(self.box.basics.organization)

    @property
    def business_unit(self) -> Ref:
        return Ref("businessunit", named_guid("businessunit", self.box.basics.organization))

    @property
    def currency(self) -> Ref:
        return Ref("transactioncurrency", named_guid("transactioncurrency", "EUR"))

    def row(self, kind: str, record_id: str) -> Row | None:
        """A row of the store as this request sees it, deleted ones included."""
        return self.tx.get(kind, record_id) if self.tx else self.box.store.tables[kind].rows.get(record_id)

    def holding(self, kind: str, field_name: str, value: Value) -> list[Row]:
        if self.tx:
            return self.tx.holding(kind, field_name, value)
        return self.box.store.tables[kind].holding(field_name, value)

    def guid(self, table: Table, row: Row) -> str:
        """The GUID of a row: the one its maker chose, or the one its id makes."""
        if table.kind is None or table.rows is not None:
            return str(row[table.key])
        tag = row["tag"] or table.tag
        chosen = row["guid"]
        return chosen if chosen is not None and not tag else guid_of(row["Id"], tag)

    def ref(self, record_id: Value) -> Ref | None:
        """Where a lookup of the store leads."""
        if record_id is None:
            return None
        kind = object_of(record_id)
        row = self.row(kind.name, record_id) if kind else None
        if kind is None or row is None:
            return None
        name = _TABLE_OF.get(kind.name)
        if name is None and kind.name == "Task":
            name = activity_of(row)
        return None if name is None else Ref(name, row["guid"] or guid_of(record_id))

    def record(self, ref: Ref) -> str | None:
        """The store's id of what a lookup leads to, None when the store has no such row."""
        table = self.tables[ref.table]
        if table.kind is None:
            return None
        made = record_of(ref.guid)
        row = self.row(table.kind, made[0]) if made is not None else None
        if row is not None and is_live(row):
            return str(row["Id"])
        # A deleted row's GUID may have been given to another one since.
        chosen = self.holding(table.kind, "guid", ref.guid)
        found = next((held for held in chosen if is_live(held)), chosen[0] if chosen else row)
        return None if found is None else str(found["Id"])

    def find(self, table: Table, guid: str) -> Row | None:
        """The row of a table with that GUID, None when it does not exist or was deleted."""
        if table.rows is not None:
            return next((row for row in table.rows(self) if row[table.key] == guid), None)
        record_id = self.record(Ref(table.name, guid))
        row = self.row(table.kind, record_id) if table.kind and record_id else None
        if row is None or not is_live(row):
            return None
        return next((shown for shown in self.shown(table, row) if self.guid(table, shown) == guid), None)

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of a table."""
        if table.rows is not None:
            yield from table.rows(self)
        elif table.kind is not None:
            for row in self.box.store.tables[table.kind].rows.values():
                if is_live(row):
                    yield from self.shown(table, row)

    def shown(self, table: Table, row: Row) -> Iterable[Row]:
        """How a row of the store appears in a table: not at all, as itself, or in several variants."""
        if table.holds is not None and not table.holds(self, row):
            return ()
        return table.variants(row) if table.variants is not None else (row,)

    def version(self, table: Table, row: Row) -> int:
        """The row's version: it grows with each change of any row."""
        if table.kind is None or row["Id"] is None:
            return int(row["version"] or 1)
        return self.box.store.tables[table.kind].versions.get(row["Id"], self.box.store.version)

    def raw(self, table: Table, column: Column) -> Raw:
        """How a column is read: choices as numbers, lookups as Ref, instants and days as such."""
        if table.kind is not None and (table.kind, column.source) in self.hidden:
            return lambda row: None
        if column.read is not None:
            read = column.read
            return lambda row: read(self, row)
        name, kept = column.source or column.name, table.keeps(column)
        match column.type:
            case "key":
                return lambda row: self.guid(table, row)
            case "choice" if kept and column.choice is not None:
                number = column.choice.number
                return lambda row: None if row[name] is None else number(row[name])
            case "lookup" if kept:
                return lambda row: self.ref(row[name])
            case "flag":
                return lambda row: bool(row[name])
            case "moment":
                return lambda row: None if row[name] is None else row[name].replace(microsecond=0)
            case "integer" if kept:
                return lambda row: None if row[name] is None else int(row[name])
            case _:
                return lambda row: row[name]

    def name_of(self, ref: Ref) -> str | None:
        """What people call the row that a lookup leads to."""
        if ref not in self._names:
            table = self.tables[ref.table]
            row = self.find(table, ref.guid)
            title = table.columns.get(table.title)
            self._names[ref] = None if row is None or title is None else self.raw(table, title)(row)
        return self._names[ref]


def is_live(row: Row) -> bool:
    """Whether Dataverse still has the row: losers of a merge are there until somebody deletes them."""
    return not row["IsDeleted"] or is_merged(row)


def is_merged(row: Row) -> bool:
    return bool(row["IsDeleted"] and row["MasterRecordId"] and not row["erased"])


def activity_of(row: Row) -> str:
    """The table of a task: calls and e-mails have their own. What was made as one of them stays it."""
    if row["activity"] is not None:
        return str(row["activity"])
    match row["TaskSubtype"]:
        case "Call":
            return "phonecall"
        case "Email" | "ListEmail":
            return "email"
        case _:
            return "task"
