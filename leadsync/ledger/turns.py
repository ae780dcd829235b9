"""Whose turn it is to be decided: who is due, who waits without hurry, and who is called up at once."""

import sqlite3
from collections.abc import Collection, Sequence

from leadsync.ledger.people import names_of, pids_of


def due(con: sqlite3.Connection, crm: str, now: str, limit: int | None) -> list[str]:
    """Return the persons whose time has come, the longest waiting first; whoever just changed comes before all."""
    return _persons(
        con,
        "SELECT pid FROM persons WHERE crm = ? AND wake_at <= ? ORDER BY wake_at, pid LIMIT ?",
        (crm, now, -1 if limit is None else limit),
    )


def undecided(con: sqlite3.Connection, crm: str, limit: int, now: str | None) -> list[str]:
    """Return persons who wait without hurry and are not due as of now; without an instant, who have none at all."""
    return _persons(
        con,
        "SELECT pid FROM persons WHERE crm = ? AND waiting = 1 AND (wake_at IS NULL OR wake_at > ?) ORDER BY pid LIMIT ?",
        (crm, "~" if now is None else now, limit),
    )


def wake(con: sqlite3.Connection, person_ids: Collection[str]) -> None:
    """Make these persons due at once; runs inside a transaction."""
    con.executemany(
        "UPDATE persons SET wake_at = '' WHERE pid = ?", [(pid,) for pid in pids_of(con, person_ids).values()]
    )


def _persons(con: sqlite3.Connection, sql: str, values: Sequence[object]) -> list[str]:
    pids = [row[0] for row in con.execute(sql, values)]
    names = names_of(con, pids)
    return [names[pid] for pid in pids]
