"""Questions in SOQL and pages of answers: identifiers are checked, values go through the library's escaper, rows come
back as tuples of cells in the order of the columns asked for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import quote

import msgspec

from leadsync.crm.values import Cells, picker
from leadsync.errors import CrmUnavailable, ObjectBlocked

PAGE = 2000
IDS_PER_QUERY = 200
_IDENTIFIER = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*){0,4}")
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


def where(text: str, **values: Any) -> str:
    """Return a condition with its values quoted by the library; datetimes must be aware."""
    from simple_salesforce.format import format_soql  # 0.8 s: not before it is needed

    return format_soql(text, **values)


def identifier(name: str) -> str:
    """Return a name that may stand in a query; raises ObjectBlocked for anything else that a mapping may hold."""
    if not _IDENTIFIER.fullmatch(name):
        raise ObjectBlocked(f"{name!r} is no field or object name; correct the mapping")
    return name


def ids(found: Sequence[str]) -> list[str]:
    """Return ids that may stand in a query, others left out: they name nothing, and one of them fails the whole query."""
    return [one for one in found if _ID.fullmatch(one) and (len(one) == 15 or one == id18(one[:15]))]


def id18(short: str) -> str:
    """Return the 18-character form of a 15-character id: each suffix letter says which of five letters are capitals."""
    fives = (short[start : start + 5] for start in (0, 5, 10))
    return short + "".join(
        _SUFFIX[sum(1 << k for k, letter in enumerate(five) if "A" <= letter <= "Z")] for five in fives
    )


def select(columns: Sequence[str], native: str, *conditions: str, order: str = "", limit: int | None = None) -> str:
    """Return a query; conditions come from `where`, all must hold."""
    parts = ["SELECT", ", ".join(identifier(column) for column in columns), "FROM", identifier(native)]
    if asked := [f"({condition})" for condition in conditions if condition]:
        parts += ["WHERE", " AND ".join(asked)]
    if order:
        parts += ["ORDER BY", order]
    if limit is not None:
        parts += ["LIMIT", str(limit)]
    return " ".join(parts)


def path(query: str, *, include_deleted: bool = False) -> str:
    """Return the resource that answers a query; queryAll also sees deleted, merged and archived rows."""
    return f"{'queryAll' if include_deleted else 'query'}?q={quote(query, safe='')}"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of rows; `more` is the path of the next one."""

    rows: list[Cells]
    total: int
    more: str | None


class Columns:
    """The columns of a query in the order of its cells: plain ones first, then those reached through a parent."""

    def __init__(self, wanted: Sequence[str]) -> None:
        unique = list(dict.fromkeys(wanted))
        plain = [column for column in unique if "." not in column]
        self.names: tuple[str, ...] = (*plain, *sorted(column for column in unique if "." in column))
        row, self.flat = _row_type(self.names)
        self.row = row
        page = msgspec.defstruct(
            "Page",
            [("totalSize", int), ("done", bool), ("records", list[row]), ("nextRecordsUrl", str | None, None)],  # type: ignore[valid-type]
        )
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(page)

    def at(self, name: str) -> int:
        """Return where a column stands among the cells."""
        return self.names.index(name)

    def decode(self, body: bytes | msgspec.Raw) -> Found:
        """Return a page of rows; raises ObjectBlocked when a column is missing in the answer, CrmUnavailable when it is none."""
        try:
            page = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            # Salesforce answers in its own spelling: a field asked for in another case comes back under its real name.
            raise ObjectBlocked(
                f"an answer does not fit the query ({_place(str(error))}); are the names spelled as in Salesforce?"
            ) from None
        except msgspec.DecodeError:
            raise CrmUnavailable("an answer to a query cannot be read") from None
        if page.nextRecordsUrl and not page.nextRecordsUrl.startswith("/services/data/"):
            raise CrmUnavailable("a next page lies outside the API")
        more = None if page.done else page.nextRecordsUrl
        return Found([self.flat(row) for row in page.records], page.totalSize, more)


def _place(text: str) -> str:
    found = re.search(r"`[\w.$\[\]]*`", text)
    return found[0] if found else "unreadable"


def _row_type(names: Sequence[str]) -> tuple[Any, Callable[[Any], Cells]]:
    """Return a struct type for rows with these columns, and the function that makes a row one flat tuple."""
    plain = [name for name in names if "." not in name]
    fields: list[tuple[str, Any]] = [(f"c{number}", Any) for number in range(len(plain))]
    wire = {f"c{number}": name for number, name in enumerate(plain)}
    parents: list[tuple[Cells, Callable[[Any], Cells]]] = []
    for number, (parent, group) in enumerate(groupby((n for n in names if "." in n), key=lambda n: n.split(".", 1)[0])):
        below = [name.split(".", 1)[1] for name in group]
        # A parent's own plain columns come before those of its parents; `sorted` alone does not promise that.
        inner = Columns(below)
        fields.append((f"p{number}", inner.row | None))
        wire[f"p{number}"] = parent
        parents.append(((None,) * len(below), _reordered(inner, below)))
    row = msgspec.defstruct("Row", fields, rename=wire, gc=False)
    if not parents:
        return row, msgspec.structs.astuple
    width = len(plain)

    def flat(found: Any) -> Cells:
        cells = msgspec.structs.astuple(found)
        whole = cells[:width]
        for cell, (nothing, flatten) in zip(cells[width:], parents, strict=True):
            whole += nothing if cell is None else flatten(cell)
        return whole

    return row, flat


def _reordered(inner: Columns, wanted: Sequence[str]) -> Callable[[Any], Cells]:
    pick = picker([inner.at(name) for name in wanted])
    return lambda found: pick(inner.flat(found))
