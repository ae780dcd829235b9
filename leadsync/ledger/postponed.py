"""What a first load leaves for its end: an index whose keys come in no order is made at once, not row by row.

Kept up by every page it would cost a third of all writing. A process that ends in between is no harm: whoever decides
next makes the index first.
"""

import sqlite3

_NAME = "records_by_email"
_MAKE = f"CREATE INDEX {_NAME} ON records (email_key, crm) WHERE email_key IS NOT NULL"


def postpone_index(con: sqlite3.Connection) -> None:
    """Drop the index of e-mail addresses; for a ledger that holds no record yet."""
    con.execute(f"DROP INDEX IF EXISTS {_NAME}")


def is_postponed(con: sqlite3.Connection) -> bool:
    """Say whether the index is still to be made."""
    return con.execute("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?", (_NAME,)).fetchone() is None


def make_index(con: sqlite3.Connection) -> None:
    """Make the index."""
    con.execute(_MAKE)
