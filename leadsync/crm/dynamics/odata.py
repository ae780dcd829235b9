"""Questions to the Web API and pages of answers: names are checked, values quoted, rows come back as tuples of cells in
the order of the columns asked for. A page of change tracking also names the rows that were deleted.
"""

import re
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from leadsync.crm.dynamics.metadata import Attribute, Table
from leadsync.crm.values import Cell, Cells
from leadsync.errors import CrmUnavailable, ObjectBlocked

PAGE = 5000
IDS_PER_QUERY = 50
"""As many as fit well below the length of a URL and the number of conditions that a query may have."""
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAME = re.compile(r"[A-Za-z_]\w{0,127}")
_DELETED = "/$deletedEntity"
ETAG = "@odata.etag"


def guid(text: str) -> str | None:
    """Return an id in the form that every address and comparison uses, None when it is none."""
    found = text.strip().strip("{}").lower()
    return found if _GUID.fullmatch(found) else None


def guids(found: Iterable[str]) -> list[str]:
    """Return ids that may stand in a query, each once; others name nothing and would fail the whole query."""
    return list(dict.fromkeys(one for text in found if (one := guid(text))))


def literal(text: str) -> str:
    """Return a text as it stands in a filter."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def path(
    entity_set: str, select: Sequence[str] = (), filter_: str = "", *, order: str = "", top: int | None = None
) -> str:
    """Return the address of a query below the version root. The filter's values come from `literal` and `guids`."""
    for name in (entity_set, *select):
        if not _NAME.fullmatch(name):
            raise ObjectBlocked(f"{name!r} is no name of a column or table; correct the mapping")
    options = [f"$select={','.join(select)}"] if select else []
    options += [f"$filter={quote(filter_, safe=_PLAIN)}"] if filter_ else []
    options += [f"$orderby={quote(order, safe=_PLAIN)}"] if order else []
    options += [f"$top={top}"] if top is not None else []
    return f"{entity_set}?{'&'.join(options)}" if options else entity_set


_PLAIN = "(),':-._$@"


def any_of(column: str, values: Iterable[str]) -> str:
    """Return the condition that a column is one of these, which are quoted already."""
    return "(" + " or ".join(f"{column} eq {value}" for value in values) + ")"


def portions(found: Sequence[str], size: int = IDS_PER_QUERY) -> Iterable[Sequence[str]]:
    """Yield ids as many as one query may name."""
    for start in range(0, len(found), size):
        yield found[start : start + size]


@dataclass(frozen=True, slots=True)
class Found:
    """One page: rows, the ids of deleted rows, the link to the next page or, on the last one, to the next changes."""

    rows: list[Cells]
    gone: list[str]
    more: str | None
    delta: str | None


class Columns:
    """The columns of a query in the order of its cells: the key, the version, then those that were asked for."""

    def __init__(self, table: Table, wanted: Iterable[str]) -> None:
        attributes = [table.attribute(name) for name in dict.fromkeys(wanted) if name != table.key]
        self.table = table
        self.names: tuple[str, ...] = (table.key, ETAG, *(one.name for one in attributes))
        self.select: tuple[str, ...] = tuple(one.wire for one in attributes) or (table.key,)
        self._choices = [(place + 2, one) for place, one in enumerate(attributes) if one.options]
        self._decoder = _decoder(table.key, attributes)
        self._width = len(self.names)

    def at(self, name: str) -> int:
        """Return where a column stands among the cells."""
        return self.names.index(name)

    def query(self, filter_: str = "", *, order: str = "") -> str:
        """Return the address of the query for these columns."""
        return path(self.table.set, self.select, filter_, order=order)

    def decode(self, body: bytes) -> Found:
        """Return a page; raises ObjectBlocked when a value is of another kind, CrmUnavailable when it is no page at all."""
        try:
            page = self._decoder.decode(body)
        except msgspec.ValidationError:
            raise ObjectBlocked(f"{self.table.name}: an answer does not fit the query") from None
        except msgspec.DecodeError:
            raise CrmUnavailable(f"{self.table.name}: an answer cannot be read") from None
        rows, gone = [], []
        for row in page.value:
            if row.context is not None and row.context.endswith(_DELETED):
                gone.append(str(row.id).lower())
            else:
                rows.append(msgspec.structs.astuple(row)[: self._width])
        return Found(rows, gone, page.more, page.delta)

    def shown(self, cells: Cells) -> Cells:
        """Return cells with the labels of choices in place of their numbers."""
        if not self._choices:
            return cells
        found = list(cells)
        for place, attribute in self._choices:
            found[place] = attribute.label(cells[place])
        return tuple(found)

    def numbers(self, cells: Cells) -> dict[str, Cell]:
        """Return the number of each choice that is filled."""
        return {one.name: cells[place] for place, one in self._choices if cells[place] is not None}


def _decoder(key: str, attributes: Sequence[Attribute]) -> msgspec.json.Decoder[Any]:
    fields: list[Any] = [("key", Any, None), ("etag", Any, None)]
    wire = {"key": key, "etag": ETAG, "context": "@odata.context", "id": "id"}
    for number, one in enumerate(attributes):
        fields.append((f"c{number}", Any, None))
        wire[f"c{number}"] = one.wire
    row = msgspec.defstruct("Row", [*fields, ("context", str | None, None), ("id", Any, None)], rename=wire, gc=False)
    page: list[Any] = [
        ("value", types.GenericAlias(list, (row,)), msgspec.field(default_factory=list)), ("more", str | None, None), ("delta", str | None, None),
    ]  # fmt: skip
    links = {"value": "value", "more": "@odata.nextLink", "delta": "@odata.deltaLink"}
    return msgspec.json.Decoder(msgspec.defstruct("Page", page, rename=links))
