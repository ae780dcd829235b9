"""What a row is, how values given from outside become the values it holds, and the fields that follow from others.

A row holds no blanks: a missing key reads as None. Instants are aware UTC datetimes with microseconds, days are dates,
numbers floats or ints, everything else text. Rows are never changed in place: a new image replaces the old one, so
whoever is paging through a result keeps the state he began with.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from leadsync.sandbox.ids import canonical
from leadsync.sandbox.schema import OBJECTS, ObjectType

Value = Any
"""str | bool | int | float | date | datetime; None stands for blank."""


class Row(dict[str, Value]):
    """One image of a row."""

    __slots__ = ()

    def __missing__(self, key: str) -> None:
        return None


def instant(value: object) -> datetime:
    """Read an instant from a datetime or from ISO 8601 text; without a zone it is UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.min, tzinfo=UTC)
    raise ValueError(f"{value!r} is no instant")


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    raise ValueError(f"{value!r} is no day")


def _flag(value: object) -> bool:
    if isinstance(value, str):
        return value.lower() == "true"
    return bool(value)


def _reference(value: object) -> str:
    found = canonical(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no record id")
    return found


_READERS: dict[str, Callable[[Any], Value]] = {
    "datetime": instant,
    "date": _day,
    "boolean": _flag,
    "double": float,
    "currency": float,
    "percent": float,
    "int": int,
    "reference": _reference,
    "id": _reference,
}

_COERCIONS: dict[str, dict[str, Callable[[Any], Value] | None]] = {
    name: {f.name: _READERS.get(f.type) for f in o.fields.values()} for name, o in OBJECTS.items()
}


def coerce(kind: ObjectType, fields: Mapping[str, object]) -> dict[str, Value]:
    """The values as a row holds them, None for blanks. Raises KeyError for a field that does not exist, ValueError for
    text that cannot be read as the field's type."""
    readers = _COERCIONS[kind.name]
    values: dict[str, Value] = {}
    for name, value in fields.items():
        field = kind.field(name)
        if field is None:
            raise KeyError(f"{kind.name} has no field {name}")
        reader = readers[field.name]
        values[field.name] = None if value is None or value == "" else reader(value) if reader else value
    return values


def _full_name(row: Row) -> None:
    parts = [p for p in (row["FirstName"], row["LastName"]) if p]
    if parts:
        row["Name"] = " ".join(parts)


def _task(row: Row, at: datetime) -> None:
    closed = row["Status"] == "Completed"
    row["IsClosed"] = closed
    if not closed:
        row.pop("CompletedDateTime", None)
    elif row["CompletedDateTime"] is None:
        row["CompletedDateTime"] = at


def _member(row: Row, at: datetime, given: Mapping[str, object]) -> None:
    if "HasResponded" not in given and "Status" in given:
        row["HasResponded"] = row["Status"] not in (None, "Sent")
    if row["HasResponded"] and row["FirstRespondedDate"] is None:
        row["FirstRespondedDate"] = at.date()


def _event(row: Row) -> None:
    start, end = row["StartDateTime"], row["EndDateTime"]
    if start and end:
        row["DurationInMinutes"] = int((end - start).total_seconds() // 60)
    if start:
        row["ActivityDateTime"], row["ActivityDate"] = start, start.date()


def derive(kind: str, row: Row, given: Mapping[str, object], at: datetime) -> None:
    """Fill in what the CRM computes itself when it saves: full names, closed flags, completion and response dates."""
    match kind:
        case "Lead" | "Contact" | "User":
            if "FirstName" in given or "LastName" in given:
                _full_name(row)
        case "Task":
            _task(row, at)
        case "Event":
            _event(row)
        case "CampaignMember":
            _member(row, at, given)
        case "Opportunity":
            row["IsWon"] = row["StageName"] == "Closed Won"
            row["IsClosed"] = row["StageName"] in ("Closed Won", "Closed Lost")
