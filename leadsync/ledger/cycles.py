"""The book of cycles: when each began and ended, what it did, and what it asked of the CRM."""

import sqlite3
from datetime import datetime, timedelta

from leadsync.ledger.codec import instant, optional_instant, text


def begin(con: sqlite3.Connection, crm: str, started_at: datetime) -> int:
    """Note the start of a cycle and return its number; runs inside a transaction."""
    number: int = con.execute(
        "INSERT INTO cycles (crm, started_at) VALUES (?, ?) RETURNING cycle_id", (crm, text(started_at))
    ).fetchone()[0]
    return number


def end(
    con: sqlite3.Connection, cycle_id: int, finished_at: datetime, *, observed: int, transitions: int, decided: int,
    delivered: int, failed: int, api_calls: int,
) -> None:  # fmt: skip
    """Note the end of a cycle and what it did; runs inside a transaction."""
    con.execute(
        "UPDATE cycles SET finished_at = ?, observed = ?, transitions = ?, decided = ?, delivered = ?, failed = ?,"
        " api_calls = ? WHERE cycle_id = ?",
        (text(finished_at), observed, transitions, decided, delivered, failed, api_calls, cycle_id),
    )


def first_looked(con: sqlite3.Connection, crm: str) -> datetime | None:
    """Return when the first cycle of a CRM started, None before it."""
    row = con.execute("SELECT min(started_at) FROM cycles WHERE crm = ?", (crm,)).fetchone()
    return optional_instant(row[0])


def api_calls(con: sqlite3.Connection, crm: str, now: datetime) -> list[tuple[float, int]]:
    """Return the API requests that the cycles of the last day made, hour by hour: how many seconds ago, how many."""
    rows = con.execute(
        "SELECT max(started_at), sum(api_calls) FROM cycles WHERE crm = ? AND started_at > ? AND api_calls > 0"
        " GROUP BY substr(started_at, 1, 13)",
        (crm, text(now - timedelta(days=1))),
    )
    return [(max((now - instant(at)).total_seconds(), 0.0), count) for at, count in rows]
