"""A query answered: the rows that match, in order, and the columns to show of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import ObjectType, find_object
from leadsync.sandbox.soql.aggregate import Group, grouped
from leadsync.sandbox.soql.columns import Column, Env, Reader, all_columns, resolve
from leadsync.sandbox.soql.conditions import Test, test_of
from leadsync.sandbox.soql.plan import candidates
from leadsync.sandbox.soql.refusals import QueryRefused, at, malformed
from leadsync.sandbox.soql.syntax import AllFields, Order, Path, Query

_FIELDS_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query finds. Plain queries fill `rows` and `columns`, aggregates `groups`, COUNT() only `total`."""

    query: Query
    kind: ObjectType
    total: int
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    groups: tuple[Group, ...] = ()


def run(env: Env, query: Query, *, deleted: bool = False) -> Answer:
    """Answer a query; `deleted` shows rows in the recycle bin too. QueryRefused when it asks for what is not there."""
    kind = object_named(query)
    where = _where(env, kind, query)
    chosen = candidates(env, kind, query)
    rows = (row for row in chosen.rows if (deleted or not row["IsDeleted"]) and where(row))
    if query.counts:
        return Answer(query, kind, sum(1 for _ in rows))
    if query.aggregates:
        groups = tuple(grouped(env, kind, query, rows))[query.offset :][: query.limit]
        return Answer(query, kind, len(groups), groups=groups)
    columns = tuple(_columns(env, kind, query))
    keys = [(resolve(env, kind, _path(order), query.text), order) for order in query.order_by]
    walks = bool(keys) and keys[0][0].names == (chosen.in_order_of,) and not keys[0][1].descending
    found = tuple(_picked(query, rows, keys, walks=walks))
    return Answer(query, kind, len(found), columns, found)


def object_named(query: Query) -> ObjectType:
    kind = find_object(query.object)
    if kind is None:
        raise at(
            query.text, query.object_at, "INVALID_TYPE",
            f"sObject type '{query.object}' is not supported. If you are attempting to use a custom object, be sure to "
            "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
            "appropriate names.",
        )  # fmt: skip
    return kind


def _where(env: Env, kind: ObjectType, query: Query) -> Test:
    if query.where is None:
        return lambda row: True

    def subquery(inner: Query) -> set[Value]:
        answer = run(env, inner)
        if len(answer.columns) != 1:
            raise malformed("A semi join sub-select selects exactly one field.")
        return {answer.columns[0].read(row) for row in answer.rows} - {None}

    return test_of(env, kind, query.where, query.text, subquery)


def _columns(env: Env, kind: ObjectType, query: Query) -> Iterator[Column]:
    seen: set[tuple[str, ...]] = set()
    for item in query.select:
        match item:
            case AllFields(group):
                if group != "STANDARD" and (query.limit is None or query.limit > _FIELDS_LIMIT):
                    raise malformed("The SOQL FIELDS function must have a LIMIT of at most 200")
                found = all_columns(env, kind, group)
            case Path():
                found = [resolve(env, kind, item, query.text)]
                if found[0].names in seen:
                    raise QueryRefused("INVALID_FIELD", f"duplicate field selected: {'.'.join(found[0].names)}")
            case _:
                raise malformed("Field must be grouped or aggregated")
        for column in found:
            if column.names not in seen:
                seen.add(column.names)
                yield column


def _path(order: Order) -> Path:
    if not isinstance(order.target, Path):
        raise malformed("Ordered field must be grouped or aggregated")
    return order.target


def _picked(query: Query, rows: Iterator[Row], keys: list[tuple[Column, Order]], *, walks: bool) -> Iterable[Row]:
    """The rows in order, within OFFSET and LIMIT. `walks`: they come in order of the first key already, so that reading
    can stop at the limit."""
    end = None if query.limit is None else query.offset + query.limit
    if not keys:
        return islice(rows, query.offset, end)
    if not walks or end is None:
        return _sorted(list(rows), keys)[query.offset : end]
    found: list[Row] = []
    for _, tied in groupby(rows, key=_place_by(keys[0][0])):
        found += _sorted(list(tied), keys[1:])
        if len(found) >= end:
            break
    return found[query.offset : end]


def _sorted(rows: list[Row], keys: list[tuple[Column, Order]]) -> list[Row]:
    for column, order in reversed(keys):
        read = column.read
        blank = [row for row in rows if read(row) is None]
        filled = [row for row in rows if read(row) is not None] if blank else rows
        filled = sorted(filled, key=_place_by(column), reverse=order.descending)
        rows = filled + blank if order.nulls_last else blank + filled
    return rows


def _place_by(column: Column) -> Reader:
    """What a row counts as in an order by this column: times by the second, text without case, ids as they are."""
    read = column.read
    match column.field.type:
        case "datetime":
            return lambda row: value.replace(microsecond=0) if (value := read(row)) else value
        case "id" | "reference" | "boolean" | "int" | "double" | "currency" | "percent" | "date":
            return read
        case _:
            return lambda row: str(value).casefold() if (value := read(row)) is not None else value
