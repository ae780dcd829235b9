"""Which rows have to be looked at: by id, by an instant, by the value of a lookup, or all.

The choice never changes an answer: whatever is chosen, the whole condition is tested on each row. Bounds on instants and on
Id are found through AND and OR alike, so a page loop `(Stamp = t AND Id > last) OR Stamp > t` walks the index, and with
ORDER BY on the same field it stops at its LIMIT.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from leadsync.sandbox.ids import canonical
from leadsync.sandbox.rows import Row
from leadsync.sandbox.schema import ObjectType
from leadsync.sandbox.soql.columns import Env
from leadsync.sandbox.soql.conditions import time_span
from leadsync.sandbox.soql.syntax import All, AnyOf, Compare, Condition, In, Path, Query

Bounds = tuple[datetime | None, datetime | None]
_OPEN: Bounds = (None, None)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows to look at; `in_order_of` names the field in whose order they come, by whole seconds for instants."""

    rows: Iterable[Row]
    in_order_of: str | None = None


def candidates(env: Env, kind: ObjectType, query: Query) -> Candidates:
    """The cheapest set of rows that contains every match."""
    table = env.store.tables[kind.name]
    where = query.where
    ids = _ids(where) if where else None
    if ids is not None:
        return Candidates([table.rows[i] for i in dict.fromkeys(ids) if i in table.rows])
    held = _held(kind, where) if where else None
    if held is not None:
        field, values = held
        return Candidates([row for value in dict.fromkeys(values) for row in table.holding(field, value)])
    wished = query.order_by[0].target if query.order_by and not query.order_by[0].descending else None
    ordered = kind.field(wished.names[0]) if isinstance(wished, Path) and len(wished.names) == 1 else None
    best: tuple[int, str, Bounds] | None = None
    for name, index in table.stamps.items():
        bounds = _bounds(env, kind, name, where) if where else _OPEN
        start, end = index.span(*bounds)
        useful = bounds != _OPEN or (ordered is not None and ordered.name == name)
        if useful and (best is None or end - start < best[0]):
            best = (end - start, name, bounds)
    if ordered is not None and ordered.name == "Id" and (best is None or best[0] * 2 > len(table.rows)):
        return Candidates(table.from_id(_lowest_id(where) or ""), "Id")
    if best is not None:
        return Candidates(table.stamps[best[1]].walk(table.rows, *best[2]), best[1])
    return Candidates(table.rows.values())


def _simple(target: object) -> str | None:
    return target.names[0].lower() if isinstance(target, Path) and len(target.names) == 1 else None


def _conjuncts(where: Condition) -> Iterator[Condition]:
    if isinstance(where, All):
        for part in where.parts:
            yield from _conjuncts(part)
    else:
        yield where


def _listed(part: Condition) -> tuple[str, list[str]] | None:
    """A field and the texts it must be one of."""
    match part:
        case Compare(target, "=", str(value)):
            values: tuple[object, ...] = (value,)
        case In(target, tuple(values), False):
            pass
        case _:
            return None
    name = _simple(target)
    texts = [v for v in values if isinstance(v, str)]
    return (name, texts) if name and len(texts) == len(values) else None


def _ids(where: Condition) -> list[str] | None:
    for part in _conjuncts(where):
        found = _listed(part)
        if found and found[0] == "id":
            return [i for text in found[1] if (i := canonical(text))]
    return None


def _held(kind: ObjectType, where: Condition) -> tuple[str, list[str]] | None:
    for part in _conjuncts(where):
        found = _listed(part)
        field = kind.field(found[0]) if found else None
        if found and field and field.type == "reference":
            return field.name, [i for text in found[1] if (i := canonical(text))]
    return None


def _lowest_id(where: Condition | None) -> str | None:
    for part in _conjuncts(where) if where else ():
        match part:
            case Compare(target, ">" | ">=", str(value)) if _simple(target) == "id":
                return canonical(value)
    return None


def _bounds(env: Env, kind: ObjectType, name: str, where: Condition) -> Bounds:
    """The half-open span in which the field of every match lies."""
    match where:
        case All(parts):
            low: datetime | None = None
            high: datetime | None = None
            for part in parts:
                start, end = _bounds(env, kind, name, part)
                low = start if low is None or (start is not None and start > low) else low
                high = end if high is None or (end is not None and end < high) else high
            return low, high
        case AnyOf(parts):
            spans = [_bounds(env, kind, name, part) for part in parts]
            lows, highs = [s for s, _ in spans if s], [e for _, e in spans if e]
            return (
                min(lows) if len(lows) == len(spans) else None,
                max(highs) if len(highs) == len(spans) else None,
            )
        case Compare(target, operator, value) if _simple(target) == name.lower() and value is not None:
            start, end = time_span(value, kind.fields[name], env.now)
            match operator:
                case "=":
                    return start, end
                case "<":
                    return None, start
                case "<=":
                    return None, end
                case ">":
                    return end, None
                case ">=":
                    return start, None
    return _OPEN
