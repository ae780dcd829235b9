"""One object's rows and the indexes that make polls cheap.

An index over instants keeps (value, id) pairs in order and drops stale pairs lazily: a row that is touched again is
appended, its older pair is recognised by no longer being the row's value and swept out once there are many. So an idle
poll costs a bisection however many rows there are. Lookups by value are indexed from the first time somebody asks.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime

from leadsync.sandbox.rows import Row, Value

_SLACK = 1_000


class StampIndex:
    """Rows in order of one of their instants."""

    __slots__ = ("_field", "_ids", "_keys")

    def __init__(self, field: str) -> None:
        self._field = field
        self._keys: list[datetime] = []
        self._ids: list[str] = []

    def add(self, key: datetime, record_id: str) -> None:
        if not self._keys or key >= self._keys[-1]:
            self._keys.append(key)
            self._ids.append(record_id)
            return
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self._ids.insert(place, record_id)

    def span(self, low: datetime | None, high: datetime | None) -> tuple[int, int]:
        """The positions of values in [low, high)."""
        start = 0 if low is None else bisect_left(self._keys, low)
        return start, len(self._keys) if high is None else bisect_left(self._keys, high)

    def walk(self, rows: dict[str, Row], low: datetime | None, high: datetime | None) -> Iterator[Row]:
        """Rows whose value lies in [low, high), in its order, each once."""
        start, end = self.span(low, high)
        before: tuple[datetime | None, set[str]] = (None, set())
        for place in range(start, end):
            key, record_id = self._keys[place], self._ids[place]
            row = rows.get(record_id)
            if row is None or row[self._field] != key:
                continue
            if before[0] != key:
                before = (key, set())
            elif record_id in before[1]:
                continue
            before[1].add(record_id)
            yield row

    def sweep(self, rows: dict[str, Row]) -> None:
        if len(self._keys) > 2 * len(rows) + _SLACK:
            pairs = sorted((row[self._field], i) for i, row in rows.items() if row[self._field] is not None)
            self._keys = [key for key, _ in pairs]
            self._ids = [i for _, i in pairs]


class VersionLog:
    """Which row got which version, in their order; rows that were touched again are swept out like stale stamps."""

    __slots__ = ("_ids", "_versions")

    def __init__(self) -> None:
        self._versions: list[int] = []
        self._ids: list[str] = []

    def add(self, version: int, record_id: str, current: dict[str, int]) -> None:
        self._versions.append(version)
        self._ids.append(record_id)
        if len(self._versions) > 2 * len(current) + _SLACK:
            pairs = sorted((v, i) for i, v in current.items())
            self._versions = [v for v, _ in pairs]
            self._ids = [i for _, i in pairs]

    def since(self, version: int, current: dict[str, int]) -> Iterator[str]:
        """The rows changed after a version, in the order of their last change."""
        for place in range(bisect_right(self._versions, version), len(self._versions)):
            if current[self._ids[place]] == self._versions[place]:
                yield self._ids[place]


class Table:
    """All rows of one object, deleted ones included."""

    def __init__(self, stamps: Iterable[str]) -> None:
        self.rows: dict[str, Row] = {}
        self.versions: dict[str, int] = {}
        self._log = VersionLog()
        self.deleted_at: dict[str, datetime] = {}
        self.stamps = {field: StampIndex(field) for field in stamps}
        self._ordered: list[str] = []
        self._in_order = True
        self._by_value: dict[str, dict[Value, dict[str, None]]] = {}
        self._deletions: list[tuple[datetime, str]] = []

    def put(self, record_id: str, row: Row, version: int) -> None:
        """Make this the row's image and bring the indexes up to date."""
        old = self.rows.get(record_id)
        self.rows[record_id] = row
        self.versions[record_id] = version
        self._log.add(version, record_id, self.versions)
        if old is None:
            self._ordered.append(record_id)
            if len(self._ordered) > 1 and self._ordered[-2] > record_id:
                self._in_order = False
        for field, index in self.stamps.items():
            stamp = row[field]
            if stamp is not None and (old is None or old[field] != stamp):
                index.add(stamp, record_id)
                index.sweep(self.rows)
        for field, values in self._by_value.items():
            before, after = old[field] if old is not None else None, row[field]
            if before != after or old is None:
                if before is not None:
                    values.get(before, {}).pop(record_id, None)
                if after is not None:
                    values.setdefault(after, {})[record_id] = None
        was_deleted = old is not None and bool(old["IsDeleted"])
        if row["IsDeleted"] and not was_deleted:
            at = row["SystemModstamp"] or row["CreatedDate"]
            self.deleted_at[record_id] = at
            insort(self._deletions, (at, record_id))
        elif was_deleted and not row["IsDeleted"]:
            self.deleted_at.pop(record_id, None)

    def live(self) -> Iterator[Row]:
        return (row for row in self.rows.values() if not row["IsDeleted"])

    def holding(self, field: str, value: Value) -> list[Row]:
        """Rows, deleted ones included, that hold a value in a field; an exact match."""
        index = self._by_value.get(field)
        if index is None:
            index = self._by_value[field] = {}
            for record_id, row in self.rows.items():
                held = row[field]
                if held is not None:
                    index.setdefault(held, {})[record_id] = None
        return [self.rows[record_id] for record_id in index.get(value, ())]

    def from_id(self, low: str) -> Iterator[Row]:
        """Rows in order of their ids, from this one on."""
        if not self._in_order:
            self._ordered.sort()
            self._in_order = True
        return (self.rows[i] for i in self._ordered[bisect_left(self._ordered, low) :])

    def since(self, version: int) -> Iterator[Row]:
        """Rows changed after a version, in the order of their last change, deleted ones included."""
        return (self.rows[i] for i in self._log.since(version, self.versions))

    def deletions(self, low: datetime, high: datetime) -> list[tuple[datetime, str]]:
        """Rows deleted in [low, high) and not restored since, with the instant of their deletion."""
        found = self._deletions[bisect_left(self._deletions, (low, "")) : bisect_left(self._deletions, (high, ""))]
        return [(at, i) for at, i in found if self.deleted_at.get(i) == at]
