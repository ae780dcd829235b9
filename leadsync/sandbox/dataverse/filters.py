"""The language of $filter: parsed into a tree, then made into a test of rows.

Comparisons and functions of Microsoft Learn, "Filter rows", in its terms: text without regard to case, whole seconds,
GUIDs and instants without quotes. `ne` is true of what is blank, as in OData.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadsync.sandbox.dataverse.comparisons import (
    NAMESPACE,
    Read,
    Test,
    comparable,
    compared,
    folded,
    in_span,
    listed,
    literal_of,
    unquoted,
)
from leadsync.sandbox.dataverse.errors import bad, no_property
from leadsync.sandbox.dataverse.schema.audits import rows_since
from leadsync.sandbox.dataverse.schema.columns import Column, Ref, Table
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row, Value

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d)?)"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<day>\d{4}-\d\d-\d\d)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<list>\[[^\]]*\])"
    r"|(?P<name>[A-Za-z_@$][\w./$]*)"
    r"|(?P<mark>[(),:=]))"
)
_COMPARED = ("eq", "ne", "gt", "ge", "lt", "le")


@dataclass(frozen=True, slots=True)
class Equals:
    """What a filter asks of one column with certainty: to be one of these values. Lets a query use an index."""

    column: Column
    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class NotBefore:
    """What a filter asks of an instant with certainty: to be this one or later."""

    column: Column
    at: datetime


Need = Equals | NotBefore


@dataclass(frozen=True, slots=True)
class Filter:
    """A test, and what of it can be looked up; `needs` holds for every row that passes."""

    test: Test
    needs: tuple[Need, ...] = ()


def parse(view: View, table: Table, text: str) -> Filter:
    """Read a filter; 400 when it cannot be understood."""
    reader = _Reader(view, table, text)
    found = reader.any_of()
    reader.end()
    return found


class _Reader:
    def __init__(self, view: View, table: Table, text: str, prefix: str = "") -> None:
        self._view = view
        self._table = table
        self._text = text
        self._prefix = prefix
        self._tokens = list(_tokens(text))
        self._at = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._wrong()

    def any_of(self) -> Filter:
        found = self._all_of()
        while self._word("or"):
            other = self._all_of()
            found = Filter(_either(found.test, other.test), _joined(found, other))
        return found

    def _all_of(self) -> Filter:
        found = self._one()
        while self._word("and"):
            other = self._one()
            found = Filter(_both(found.test, other.test), (*found.needs, *other.needs))
        return found

    def _one(self) -> Filter:
        if self._word("not"):
            test = self._one().test
            return Filter(lambda row: not test(row))
        if self._mark("("):
            found = self.any_of()
            self._expect(")")
            return found
        kind, name = self._next()
        if kind != "name":
            raise self._wrong()
        if self._peek() == ("mark", "("):
            return self._function(name)
        column, read = self._column(name)
        _, operator = self._next()
        if operator not in _COMPARED:
            raise self._wrong()
        value = self._value(column)
        if operator == "eq" and value is not None and "/" not in name:
            return Filter(compared(read, operator, value), (Equals(column, frozenset((value,))),))
        if operator in ("ge", "gt") and isinstance(value, datetime) and "/" not in name:
            return Filter(compared(read, operator, value), (NotBefore(column, value),))
        return Filter(compared(read, operator, value))

    def _function(self, name: str) -> Filter:
        self._expect("(")
        if name.startswith(NAMESPACE):
            return self._special(name.removeprefix(NAMESPACE))
        if name.endswith(("/any", "/all")):
            return self._lambda(name)
        if name not in ("contains", "startswith", "endswith"):
            raise bad(f"An unknown function with name '{name}' was found.")
        column, read = self._column(self._next()[1])
        self._expect(",")
        wanted = str(self._value(column))
        self._expect(")")
        match name:
            case "contains":
                return Filter(lambda row: wanted in folded(read(row)))
            case "startswith":
                return Filter(lambda row: folded(read(row)).startswith(wanted))
            case _:
                return Filter(lambda row: folded(read(row)).endswith(wanted))

    def _lambda(self, name: str) -> Filter:
        """collection/any(o:o/column eq value): some row of the collection passes."""
        collection = self._table.collections.get(name[:-4])
        if collection is None:
            raise no_property(name[:-4], self._table.name)
        other = self._view.tables[collection.table]
        if self._mark(")"):
            return Filter(lambda row: any(True for _ in related(self._view, self._table, collection, row)))
        variable = self._next()[1]
        self._expect(":")
        inner = _Reader(self._view, other, self._text, f"{variable}/")
        inner._tokens, inner._at = self._tokens, self._at
        test = inner.any_of().test
        self._at = inner._at
        self._expect(")")
        if name.endswith("/all"):
            return Filter(lambda row: all(test(r) for r in related(self._view, self._table, collection, row)))
        return Filter(lambda row: any(test(r) for r in related(self._view, self._table, collection, row)))

    def _special(self, name: str) -> Filter:
        """Query functions such as In(PropertyName='lastname',PropertyValues=["Ortega"])."""
        given: dict[str, Any] = {}
        while not self._mark(")"):
            key = self._next()[1]
            self._expect("=")
            given[key] = self._next()
            self._mark(",")
        if "PropertyName" not in given:
            raise bad(f"{name} needs PropertyName")
        column, read = self._column(unquoted(given["PropertyName"][1]))
        if name in ("In", "NotIn"):
            values = frozenset(self._read(column, "text", f"'{v}'") for v in listed(given["PropertyValues"][1]))
            if name == "NotIn":
                return Filter(lambda row: comparable(read(row)) not in values)
            return Filter(lambda row: comparable(read(row)) in values, (Equals(column, values),))
        return Filter(in_span(read, name, given, self._view.now))

    def _column(self, path: str) -> tuple[Column, Read]:
        path = path.removeprefix(self._prefix)
        first, _, rest = path.partition("/")
        if rest:
            return self._parent(first, rest)
        column = self._table.by_shown.get(first)
        if column is None or (self._table.kind, column.source) in self._view.hidden:
            raise no_property(first, self._table.name)
        return column, self._view.raw(self._table, column)

    def _parent(self, navigation: str, rest: str) -> tuple[Column, Read]:
        known = self._table.by_navigation.get(navigation)
        if known is None:
            raise no_property(navigation, self._table.name)
        lookup, target = known
        other = self._view.tables[target or lookup.targets[0]]
        column, read_there = _Reader(self._view, other, "")._column(rest)
        read_lookup = self._view.raw(self._table, lookup)

        def read(row: Row) -> Value:
            ref = read_lookup(row)
            parent = self._view.find(other, ref.guid) if isinstance(ref, Ref) and ref.table == other.name else None
            return None if parent is None else read_there(parent)

        return column, read

    def _value(self, column: Column) -> Value:
        kind, token = self._next()
        return self._read(column, kind, token)

    def _read(self, column: Column, kind: str, literal: str) -> Value:
        """A literal as the column's values are compared: texts folded, lookups by their GUID."""
        if kind == "name" and literal == "null":
            return None
        try:
            return literal_of(column, kind, literal)
        except ValueError:
            raise bad(
                f"A binary operator with incompatible types was detected: {literal} is no value of '{column.shown}'."
            ) from None

    def _peek(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        if found is None:
            raise self._wrong()
        self._at += 1
        return found

    def _word(self, word: str) -> bool:
        if self._peek() == ("name", word):
            self._at += 1
            return True
        return False

    def _mark(self, mark: str) -> bool:
        if self._peek() == ("mark", mark):
            self._at += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise self._wrong()

    def _wrong(self) -> Exception:
        return bad(f"Syntax error in '{self._text}'.")


def related(view: View, table: Table, collection: Any, row: Row) -> Iterator[Row]:
    """The rows of a collection of one row."""
    if collection.rows is not None:
        yield from collection.rows(view, row)
        return
    other = view.tables[collection.table]
    me = view.guid(table, row)
    for found in candidates(view, other, (Equals(other.columns[collection.lookup], frozenset((me,))),)):
        ref = view.raw(other, other.columns[collection.lookup])(found)
        if isinstance(ref, Ref) and ref.guid == me:
            yield found


def candidates(view: View, table: Table, needs: tuple[Need, ...]) -> Iterator[Row]:
    """The rows that may fit: found by key or by an index where the filter allows it, else all."""
    for need in needs:
        if isinstance(need, NotBefore):
            if table.name == "audit" and need.column.name == "createdon":
                return rows_since(view, need.at)
            continue
        if need.column.type == "key" and table.rows is None:
            found = (view.find(table, str(guid)) for guid in sorted(need.values, key=str))
            return (row for row in found if row is not None)
        if need.column.type == "lookup" and table.kind is not None and table.rows is None:
            fields = _stored_as(table, need.column)
            if fields:
                return _held(view, table, fields, need)
        if table.name == "activityparty" and need.column.name == "activityid":
            return _parties(view, need)
    return view.rows(table)


def _stored_as(table: Table, column: Column) -> tuple[str, ...]:
    if table.keeps(column):
        return (column.source,)
    if column.name == "regardingobjectid" and table.activity:
        return ("WhoId", "WhatId")
    return ()


def _held(view: View, table: Table, fields: tuple[str, ...], need: Equals) -> Iterator[Row]:
    for guid in sorted(need.values, key=str):
        for target in need.column.targets:
            record_id = view.record(Ref(target, str(guid)))
            if record_id is None:
                continue
            for field in fields:
                for row in view.holding(str(table.kind), field, record_id):
                    if not row["IsDeleted"]:
                        yield from view.shown(table, row)


def _parties(view: View, need: Equals) -> Iterator[Row]:
    for guid in sorted(need.values, key=str):
        for table in view.tables.values():
            if table.activity:
                row = view.find(table, str(guid))
                if row is not None:
                    yield from table.collections[f"{table.name}_activity_parties"].rows(view, row)  # type: ignore[misc]
                    break


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise bad(f"Syntax error at position {at} in '{text}'.")
        at = found.end()
        yield found.lastgroup, found[found.lastgroup]


def _either(one: Test, other: Test) -> Test:
    return lambda row: one(row) or other(row)


def _both(one: Test, other: Test) -> Test:
    return lambda row: one(row) and other(row)


def _joined(one: Filter, other: Filter) -> tuple[Need, ...]:
    """Two alternatives over the same column need one of both their values."""
    match one.needs, other.needs:
        case ((Equals(column, values),), (Equals(same, more),)) if column.name == same.name:
            return (Equals(column, values | more),)
    return ()
