"""Rows named in URLs and bodies: leads(<guid>), accounts(acme_legacyid='A-1'), absolute or relative, and $1 in a change set."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from leadsync.sandbox.dataverse.errors import KEY_NOT_FOUND, ApiError, bad, no_segment
from leadsync.sandbox.dataverse.guids import read_guid
from leadsync.sandbox.dataverse.schema.columns import Ref, Table
from leadsync.sandbox.dataverse.tables import SETS
from leadsync.sandbox.dataverse.view import View
from leadsync.sandbox.rows import Row

_ROW = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|[^,]+)\s*(?:,|$)")
_ROOT = re.compile(r"^(?:https?://[^/]+)?/?(?:api/data/v[\d.]+/)?")


@dataclass(frozen=True, slots=True)
class KeyValues:
    """A row named by an alternate key: column names to values."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Addressed:
    """Finds rows by what a request calls them; `declared` are the rows that a change set has made so far, by Content-ID."""

    view: View
    declared: dict[str, Ref] = field(default_factory=dict)

    def ref(self, text: str) -> Ref:
        """The row that a path in a body means; it must exist."""
        if text.startswith("$"):
            found = self.declared.get(text[1:])
            if found is None:
                raise bad(f"Content-ID Reference: '{text}' does not exist in the batch context.", "0x80060888")
            return found
        path = _ROOT.sub("", unquote(text))
        named = _ROW.fullmatch(path)
        if named is None:
            raise bad(f"Invalid URI: '{text}'", "0x80060888")
        if named[1] not in SETS:
            raise no_segment(named[1])
        table = self.view.tables[SETS[named[1]].name]
        row = self.row(table, key_of(table, named[2]))
        if row is None:
            raise missing(table, key_of(table, named[2]))
        return Ref(table.name, self.view.guid(table, row))

    def row(self, table: Table, key: str | KeyValues) -> Row | None:
        """The row of that key, None when there is none."""
        if isinstance(key, str):
            return self.view.find(table, key)
        for name, _ in key.values:
            if name not in table.columns:
                raise no_key(table)
        if not any(set(columns) == {name for name, _ in key.values} for columns in table.keys.values()):
            raise no_key(table)
        name, value = key.values[0]
        field_name = table.columns[name].source or name
        found = (row for row in self.view.holding(str(table.kind), field_name, value) if not row["IsDeleted"])
        return next((row for row in found if all(row[table.columns[n].source or n] == v for n, v in key.values)), None)


def key_of(table: Table, text: str) -> str | KeyValues:
    """What stands between the brackets: a GUID, the primary key by name, or an alternate key."""
    guid = read_guid(text)
    if guid is not None:
        return guid
    pairs = tuple((name, value.strip()) for name, value in _PAIR.findall(text))
    if not pairs:
        raise bad(f"Bad Request - Error in query syntax: '{text}' is no key.", "0x80060888")
    if len(pairs) == 1 and pairs[0][0] == table.key:
        found = read_guid(pairs[0][1].strip("'"))
        if found is not None:
            return found
    return KeyValues(tuple((name, _unquoted(value)) for name, value in pairs))


def missing(table: Table, key: str | KeyValues) -> ApiError:
    if isinstance(key, str):
        return ApiError(404, "0x80040217", f"Entity '{table.name}' With Id = {key} Does Not Exist")
    return ApiError(404, KEY_NOT_FOUND, f"A record with the specified key values does not exist in {table.name} entity")


def no_key(table: Table) -> ApiError:
    return bad(
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.name}'. Ensure that the names and "
        "number of key properties match the declared key properties for the resource.", "0x80060888",
    )  # fmt: skip


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
