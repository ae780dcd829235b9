"""Literals and comparisons of $filter: what a text in it means for a column, and how rows are held against it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

from leadsync.sandbox.dataverse.errors import bad
from leadsync.sandbox.dataverse.guids import read_guid
from leadsync.sandbox.dataverse.schema.columns import Column, Ref
from leadsync.sandbox.rows import Row, Value

Test = Callable[[Row], bool]
Read = Callable[[Row], Value]
Given = Mapping[str, tuple[str, str]]
"""The arguments of a query function as tokens, by name."""

NAMESPACE = "Microsoft.Dynamics.CRM."
_SPANS = {"Minutes": 60, "Hours": 3600, "Days": 86400, "Weeks": 604800}


def unquoted(token: str) -> str:
    return token[1:-1].replace("''", "'") if token.startswith("'") else token


def listed(token: str) -> list[str]:
    found = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^']|'')*)'|([^,\[\]\s]+)", token)
    return [double or single.replace("''", "'") or bare for double, single, bare in found]


def literal_of(column: Column, kind: str, token: str) -> Value:
    text = unquoted(token)
    match column.type:
        case "key" | "lookup" | "guid":
            guid = read_guid(text)
            if guid is None:
                raise ValueError(token)
            return guid
        case "flag":
            if text not in ("true", "false", "0", "1"):
                raise ValueError(token)
            return text in ("true", "1")
        case "moment":
            at = datetime.fromisoformat(text.replace(" ", "+"))
            return at.replace(microsecond=0) if at.tzinfo else at.replace(tzinfo=UTC, microsecond=0)
        case "day":
            return date.fromisoformat(text[:10])
        case "integer" | "bigint" | "decimal" | "money" | "choice" | "state" | "status":
            return float(text)
        case _:
            if kind != "text":
                raise ValueError(token)
            return text.casefold()


def comparable(value: Value) -> Value:
    """A row's value as literals are compared with it."""
    if isinstance(value, str):
        return value.casefold()
    return value.guid if isinstance(value, Ref) else value


def folded(value: Value) -> str:
    return value.casefold() if isinstance(value, str) else ""


def compared(read: Read, operator: str, value: Value) -> Test:
    match operator:
        case "eq":
            return lambda row: bool(comparable(read(row)) == value)
        case "ne":
            return lambda row: bool(comparable(read(row)) != value)
        case _ if value is None:
            return lambda row: False
        case "gt":
            return lambda row: (held := comparable(read(row))) is not None and held > value
        case "ge":
            return lambda row: (held := comparable(read(row))) is not None and held >= value
        case "lt":
            return lambda row: (held := comparable(read(row))) is not None and held < value
        case _:
            return lambda row: (held := comparable(read(row))) is not None and held <= value


def in_span(read: Read, name: str, given: Given, now: datetime) -> Test:
    """LastXHours, NextXDays, OnOrAfter and their like; days are of UTC."""
    found = re.fullmatch(r"(Last|Next)X(Minutes|Hours|Days|Weeks)", name)
    today = now.date()
    if found is not None:
        seconds = _SPANS[found[2]] * int(unquoted(given["PropertyValue"][1]))
        low, high = (
            (now - timedelta(seconds=seconds), now) if found[1] == "Last" else (now, now + timedelta(seconds=seconds))
        )
        return lambda row: (held := read(row)) is not None and low <= held <= high
    if name in ("Today", "Yesterday", "Tomorrow"):
        day = today + timedelta(days={"Today": 0, "Yesterday": -1, "Tomorrow": 1}[name])
        return lambda row: _date(read(row)) == day
    if name in ("On", "OnOrAfter", "OnOrBefore"):
        wanted = date.fromisoformat(unquoted(given["PropertyValue"][1])[:10])
        match name:
            case "On":
                return lambda row: _date(read(row)) == wanted
            case "OnOrAfter":
                return lambda row: (held := _date(read(row))) is not None and held >= wanted
            case _:
                return lambda row: (held := _date(read(row))) is not None and held <= wanted
    raise bad(f"An unknown function with name '{NAMESPACE}{name}' was found.")


def _date(value: Value) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
