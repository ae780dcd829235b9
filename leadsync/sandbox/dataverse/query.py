"""Reading many rows: $select, $filter, $orderby, $top, $count, $expand, pages and their links.

A result is settled when it is first asked for; its pages are served from that, so a row that moves meanwhile is neither
lost nor shown twice.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.dataverse.desk import MAX_PAGE, Desk
from leadsync.sandbox.dataverse.encode import Encoder
from leadsync.sandbox.dataverse.errors import bad, no_property
from leadsync.sandbox.dataverse.filters import Filter, candidates, parse, related
from leadsync.sandbox.dataverse.schema.columns import Collection, Column, Ref, Table
from leadsync.sandbox.rows import Row, Value

_KEPT = 500
_SAFE = ",_$=()/'*:-."
_SESSION = re.compile(r'session="(\d+)"')
_COOKIE = re.compile(r'<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(?:True|False)" />')

Record = Callable[[Row], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """A settled result. `head` opens each page's body, `last` what its last page has besides."""

    table: Table
    rows: Sequence[Row]
    record: Record
    link: str
    head: dict[str, Any]
    page_size: int
    tracking: bool = False
    last: dict[str, str] | None = None
    tail: Sequence[dict[str, Any]] = ()


class Cursors:
    """Results that have more pages; the oldest are forgotten."""

    def __init__(self) -> None:
        self._results: dict[int, Result] = {}
        self._count = 0

    def keep(self, result: Result) -> int:
        self._count += 1
        self._results[self._count] = result
        if len(self._results) > _KEPT:
            self._results.pop(next(iter(self._results)))
        return self._count

    def get(self, number: int) -> Result | None:
        return self._results.get(number)


def rows(desk: Desk, table: Table) -> Answer:
    """GET of an entity set."""
    desk.check_options()
    if "$skiptoken" in desk.call.query:
        return more(desk)
    found = fitting(desk, table, None)
    return _first_page(desk, table, found, table.set)


def collection(desk: Desk, table: Table, row: Row, name: str) -> Answer:
    """GET of a collection-valued navigation property."""
    desk.check_options()
    if "$skiptoken" in desk.call.query:
        return more(desk)
    held = table.collections[name]
    other = desk.view.tables[held.table]
    found = fitting(desk, other, related(desk.view, table, held, row))
    return _first_page(desk, other, found, other.set)


def fitting(desk: Desk, table: Table, among: Iterable[Row] | None) -> list[Row]:
    """The rows that pass $filter, in the order of $orderby."""
    text = desk.option("$filter")
    asked = parse(desk.view, table, text) if text else Filter(lambda row: True)
    found = [row for row in (candidates(desk.view, table, asked.needs) if among is None else among) if asked.test(row)]
    order = desk.option("$orderby")
    if order:
        _sort(desk, table, found, order)
    return found


def count(desk: Desk, table: Table, found: Sequence[Row]) -> Answer:
    """GET .../$count: a bare number, 5000 at most (Microsoft Learn, "Count rows")."""
    return Answer(200, str(min(len(found), MAX_PAGE)).encode(), {"OData-Version": "4.0"}, media_type="text/plain")


def selected(desk: Desk, table: Table, text: str | None) -> list[Column]:
    """The columns of a $select, all when there is none. The key always comes along, money brings its currency."""
    hidden = desk.view.hidden
    visible = [c for c in table.columns.values() if (table.kind, c.source) not in hidden]
    if text is None or text.strip() in ("", "*"):
        return visible
    named: dict[str, Column] = {}
    for name in (part.strip() for part in text.split(",")):
        column = table.by_shown.get(name)
        if column is None or column not in visible:
            raise no_property(name, table.name)
        named[name] = column
        if column.type == "money" and "transactioncurrencyid" in table.columns:
            named["_transactioncurrencyid_value"] = table.columns["transactioncurrencyid"]
    named.setdefault(table.key, table.columns[table.key])
    return list(named.values())


def recorder(desk: Desk, table: Table, select: str | None, expand: str | None) -> Record:
    """How rows are written: the selected columns, and what is expanded beside them."""
    encoder = Encoder(desk.view, table, selected(desk, table, select), desk.annotations)
    if not expand:
        return encoder.record
    branches = [_branch(desk, table, name, options) for name, options in _expanded(expand)]

    def record(row: Row) -> dict[str, Any]:
        found = encoder.record(row)
        for name, read in branches:
            found[name] = read(row)
        return found

    return record


def context(desk: Desk, table: Table, suffix: str = "") -> str:
    select = desk.option("$select")
    return f"{desk.api}/$metadata#{table.set}{f'({select})' if select else ''}{suffix}"


def link_of(desk: Desk, *, without: str) -> str:
    """The link to this request again, without some of its options; to be followed by one more."""
    kept = [
        f"{name}={quote(value, safe=_SAFE)}" for name, value in desk.call.query.items() if name not in without.split()
    ]
    return f"{desk.call.base}{desk.call.path}?" + "".join(f"{option}&" for option in kept)


def _first_page(desk: Desk, table: Table, found: list[Row], path: str) -> Answer:
    total = len(found)
    top = desk.option("$top")
    if top is not None and "odata.maxpagesize" not in desk.preferences:
        if not top.isdigit():
            raise bad(f"Invalid value '{top}' for $top query option found.")
        found = list(islice(found, int(top)))
    head: dict[str, Any] = {"@odata.context": context(desk, table)}
    if desk.option("$count") == "true":
        head["@odata.count"] = min(total, MAX_PAGE)
    if desk.annotations.wants("Microsoft.Dynamics.CRM.totalrecordcount"):
        head["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(total, MAX_PAGE) if "@odata.count" in head else -1
        head["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = "@odata.count" in head and total > MAX_PAGE
        head["@Microsoft.Dynamics.CRM.globalmetadataversion"] = "48120337"
    record = recorder(desk, table, desk.option("$select"), desk.option("$expand"))
    return page(desk, Result(table, found, record, link_of(desk, without="$skiptoken"), head, desk.page_size), 1, None)


def page(desk: Desk, result: Result, number: int, session: int | None) -> Answer:
    """One page of a result, with the link to the next, or with what closes the last."""
    start, size = (number - 1) * result.page_size, result.page_size
    entries: list[dict[str, Any]] = [result.record(row) for row in result.rows[start : start + size]]
    if len(entries) < size:
        left = max(0, start - len(result.rows))
        entries += result.tail[left : left + size - len(entries)]
    body = dict(result.head)
    ended = start + size >= len(result.rows) + len(result.tail)
    if ended and result.last is not None:
        body.update(result.last)
    body["value"] = entries
    if not ended:
        session = desk.org.cursors.keep(result) if session is None else session
        body["@odata.nextLink"] = result.link + "$skiptoken=" + _token(result, number, session, entries)
    return desk.shown(200, body)


def more(desk: Desk) -> Answer:
    """A further page. The token is to be sent back as it was: once decoded too often it is no cookie any more."""
    found = _COOKIE.fullmatch(desk.option("$skiptoken") or "")
    session = _SESSION.search(unquote(found[2])) if found else None
    result = desk.org.cursors.get(int(session[1])) if session else None
    if found is None or session is None or result is None:
        raise bad("Malformed XML in the Paging Cookie", "0x80040203")
    return page(desk, result, int(found[1]), int(session[1]))


def _token(result: Result, number: int, session: int, entries: list[dict[str, Any]]) -> str:
    key = result.table.key
    first, last = (str(e.get(key, e.get("id", ""))).upper() for e in (entries[0], entries[-1]))
    cookie = (
        f'<cookie page="{number}" session="{session}"><{key} last="{{{last}}}" first="{{{first}}}" /></cookie>'
    )  # fmt: skip
    once = quote(cookie, safe="")
    return quote(
        f'<cookie pagenumber="{number + 1}" pagingcookie="{once}" istracking="{result.tracking}" />', safe="=/"
    )


def _sort(desk: Desk, table: Table, found: list[Row], order: str) -> None:
    """Sort in place; blanks come first. From the last key to the first, because sorting is stable."""
    for part in reversed([part.strip() for part in order.split(",")]):
        name, _, direction = part.partition(" ")
        column = table.by_shown.get(name)
        if column is None or direction.strip() not in ("", "asc", "desc"):
            raise no_property(name, table.name)
        read = desk.view.raw(table, column)
        found.sort(key=lambda row, read=read: _rank(read(row)), reverse=direction.strip() == "desc")  # type: ignore[misc]


def _rank(value: Value) -> tuple[bool, Value]:
    if value is None:
        return (False, 0)
    if isinstance(value, str):
        return (True, value.casefold())
    return (True, value.guid if isinstance(value, Ref) else value)


def _branch(desk: Desk, table: Table, name: str, options: dict[str, str]) -> tuple[str, Callable[[Row], Any]]:
    """One navigation property of an $expand and how it is read from a row."""
    held = table.collections.get(name)
    if held is not None:
        return name, _many(desk, table, held, options)
    known = table.by_navigation.get(name)
    if known is None:
        raise bad(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{table.name}'.")
    lookup, target = known
    read_lookup = desk.view.raw(table, lookup)
    records: dict[str, Record] = {}

    def read(row: Row) -> dict[str, Any] | None:
        ref = read_lookup(row)
        if not isinstance(ref, Ref) or (target is not None and ref.table != target):
            return None
        other = desk.view.tables[ref.table]
        parent = desk.view.find(other, ref.guid)
        if ref.table not in records:
            names = options.get("$select")
            if target is None and names and len(lookup.targets) > 1:
                # An owner may be of several tables; each shows what it has of the columns that were asked for.
                names = ",".join(part for part in names.split(",") if part.strip() in other.by_shown)
            records[ref.table] = recorder(desk, other, names, None)
        return None if parent is None else records[ref.table](parent)

    if len(lookup.targets) == 1 or target is not None:
        selected(desk, desk.view.tables[target or lookup.targets[0]], options.get("$select"))
    return name, read


def _many(desk: Desk, table: Table, held: Collection, options: dict[str, str]) -> Callable[[Row], list[dict[str, Any]]]:
    other = desk.view.tables[held.table]
    record = recorder(desk, other, options.get("$select"), None)
    asked = parse(desk.view, other, options["$filter"]) if "$filter" in options else Filter(lambda row: True)

    def read(row: Row) -> list[dict[str, Any]]:
        found = [r for r in related(desk.view, table, held, row) if asked.test(r)]
        if "$orderby" in options:
            _sort(desk, other, found, options["$orderby"])
        return [record(r) for r in found[: int(options.get("$top", MAX_PAGE))]]

    return read


def _expanded(text: str) -> list[tuple[str, dict[str, str]]]:
    """name($select=a,b;$top=1),other: the navigation properties with their options."""
    found: list[tuple[str, dict[str, str]]] = []
    for part in split(text, ","):
        name, _, rest = part.strip().partition("(")
        options = dict(option.strip().split("=", 1) for option in split(rest.removesuffix(")"), ";") if "=" in option)
        if "$expand" in options:
            raise bad("Only one level of $expand is supported here.")
        found.append((name, options))
    return found


def split(text: str, by: str) -> list[str]:
    """Split at a character that stands outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        if character == "'":
            quoted = not quoted
        if not quoted:
            depth += (character in "([{") - (character in ")]}")
        if character == by and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]
