"""Conditions into tests on a row.

Text compares without regard to case, ids exactly and in either length, times by whole seconds. A blank satisfies `!=` and
NOT IN of anything else and no other comparison with a value.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

from leadsync.sandbox.ids import canonical
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import Field, ObjectType
from leadsync.sandbox.soql.columns import Env, Reader, filterable, resolve
from leadsync.sandbox.soql.literals import Span, span_of
from leadsync.sandbox.soql.refusals import QueryRefused, malformed
from leadsync.sandbox.soql.syntax import (
    All,
    AnyOf,
    Compare,
    Condition,
    In,
    Like,
    Literal_,
    Not,
    Operator,
    Path,
    Query,
    Relative,
)

_T = TypeVar("_T")
Test = Callable[[Row], bool]
Subquery = Callable[[Query], set[Value]]
_NUMBERS = ("int", "double", "currency", "percent")


def test_of(env: Env, kind: ObjectType, condition: Condition, soql: str, subquery: Subquery) -> Test:
    """The test that a WHERE condition stands for. `subquery` answers the values of a nested SELECT."""

    def test_of_one(condition: Compare | Like | In) -> Test:
        match condition:
            case Compare(Path() as path, operator, value):
                column = filterable(resolve(env, kind, path, soql))
                return compare(column.field, column.read, operator, value, env.now)
            case Like(path, pattern):
                column = filterable(resolve(env, kind, path, soql))
                return _like(column.field, column.read, pattern)
            case In(path, values, negated):
                column = filterable(resolve(env, kind, path, soql))
                if isinstance(values, Query):
                    test = _among(column.read, subquery(values))
                else:
                    test = _within(column.field, column.read, values, env.now)
                return (lambda row: not test(row)) if negated else test
            case Compare():
                raise malformed("Aggregate expressions belong into HAVING.")

    return combined(condition, test_of_one)


def combined(
    condition: Condition, test_of_one: Callable[[Compare | Like | In], Callable[[_T], bool]]
) -> Callable[[_T], bool]:
    """The test that AND, OR and NOT make of the tests of their parts."""
    match condition:
        case All(parts):
            tests = [combined(part, test_of_one) for part in parts]
            return lambda row: all(test(row) for test in tests)
        case AnyOf(parts):
            tests = [combined(part, test_of_one) for part in parts]
            return lambda row: any(test(row) for test in tests)
        case Not(part):
            inner = combined(part, test_of_one)
            return lambda row: not inner(row)
        case _:
            return test_of_one(condition)


def compare(field: Field, read: Reader, operator: Operator, value: Literal_, now: datetime) -> Test:
    """The test that one comparison stands for; QueryRefused when the literal does not fit the field's type."""
    if value is None or (value == "" and not field.ranged):
        # An empty text counts as blank, as in the store.
        if operator == "=":
            return lambda row: read(row) is None
        if operator == "!=":
            return lambda row: read(row) is not None
        raise _unfit(field, operator)
    if field.ranged:
        return _timely(field, read, operator, value, now)
    if field.type == "boolean":
        if not isinstance(value, bool) or operator not in ("=", "!="):
            raise _unfit(field, operator)
        return (lambda row: read(row) is value) if operator == "=" else (lambda row: read(row) is not value)
    if field.type in _NUMBERS:
        if not isinstance(value, float):
            raise _unfit(field, operator)
        return _ordered(read, operator, value)
    if not isinstance(value, str):
        raise _unfit(field, operator)
    if field.type in ("id", "reference"):
        return _ordered(read, operator, _as_id(value))
    return _ordered(lambda row: _folded(read(row)), operator, value.casefold())


def time_span(value: Literal_, field: Field, now: datetime) -> Span:
    """The span of a time literal, refused when it is the wrong kind for the field."""
    match value:
        case Relative():
            return span_of(value, now)
        case datetime() if field.type == "datetime":
            return span_of(value, now)
        case date() if field.type == "date" and not isinstance(value, datetime):
            return span_of(value, now)
    raise _unfit(field, "=")


def _timely(field: Field, read: Reader, operator: Operator, value: Literal_, now: datetime) -> Test:
    start, end = time_span(value, field, now)
    low: Any = start if field.type == "datetime" else start.date()
    high: Any = end if field.type == "datetime" else end.date()
    match operator:
        case "=":
            return lambda row: (v := read(row)) is not None and low <= v < high
        case "!=":
            return lambda row: (v := read(row)) is None or not low <= v < high
        case "<":
            return lambda row: (v := read(row)) is not None and v < low
        case "<=":
            return lambda row: (v := read(row)) is not None and v < high
        case ">":
            return lambda row: (v := read(row)) is not None and v >= high
        case ">=":
            return lambda row: (v := read(row)) is not None and v >= low


def _ordered(read: Reader, operator: Operator, value: Any) -> Test:
    match operator:
        case "=":
            return lambda row: read(row) == value
        case "!=":
            return lambda row: read(row) != value
        case "<":
            return lambda row: (v := read(row)) is not None and v < value
        case "<=":
            return lambda row: (v := read(row)) is not None and v <= value
        case ">":
            return lambda row: (v := read(row)) is not None and v > value
        case ">=":
            return lambda row: (v := read(row)) is not None and v >= value


def _within(field: Field, read: Reader, values: tuple[Literal_, ...], now: datetime) -> Test:
    if field.ranged or field.type in (*_NUMBERS, "boolean") or None in values:
        tests = [compare(field, read, "=", value, now) for value in values]
        return lambda row: any(test(row) for test in tests)
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        raise _unfit(field, "IN")
    if field.type in ("id", "reference"):
        return _among(read, {_as_id(text) for text in texts})
    return _among(lambda row: _folded(read(row)), {text.casefold() for text in texts})


def _among(read: Reader, values: set[Value]) -> Test:
    return lambda row: read(row) in values


def _like(field: Field, read: Reader, pattern: str) -> Test:
    if field.type in ("id", "reference", "boolean", *_NUMBERS) or field.ranged:
        raise _unfit(field, "LIKE")
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(p) or re.escape(p[-1]) for p in parts)
    matches = re.compile(regex, re.DOTALL | re.IGNORECASE).fullmatch
    return lambda row: (v := read(row)) is not None and matches(v) is not None


def _folded(value: Value) -> Value:
    return value.casefold() if isinstance(value, str) else value


def _as_id(text: str) -> str:
    found = canonical(text)
    if found is None:
        raise QueryRefused("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
    return found


def _unfit(field: Field, operator: str) -> QueryRefused:
    """The field's type and the literal do not go together."""
    if field.ranged:
        wanted = f"type {'dateTime' if field.type == 'datetime' else 'date'} and should not be enclosed in quotes"
    elif field.type in (*_NUMBERS, "boolean"):
        wanted = f"type {field.type} and should not be enclosed in quotes"
    elif operator in ("=", "!=", "IN"):
        wanted = "type string and should be enclosed in quotes"
    else:
        return QueryRefused("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {field.type} field: {operator}")
    return QueryRefused("INVALID_FIELD", f"value of filter criterion for field '{field.name}' must be of {wanted}")
