"""The box's memory: rows, the truth of every change, field history, and transactions that may become visible late.

All rows of all objects live here in Salesforce's vocabulary; facades translate. Everything that changes a row goes through
`Store.tx`, whether an API, a person, an automation or the world does it: the transaction stamps the rows, writes the
field history and the truth, and tells the listeners. What a caller may do is for the callers to check; the store only
knows what must hold for everybody.

Stamps against commits: with `late_commit` a transaction's rows carry its own instant but become visible that much later,
as on the real service (salesforce.stackexchange.com/questions/234824). Until then its rows are locked against the API,
and `oldest_in_flight` tells how far readers may trust what they see.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from leadsync.sandbox.clock import SimClock
from leadsync.sandbox.ids import canonical, nth_id
from leadsync.sandbox.rows import Row, Value
from leadsync.sandbox.schema import OBJECTS, ObjectType, find_object
from leadsync.sandbox.table import Table
from leadsync.sandbox.transaction import Tx, Via

__all__ = ["DEFAULT_HISTORY", "Change", "Listener", "Store", "Tx", "Via"]

Listener = Callable[[str, str, tuple[str, ...], str, str], None]
"""Called after a commit, once per row: object, id, the fields that changed, by, via."""

DEFAULT_HISTORY: Mapping[str, tuple[str, ...]] = {"Lead": ("Status", "OwnerId")}


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change of one field: a line of the truth."""

    seq: int
    object: str
    id: str
    field: str
    old: Value
    new: Value
    at: datetime
    by: str
    via: Via
    token: str | None
    guard: str | None


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A transaction that has stamped its rows but is not visible yet."""

    tx: Tx
    started_at: datetime
    visible_at: datetime


class Store:
    def __init__(self, clock: SimClock, seed: int) -> None:
        self.clock = clock
        self.seed = seed
        self.lock = RLock()
        self.tables = {name: Table(_stamp_fields(kind)) for name, kind in OBJECTS.items()}
        self.truth: list[Change] = []
        self.version = 0
        self.history_fields: dict[str, tuple[str, ...]] = dict(DEFAULT_HISTORY)
        self.late_commit = timedelta(0)
        self.read_at: datetime | None = None
        self._counters: dict[str, int] = {}
        self._in_flight: list[_InFlight] = []
        self._listeners: list[Listener] = []

    @contextmanager
    def tx(
        self, by: str, via: Via, at: datetime | None = None, token: str | None = None, guard: str | None = None
    ) -> Iterator[Tx]:
        """Open a transaction; it commits when the block ends without an error and leaves no trace otherwise.

        `at` may lie in the past as long as no API has read since; after that it counts as the last reading, because no
        reader may ever be shown a stamp older than what he was told is complete.
        """
        with self.lock:
            at = self.clock.now() if at is None else at
            if self.read_at is not None and at < self.read_at:
                at = self.read_at
            self.settle(at)
            tx = Tx(self, by=by, via=via, at=at, token=token, guard=guard)
            yield tx
            self._commit(tx)

    def get(self, object_: str, id_: str) -> Row | None:
        """The newest image of a row, deleted ones included, or None. 15-character ids will do.

        People of the box's own world see what is in flight too; the APIs read the tables, which do not hold it yet.
        """
        for waiting in self._in_flight:
            if waiting.tx.touches(object_, id_):
                return waiting.tx.get(object_, id_)
        table = self.table(object_)
        return table.rows.get(id_) or table.rows.get(canonical(id_) or "")

    def rows(self, object_: str) -> Iterable[Row]:
        """The live rows of an object."""
        return self.table(object_).live()

    def user(self, username: str) -> str:
        """The id of the user with that username; KeyError when there is none."""
        for row in self.tables["User"].holding("Username", username):
            return str(row["Id"])
        raise KeyError(f"no user {username}")

    def table(self, object_: str) -> Table:
        """The rows of an object, named in any case; KeyError when there is no such object."""
        found = self.tables.get(object_)
        if found is None:
            kind = find_object(object_)
            if kind is None:
                raise KeyError(f"no object {object}")
            found = self.tables[kind.name]
        return found

    def listen(self, listener: Listener) -> None:
        """Have something called after each commit."""
        self._listeners.append(listener)

    def new_id(self, kind: ObjectType) -> str:
        """The next free id of an object."""
        while True:
            self._counters[kind.name] = n = self._counters.get(kind.name, 0) + 1
            found = nth_id(kind.prefix, n)
            if found not in self.tables[kind.name].rows:
                return found

    def settle(self, now: datetime) -> None:
        """Make visible what was committed late and is due by now."""
        if self._in_flight:
            for waiting in [w for w in self._in_flight if w.visible_at <= now]:
                self._in_flight.remove(waiting)
                self._apply(waiting.tx)

    def release(self, object_: str, id_: str) -> None:
        """Make visible at once whatever is in flight on a row: people wait for each other, they do not get an error."""
        for waiting in [w for w in self._in_flight if w.tx.touches(object_, id_)]:
            self._in_flight.remove(waiting)
            self._apply(waiting.tx)

    def is_locked(self, object_: str, id_: str) -> bool:
        """Whether a transaction in flight holds the row."""
        return any(w.tx.touches(object_, id_) for w in self._in_flight)

    def oldest_in_flight(self) -> datetime | None:
        """When the oldest transaction that is not visible yet began, or None."""
        return min((w.started_at for w in self._in_flight), default=None)

    def read(self, now: datetime) -> None:
        """Note that somebody reads: from here on nothing is stamped earlier than this."""
        self.settle(now)
        self.read_at = now if self.read_at is None else max(now, self.read_at)

    @contextmanager
    def no_earlier_than(self, at: datetime) -> Iterator[None]:
        """Within the block no transaction is stamped earlier than this."""
        before = self.read_at
        self.read_at = at if before is None else max(at, before)
        try:
            yield
        finally:
            self.read_at = before

    def _commit(self, tx: Tx) -> None:
        if not tx.images:
            return
        if self.late_commit and tx.via != "world" and not (tx.via == "api" and tx.inserts):
            self._in_flight.append(_InFlight(tx, tx.at, tx.at + self.late_commit))
            return
        self._apply(tx)

    def _apply(self, tx: Tx) -> None:
        for (object_, record_id), row in tx.images.items():
            self.version += 1
            self.tables[object_].put(record_id, row, self.version)
        for object_, record_id, field, old, new, token in tx.changes:
            self.truth.append(
                Change(len(self.truth) + 1, object_, record_id, field, old, new, tx.at, tx.by, tx.via, token, tx.guard)
            )
        for (object_, record_id), fields in tx.touched.items():
            for listener in self._listeners:
                listener(object_, record_id, tuple(fields), tx.by, tx.via)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Come back as it was; a clock that ran has to be given anew, for its pace was another process's."""
        self.__dict__.update(state)
        self.lock = RLock()


def _stamp_fields(kind: ObjectType) -> tuple[str, ...]:
    return tuple(f for f in ("SystemModstamp", "LastModifiedDate", "CreatedDate") if f in kind.fields)
