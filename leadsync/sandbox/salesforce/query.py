"""Query, queryAll and the pages after the first.

A cursor keeps the rows as they were when the query ran. At most ten are open; the oldest falls out, and after two days
without use they expire (Salesforce Help, article 000004410; SOAP API Developer Guide, "QueryLocator").
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leadsync.sandbox.calls import Answer
from leadsync.sandbox.ids import nth_id
from leadsync.sandbox.salesforce.desk import Desk
from leadsync.sandbox.salesforce.encode import Projector, encode_value
from leadsync.sandbox.salesforce.errors import ApiError
from leadsync.sandbox.schema import ObjectType
from leadsync.sandbox.soql import Answer as Found
from leadsync.sandbox.soql import Query, parse, run
from leadsync.sandbox.soql.columns import Column, Env, resolve
from leadsync.sandbox.soql.syntax import Call, Path

_MOST, _LEAST, _LONG_TEXT_PAGE = 2_000, 200, 200
_OPEN_CURSORS = 10
_LIFE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Cursor:
    found: Found
    projector: Projector
    opened_at: datetime
    page: int


class Cursors:
    """The open cursors of the one user that there is."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Cursor] = OrderedDict()
        self._count = 0

    def keep(self, cursor: Cursor) -> str:
        self._count += 1
        name = nth_id("0r8", self._count)
        self._open[name] = cursor
        if len(self._open) > _OPEN_CURSORS:
            self._open.popitem(last=False)
        return name

    def get(self, name: str, now: datetime) -> Cursor:
        cursor = self._open.get(name)
        if cursor is None or now - cursor.opened_at > _LIFE:
            self._open.pop(name, None)
            raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        self._open.move_to_end(name)
        return cursor


def query(desk: Desk) -> Answer:
    return _answer(desk, deleted=False)


def query_all(desk: Desk) -> Answer:
    return _answer(desk, deleted=True)


def more(desk: Desk, locator: str) -> Answer:
    """The page of an open cursor that a locator names."""
    name, _, place = locator.rpartition("-")
    if not place.isdigit():
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return Answer(200, _page(desk, desk.org.cursors.get(name, desk.now), name, int(place)))


def _answer(desk: Desk, *, deleted: bool) -> Answer:
    soql = desk.call.query.get("q")
    if not soql:
        raise ApiError(400, "MALFORMED_QUERY", "SOQL query is missing: the parameter q is required")
    parsed = parse(soql)
    if desk.call.query.get("columns") == "true":
        return Answer(200, _metadata(desk, parsed))
    found = run(desk.env, parsed, deleted=deleted or parsed.all_rows)
    if parsed.counts:
        return Answer(200, {"totalSize": found.total, "done": True, "records": []})
    if parsed.aggregates:
        attributes = {"type": "AggregateResult"}
        records = [{"attributes": attributes, **{k: encode_value(v) for k, v in g.items()}} for g in found.groups]
        return Answer(200, {"totalSize": found.total, "done": True, "records": records})
    projector = Projector(desk.env, desk.version, found.kind, found.columns)
    cursor = Cursor(found, projector, desk.now, _page_size(desk, found.columns))
    name = desk.org.cursors.keep(cursor) if len(found.rows) > cursor.page else ""
    return Answer(200, _page(desk, cursor, name, 0))


def _page(desk: Desk, cursor: Cursor, name: str, place: int) -> dict[str, Any]:
    rows = cursor.found.rows
    end = place + cursor.page
    answer: dict[str, Any] = {"totalSize": cursor.found.total, "done": end >= len(rows)}
    if end < len(rows):
        answer["nextRecordsUrl"] = f"{desk.root}/query/{name}-{end}"
    answer["records"] = list(cursor.projector.records(rows[place:end]))
    return answer


def _page_size(desk: Desk, columns: tuple[Column, ...]) -> int:
    """2,000 rows, or what Sforce-Query-Options asks for within 200 and 2,000; long text makes pages small."""
    wished = _MOST
    for option in desk.call.headers.get("sforce-query-options", "").split(","):
        key, _, value = option.partition("=")
        if key.strip().lower() == "batchsize" and value.strip().isdigit():
            wished = int(value)
    long_texts = sum(1 for c in columns if c.field.custom and c.field.type == "textarea" and c.field.length > 255)
    return min(_LONG_TEXT_PAGE, _MOST) if long_texts > 1 else max(_LEAST, min(_MOST, wished))


def _metadata(desk: Desk, parsed: Query) -> dict[str, Any]:
    """What `columns=true` asks for: the shape of the result instead of its rows (seen with the Salesforce CLI)."""
    found = run(desk.env, parsed) if not parsed.aggregates and not parsed.counts else None
    columns = (
        [_column(c.names, c) for c in found.columns]
        if found
        else _aggregate_columns(desk.env, desk.object(parsed.object), parsed)
    )
    kind = desk.object(parsed.object)
    return {
        "columnMetadata": columns, "entityName": kind.name, "groupBy": bool(parsed.group_by),
        "idSelected": any(c["columnName"] == "Id" for c in columns), "keyPrefix": kind.prefix,
    }  # fmt: skip


def _aggregate_columns(env: Env, kind: ObjectType, parsed: Query) -> list[dict[str, Any]]:
    columns: list[dict[str, Any]] = []
    for item in parsed.select:
        match item:
            case Path(names):
                columns.append(_column((names[-1],), resolve(env, kind, item, parsed.text)))
            case Call() if item.path is not None or item.alias or parsed.group_by:
                name = item.alias or f"expr{sum(1 for c in columns if c['aggregate'])}"
                columns.append(_described(name, name, "Double", number=True, aggregate=True))
    return columns


def _column(names: tuple[str, ...], column: Column) -> dict[str, Any]:
    field = column.field
    apex = {"boolean": "Boolean", "double": "Double", "int": "Integer", "datetime": "Datetime", "date": "Date", "id": "Id",
            "reference": "Id", "currency": "Decimal", "percent": "Decimal"}.get(field.type, "String")  # fmt: skip
    described = _described(names[-1], field.label, apex, number=field.type in ("double", "int", "currency", "percent"))
    described.update(
        custom=field.custom, insertable=field.createable, updatable=field.updateable, booleanType=field.type == "boolean",
        textType=apex in ("String", "Id"), foreignKeyName=field.relationship,
    )  # fmt: skip
    for parent in reversed(names[:-1]):
        outer = _described(parent, parent, "", number=False)
        outer["joinColumns"] = [described]
        described = outer
    return described


def _described(name: str, label: str, apex: str, *, number: bool, aggregate: bool = False) -> dict[str, Any]:
    return {
        "aggregate": aggregate, "apexType": apex or None, "booleanType": False, "columnName": name, "custom": False,
        "displayName": name, "foreignKeyName": None, "insertable": False, "joinColumns": [], "numberType": number,
        "textType": False, "updatable": False,
    }  # fmt: skip
