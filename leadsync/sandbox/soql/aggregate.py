"""COUNT, MIN, MAX, SUM, AVG and GROUP BY."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import Field, ObjectType
from leadsync.sandbox.soql.columns import Column, Env, resolve
from leadsync.sandbox.soql.conditions import combined, compare
from leadsync.sandbox.soql.refusals import QueryRefused, malformed
from leadsync.sandbox.soql.syntax import Call, Compare, Condition, In, Like, Order, Path, Query

Group = Mapping[str, Value]
"""One line of the answer: output name to value."""

_COUNT = Field("count", "count", "int")


def grouped(env: Env, kind: ObjectType, query: Query, rows: Iterable[Row]) -> Iterator[Group]:
    """The lines of an aggregate query, in the order it asks for."""
    by = [resolve(env, kind, path, query.text) for path in query.group_by]
    buckets: dict[tuple[Value, ...], list[Row]] = {} if by else {(): []}
    for row in rows:
        buckets.setdefault(tuple(column.read(row) for column in by), []).append(row)

    lines = list(buckets.items())
    if query.having is not None:
        keep = _having(env, kind, query, query.having, by)
        lines = [line for line in lines if keep(line)]
    for order in reversed(query.order_by):
        value = _value(env, kind, query, order.target, by)
        lines = _in_order(lines, value, order)
    shown = [(name, _value(env, kind, query, item, by)) for name, item in _names(query)]
    for line in lines:
        yield {name: value(line) for name, value in shown}


Line = tuple[tuple[Value, ...], list[Row]]


def _names(query: Query) -> Iterator[tuple[str, Path | Call]]:
    unnamed = 0
    for item in query.select:
        match item:
            case Path(names):
                yield names[-1], item
            case Call(alias=str(alias)):
                yield alias, item
            case Call():
                yield f"expr{unnamed}", item
                unnamed += 1
            case _:
                raise malformed("FIELDS() cannot be used with aggregates")


def _value(env: Env, kind: ObjectType, query: Query, item: Path | Call, by: list[Column]) -> Callable[[Line], Value]:
    if isinstance(item, Path):
        alias = next((s for s in query.select if isinstance(s, Call) and s.alias and (s.alias,) == item.names), None)
        if alias is not None:
            return _value(env, kind, query, alias, by)
        names = resolve(env, kind, item, query.text).names
        place = next((n for n, column in enumerate(by) if column.names == names), None)
        if place is None:
            raise QueryRefused("MALFORMED_QUERY", f"Field must be grouped or aggregated: {'.'.join(names)}")
        index = place
        return lambda line: line[0][index]
    if item.path is None:
        return lambda line: len(line[1])
    column = resolve(env, kind, item.path, query.text)
    fold = _FOLDS[item.function]
    return lambda line: fold([v for row in line[1] if (v := column.read(row)) is not None])


_FOLDS: dict[str, Callable[[list[Any]], Value]] = {
    "COUNT": len,
    "COUNT_DISTINCT": lambda values: len(set(values)),
    "MIN": lambda values: min(values, default=None),
    "MAX": lambda values: max(values, default=None),
    "SUM": lambda values: sum(values) if values else None,
    "AVG": lambda values: sum(values) / len(values) if values else None,
}


def _in_order(lines: list[Line], value: Callable[[Line], Value], order: Order) -> list[Line]:
    blank = [line for line in lines if value(line) is None]
    filled = sorted((line for line in lines if value(line) is not None), key=value, reverse=order.descending)
    return filled + blank if order.nulls_last else blank + filled


def _having(env: Env, kind: ObjectType, query: Query, condition: Condition, by: list[Column]) -> Callable[[Line], bool]:
    def test_of_one(condition: Compare | Like | In) -> Callable[[Line], bool]:
        if not isinstance(condition, Compare):
            raise malformed("HAVING takes comparisons only")
        value = _value(env, kind, query, condition.target, by)
        field = _type(env, kind, query, condition.target)
        test = compare(field, lambda row: row["value"], condition.operator, condition.value, env.now)
        return lambda line: test(Row(value=value(line)))

    return combined(condition, test_of_one)


def _type(env: Env, kind: ObjectType, query: Query, target: Path | Call) -> Field:
    if isinstance(target, Call) and (target.path is None or target.function.startswith("COUNT")):
        return _COUNT
    path = target.path if isinstance(target, Call) else target
    assert path is not None
    return resolve(env, kind, path, query.text).field
