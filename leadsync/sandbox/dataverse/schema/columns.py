"""The types of the Dataverse schema and short constructors for its tables.

A table shows rows of one object of the store, or is made up from several (`rows`). A column shows a field of the object
(`source`), or a value that the store keeps for Dataverse alone under the column's own name, or something that follows
from others (`read`, and `write` if it may be set).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from leadsync.sandbox.dataverse.schema.choices import Choice
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import OBJECTS

if TYPE_CHECKING:
    from leadsync.sandbox.dataverse.view import View

ColumnType = Literal[
    "key", "text", "memo", "integer", "bigint", "decimal", "money", "flag", "moment", "day", "choice", "state", "status",
    "lookup", "guid",
]  # fmt: skip


class Ref(NamedTuple):
    """What a lookup holds: the logical name of the table and the row's GUID."""

    table: str
    guid: str


Reader = Callable[["View", Row], Value]
Writer = Callable[["View", Row, Value], Mapping[str, Value]]
"""Takes the row as it is and the new value (a choice as its number, a lookup as a Ref) to what the store is to hold."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `number` is its ColumnNumber, given when it joins a table."""

    name: str
    type: ColumnType
    label: str
    source: str = ""
    length: int = 0
    minimum: float = 0
    maximum: float = 0
    precision: int = 0
    choice: Choice | None = None
    targets: tuple[str, ...] = ()
    navigation: Mapping[str, str] = field(default_factory=dict)
    createable: bool = True
    updateable: bool = True
    required: bool = False
    read: Reader | None = None
    write: Writer | None = None
    number: int = 0

    @property
    def custom(self) -> bool:
        return "_" in self.name and self.name.split("_")[0] in ("leadsync", "acme")

    @property
    def shown(self) -> str:
        """The property that carries the value: lookups are read as _name_value."""
        return f"_{self.name}_value" if self.type == "lookup" else self.name


@dataclass(frozen=True, slots=True)
class Reason:
    """A status reason and the state that it belongs to."""

    value: int
    label: str
    state: int


@dataclass(frozen=True, slots=True)
class States:
    """The states of a table, their reasons and defaults; how they are read from a row and what setting one means."""

    names: Mapping[int, str]
    reasons: tuple[Reason, ...]
    defaults: Mapping[int, int]
    of: Callable[[Row], int]
    to: Callable[[Row, int], Mapping[str, Value]]

    def reason(self, row: Row) -> int:
        """The status reason of a row: the one that was set, if it belongs to the row's state."""
        state, kept = self.of(row), row["statuscode"]
        return kept if any(r.value == kept and r.state == state for r in self.reasons) else self.defaults[state]


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection-valued navigation property: the rows of a table whose lookup names this row, or by hand."""

    table: str
    lookup: str = ""
    rows: Callable[["View", Row], Iterable[Row]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `kind` is the store's object, None for a table without rows of its own there."""

    name: str
    set: str
    key: str
    title: str
    label: str
    plural: str
    code: int
    columns: Mapping[str, Column]
    kind: str | None = None
    tag: int = 0
    holds: Callable[["View", Row], bool] | None = None
    variants: Callable[[Row], Iterable[Row]] | None = None
    born: Mapping[str, Value] = field(default_factory=dict)
    rows: Callable[["View"], Iterable[Row]] | None = None
    states: States | None = None
    tracked: bool = True
    writable: bool = True
    activity: bool = False
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    collections: Mapping[str, Collection] = field(default_factory=dict)
    by_shown: Mapping[str, Column] = field(default_factory=dict)
    by_navigation: Mapping[str, tuple[Column, str | None]] = field(default_factory=dict)

    def keeps(self, column: Column) -> bool:
        """Whether the store's object has a field for this column."""
        return self.kind is not None and column.source in OBJECTS[self.kind].fields


def table(
    name: str, set_: str, key: str, title: str, label: str, plural: str, code: int, columns: Iterable[Column], **given: object
) -> Table:  # fmt: skip
    """A table with its indexes by property and by navigation property."""
    return table_of(Table(name, set_, key, title, label, plural, code, {}, **given), columns)  # type: ignore[arg-type]


def table_of(table: Table, columns: Iterable[Column]) -> Table:
    """The table with these columns; those that have a number keep it."""
    named: dict[str, Column] = {}
    for column in columns:
        last = max((one.number for one in named.values()), default=0)
        named[column.name] = column if column.number else replace(column, number=last + 1)
    navigation: dict[str, tuple[Column, str | None]] = {}
    for column in named.values():
        for target in column.targets:
            navigation[column.navigation.get(target, column.name)] = (
                (column, target) if target in column.navigation else (column, None)
            )
    return replace(table, columns=named, by_shown={c.shown: c for c in named.values()}, by_navigation=navigation)


def key(name: str, label: str) -> Column:
    return Column(name, "key", label, updateable=False, required=True)


def text(name: str, label: str, source: str = "", length: int = 100, *, required: bool = False) -> Column:
    return Column(name, "text", label, source, length, required=required)


def memo(name: str, label: str, source: str = "", length: int = 2000) -> Column:
    return Column(name, "memo", label, source, length)


def integer(name: str, label: str, source: str = "", top: float = 2147483647) -> Column:
    return Column(name, "integer", label, source, maximum=top)


def money(name: str, label: str, source: str = "") -> Column:
    return Column(name, "money", label, source, maximum=1_000_000_000_000, precision=2)


def flag(name: str, label: str, source: str = "") -> Column:
    return Column(name, "flag", label, source)


def moment(name: str, label: str, source: str = "") -> Column:
    return Column(name, "moment", label, source)


def day(name: str, label: str, source: str = "") -> Column:
    return Column(name, "day", label, source)


def choice(name: str, label: str, values: Choice, source: str = "") -> Column:
    return Column(name, "choice", label, source, choice=values)


def lookup(
    name: str, label: str, *targets: str, source: str = "", navigation: Mapping[str, str] | None = None,
    read_only: bool = False,
) -> Column:  # fmt: skip
    """A lookup; where it may lead to several tables, each has a navigation property of its own, unless it is an owner."""
    return Column(
        name, "lookup", label, source, targets=targets, navigation=navigation or {}, createable=not read_only,
        updateable=not read_only,
    )  # fmt: skip


def derived(type_: ColumnType, name: str, label: str, read: Reader, **given: object) -> Column:
    """A column that follows from others and cannot be set, unless a `write` is given."""
    settable = "write" in given
    return Column(name, type_, label, read=read, createable=settable, updateable=settable, **given)  # type: ignore[arg-type]


def states_of(model: States) -> tuple[Column, Column]:
    """The statecode and statuscode of a table; setting them is a matter of both together."""
    return (
        Column("statecode", "state", "Status", read=lambda view, row: model.of(row)),
        Column("statuscode", "status", "Status Reason", read=lambda view, row: model.reason(row)),
    )
