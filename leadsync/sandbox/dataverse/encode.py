"""Rows as the Web API writes them: columns, lookups as _name_value, ETags, and annotations when they were asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from typing import Any

from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row, Value

FORMATTED = "OData.Community.Display.V1.FormattedValue"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
TARGET = "Microsoft.Dynamics.CRM.lookuplogicalname"
_NUMERIC = ("integer", "decimal", "money", "bigint")


@dataclass(frozen=True, slots=True)
class Annotations:
    """Which annotations a request wants: patterns with `*` at their end."""

    patterns: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


def plain(value: Value) -> Value:
    """A raw value as JSON holds it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC).isoformat()[:19]}Z"
    if isinstance(value, Ref):
        return value.guid
    return value.isoformat() if isinstance(value, date) else value


class Encoder:
    """Writes rows of one table with the columns that were asked for."""

    def __init__(self, view: View, table: Table, columns: Iterable[Column], annotations: Annotations) -> None:
        self._view = view
        self._table = table
        self._readers = [(c, c.shown, view.raw(table, c)) for c in columns]
        self._formatted = annotations.wants(FORMATTED)
        self._navigation = annotations.wants(NAVIGATION)
        self._target = annotations.wants(TARGET)
        self._annotated = self._formatted or self._navigation or self._target

    def record(self, row: Row) -> dict[str, Any]:
        """One row, its ETag first."""
        found: dict[str, Any] = {"@odata.etag": etag(self._view, self._table, row)}
        for column, name, read in self._readers:
            value = read(row)
            if self._annotated and value is not None:
                self._annotate(found, column, name, value)
            found[name] = plain(value)
        return found

    def _annotate(self, found: dict[str, Any], column: Column, name: str, value: Value) -> None:
        if self._formatted:
            text = formatted(self._view, self._table, column, value)
            if text is not None:
                found[f"{name}@{FORMATTED}"] = text
        if isinstance(value, Ref):
            if self._navigation:
                found[f"{name}@{NAVIGATION}"] = column.navigation.get(value.table, column.name)
            if self._target:
                found[f"{name}@{TARGET}"] = value.table


def formatted(view: View, table: Table, column: Column, value: Value) -> str | None:
    """What a person is shown for a value, None for texts, which are shown as they are."""
    match column.type:
        case "choice" if column.choice is not None:
            return column.choice.label(value) or column.choice.label(value, texts_of(view, table, column))
        case "state" if table.states is not None:
            return table.states.names[value]
        case "status" if table.states is not None:
            return next(reason.label for reason in table.states.reasons if reason.value == value)
        case "lookup":
            return view.name_of(value)
        case "flag":
            return "Yes" if value else "No"
        case "moment":
            return f"{value.month}/{value.day}/{value.year} {value.hour % 12 or 12}:{value:%M %p}"
        case "day":
            return f"{value.month}/{value.day}/{value.year}"
        case kind if kind in _NUMERIC:
            return f"{value:,.2f}" if column.precision else f"{value:,}"
    return None


def texts_of(view: View, table: Table, column: Column) -> list[str]:
    """The texts that rows of the store hold behind a choice column."""
    if table.kind is None or not table.keeps(column):
        return []
    rows = view.box.store.tables[table.kind].rows.values()
    return list(dict.fromkeys(row[column.source] for row in rows if row[column.source]))


def etag(view: View, table: Table, row: Row) -> str:
    return f'W/"{view.version(table, row)}"'
