"""Values and rows as Salesforce writes them in JSON: instants in whole seconds with +0000, whole doubles
as 72.0, `attributes` on every record and nested parent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import Field, ObjectType, object_of
from leadsync.sandbox.soql.columns import Column, Env, Reader, parent_row

Encoder = Callable[[Any], Any]


def encode_instant(at: datetime) -> str:
    return f"{at.isoformat()[:19]}.000+0000"


def http_date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def read_http_date(text: str) -> datetime:
    """The instant of an HTTP date; ValueError when it is none."""
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def encode_value(value: Value) -> Value:
    """A value whose type is not known beforehand, such as the old and new value of a history row."""
    if isinstance(value, datetime):
        return encode_instant(value)
    return value.isoformat() if isinstance(value, date) else value


_ENCODERS: dict[str, Encoder] = {
    "datetime": encode_instant,
    "date": date.isoformat,
    "double": float,
    "currency": float,
    "percent": float,
    "anyType": encode_value,
}


def encoder_of(field: Field) -> Encoder | None:
    """How values of a field are written, None when as they are."""
    return _ENCODERS.get(field.type)


def record_url(version: str, kind: str, record_id: str) -> str:
    return f"/services/data/v{version}/sobjects/{kind}/{record_id}"


@dataclass(slots=True)
class _Branch:
    """What is shown of one record: its own columns and the parents below it. Columns that the row holds as they are,
    which is most of them, are read without a detour."""

    leaves: list[tuple[str, str | None, Reader, Encoder | None]]
    parents: dict[str, tuple[Field, "_Branch"]]


class Projector:
    """Turns rows into records for one set of columns."""

    def __init__(self, env: Env, version: str, kind: ObjectType, columns: Iterable[Column]) -> None:
        self._env = env
        self._version = version
        self._kind = kind
        self._root = _Branch([], {})
        for column in columns:
            branch = self._root
            for name, step in zip(column.names, column.steps, strict=False):
                branch = branch.parents.setdefault(name, (step.lookup, _Branch([], {})))[1]
            branch.leaves.append((column.names[-1], column.stored, column.read, encoder_of(column.field)))

    def records(self, rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
        for row in rows:
            yield self._record(self._root, self._kind.name, self._kind.name, row, row)

    def _record(self, branch: _Branch, shown_as: str, kind: str, row: Row, base: Row) -> dict[str, Any]:
        url = record_url(self._version, kind, row["Id"]) if "Id" in row else None
        record: dict[str, Any] = {"attributes": {"type": shown_as, "url": url}}
        held = base.get
        for name, stored, read, encode in branch.leaves:
            value = held(stored) if stored is not None else read(base)
            record[name] = encode(value) if encode is not None and value is not None else value
        for name, (lookup, below) in branch.parents.items():
            parent = parent_row(self._env, row, lookup)
            if parent is None:
                record[name] = None
                continue
            found = object_of(parent["Id"])
            real = found.name if found else "Name"
            # Parents behind a lookup to several objects show as the nameless type Name, with the real object in the url.
            record[name] = self._record(below, real if len(lookup.reference_to) == 1 else "Name", real, parent, base)
        return record
