"""Everything that reports read from the ledger: read-only SQL, typed rows.

Statements keep to what SQLite and PostgreSQL share. Where the views of design.md 7 have the fact they are asked; the order
of stays within one second, first sights, gaps and field values stand only in the tables.
"""

# ruff: noqa: S608 -- only names of columns and tables from this package and the ledger are joined, never a value

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.records import Account, Record, Value
from leadsync.ledger.codec import RECORD_COLUMNS, fields_of, from_data, instant, record_of
from leadsync.ledger.connection import select_in

_RECORD = ", ".join(f"r.{column.strip()}" for column in RECORD_COLUMNS.split(","))


@contextmanager
def one_moment(con: sqlite3.Connection) -> Iterator[None]:
    """Let everything that is read in the block be of one moment, though a daemon writes meanwhile; blocks may be nested."""
    if con.in_transaction:
        yield
        return
    con.execute("BEGIN")
    try:
        yield
    finally:
        con.execute("ROLLBACK")


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record with its own number and that of its person, and the fields of its own account."""

    rid: int
    pid: int
    record: Record
    account: Mapping[str, Value]


def records(con: sqlite3.Connection) -> Iterator[RecordRow]:
    """Yield every record, person by person."""
    return _records(con, "ORDER BY r.pid, r.rid")


def live_records(con: sqlite3.Connection) -> Iterator[RecordRow]:
    """Yield every live record in no order, which saves sorting them all."""
    return _records(con, "WHERE r.state = 'live'")


def _records(con: sqlite3.Connection, rest: str) -> Iterator[RecordRow]:
    rows = con.execute(
        f"SELECT r.rid, r.pid, a.data, {_RECORD} FROM records r"
        f" LEFT JOIN accounts a ON a.crm = r.crm AND a.id = r.account_id AND a.deleted = 0 {rest}"
    )
    for rid, pid, account, *columns in rows:
        yield RecordRow(rid, pid, record_of(tuple(columns)), from_data(account, Account).fields if account else {})


@dataclass(frozen=True, slots=True)
class Status:
    """One live record with the value of its status."""

    pid: int
    crm: str
    object: str
    value: str | None


def live_statuses(con: sqlite3.Connection) -> Iterator[Status]:
    """Yield every live record."""
    for row in con.execute("SELECT pid, crm, object, stage_value FROM records WHERE state = 'live'"):
        yield Status(*row)


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many records of an object are in a state."""

    crm: str
    object: str
    state: str
    records: int


def states(con: sqlite3.Connection) -> list[StateCount]:
    """Return the number of records by CRM, object and state."""
    rows = con.execute(
        "SELECT crm, object, state, count(*) FROM v_people GROUP BY crm, object, state ORDER BY crm, object, state"
    )
    return [StateCount(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class LineRow:
    """One stay of a person's line. `dated` is false when nobody knows since when: it was there when leadsync first looked."""

    pid: int
    rid: int
    object: str
    stage: str | None
    entered_at: datetime
    left_at: datetime | None
    dated: bool


def lines(con: sqlite3.Connection) -> Iterator[LineRow]:
    """Yield the stays of every person's line in order, person by person.

    An entry between two looks is inexact too, but by no more than the time between them: it is dated.
    """
    rows = con.execute(
        "SELECT l.pid, l.rid, r.object, l.stage, l.entered_at, l.left_at,"
        " l.entered_exact = 1 OR l.entered_at > r.first_seen_at FROM ("
        " SELECT o.pid, s.rid, s.n, s.stage, s.entered_at, s.left_at, s.entered_exact"
        " FROM spans s JOIN records o ON o.rid = s.rid WHERE s.in_line = 1"
        " UNION ALL SELECT pid, rid, n, stage, entered_at, left_at, entered_exact FROM lines"
        ") l JOIN records r ON r.rid = l.rid ORDER BY l.pid, l.entered_at, l.n"
    )
    for pid, rid, object_name, stage, entered_at, left_at, dated in rows:
        left = instant(left_at) if left_at else None
        yield LineRow(pid, rid, object_name, stage, instant(entered_at), left, bool(dated))


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason that came with a move of a record into a stage."""

    stage: str
    at: datetime
    key: str | None


def reasons(con: sqlite3.Connection, stages: Collection[str]) -> Mapping[int, list[Reason]]:
    """Return the moves of each record (by rid) into these stages, in order of time."""
    found: dict[int, list[Reason]] = defaultdict(list)
    for rid, stage, at, key in select_in(
        con,
        "SELECT r.rid, v.to_stage, v.at, v.reason FROM v_transitions v"
        " JOIN records r ON r.id = v.record_id AND r.object = v.object AND r.crm = v.crm"
        " WHERE v.to_stage IN (*) ORDER BY v.at, v.seq",
        sorted(stages),
    ):
        found[rid].append(Reason(stage, instant(at), key))
    return found


def shown_reasons(con: sqlite3.Connection, stages: Collection[str]) -> Mapping[int, str]:
    """Return the recycle reason that each live record in these stages shows, by rid, as the CRM spells it."""
    rows = select_in(con, "SELECT rid, fields FROM records WHERE state = 'live' AND stage IN (*)", sorted(stages))
    shown = ((rid, fields_of(fields).get("recycle_reason")) for rid, fields in rows)
    return {rid: reason for rid, reason in shown if isinstance(reason, str) and reason}


def person_accounts(con: sqlite3.Connection) -> Mapping[tuple[str, str], int]:
    """Return how many records by CRM and object are person accounts, which are out of scope."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for crm, object_name, fields in con.execute("SELECT crm, object, fields FROM records WHERE state = 'out_of_scope'"):
        found[crm, object_name] += fields_of(fields).get("person_account") is True
    return found


def held_until(con: sqlite3.Connection) -> Mapping[int, datetime]:
    """Return until when persons are held, as of their last decisions."""
    rows = con.execute("SELECT pid, held_until FROM persons WHERE held_until IS NOT NULL")
    return {pid: instant(until) for pid, until in rows}


def adoptions(con: sqlite3.Connection) -> list[datetime]:
    """Return when rules were adopted, in order."""
    return [instant(at) for (at,) in con.execute("SELECT adopted_at FROM rulebooks ORDER BY adopted_at")]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What the ledger itself waits for, or has wrong: both are records by CRM and object."""

    crm: str
    object: str
    gaps: int
    without_stay: int


def doubts(con: sqlite3.Connection, apart: Mapping[str, Collection[str]]) -> list[Doubts]:
    """Return live records whose value history has not explained yet, and those whose open stay is not their stage.

    `apart` are each CRM's values whose stay is another matter: a lead that shows one forced at conversion keeps the stay
    it had, and an older name of a stage still begins one.
    """
    found: dict[tuple[str, str], tuple[int, int]] = {}
    rows = con.execute(
        "SELECT r.crm, r.object, r.stage_value, sum(CASE WHEN r.gap IS NOT NULL THEN 1 ELSE 0 END),"
        " sum(CASE WHEN r.gap IS NULL AND (s.rid IS NULL OR COALESCE(s.stage, '') <> COALESCE(r.stage, ''))"
        " THEN 1 ELSE 0 END)"
        " FROM records r LEFT JOIN spans s ON s.rid = r.rid AND s.left_at IS NULL"
        " WHERE r.state = 'live' GROUP BY r.crm, r.object, r.stage_value"
    )
    for crm, object_name, value, gaps, wrong in rows:
        before = found.get((crm, object_name), (0, 0))
        is_apart = value in apart.get(crm, ())
        found[crm, object_name] = (before[0] + gaps, before[1] + (0 if is_apart else wrong))
    return [Doubts(crm, name, *counts) for (crm, name), counts in sorted(found.items())]


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as the ledger knows it, to be compared with the CRM."""

    stamp: datetime
    value: str | None
    state: str


def seen(con: sqlite3.Connection, crm: str, object_name: str, ids: Collection[str]) -> dict[str, Seen]:
    """Return those of these records that the ledger knows."""
    return {
        record_id: Seen(instant(stamp), value, state)
        for record_id, stamp, value, state in select_in(
            con, "SELECT id, stamp, stage_value, state FROM records WHERE crm = ? AND object = ? AND id IN (*)", ids,
            (crm, object_name),
        )
    }  # fmt: skip


def ids_in(con: sqlite3.Connection, crm: str, object_name: str, states: Collection[str]) -> list[str]:
    """Return the ids of the records of an object in these states."""
    marks = ",".join("?" * len(states))
    rows = con.execute(
        f"SELECT record_id FROM v_people WHERE crm = ? AND object = ? AND state IN ({marks})",
        (crm, object_name, *states),
    )
    return [record_id for (record_id,) in rows]
