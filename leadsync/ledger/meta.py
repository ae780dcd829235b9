"""Single values the ledger remembers by a key: epoch, org, going live, the rulebook in force."""

import sqlite3


def read_meta(con: sqlite3.Connection, key: str) -> str | None:
    """Return a remembered value, None when there is none."""
    row = con.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def write_meta(con: sqlite3.Connection, key: str, value: str | None) -> None:
    """Remember a value; runs inside a transaction."""
    con.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
