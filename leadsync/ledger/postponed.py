"""What a first load leaves for its end: indexes whose keys come in no order are made at once, not row by row.

Kept up by every page they would cost a third of all writing. A process that ends in between is no harm: whoever decides
next makes the indexes first.
"""

import sqlite3

_INDEXES = {"records_by_email": "email_key", "records_by_account": "account_id"}


def postpone_indexes(con: sqlite3.Connection) -> None:
    """Drop the indexes; for a ledger that holds no record yet."""
    for name in _INDEXES:
        con.execute(f"DROP INDEX IF EXISTS {name}")


def are_postponed(con: sqlite3.Connection) -> bool:
    """Say whether the indexes are still to be made; nobody has been decided yet then."""
    made = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name IN (?, ?)"
    return bool(con.execute(made, tuple(_INDEXES)).fetchone()[0] < len(_INDEXES))


def make_indexes(con: sqlite3.Connection) -> None:
    """Make what was postponed."""
    for name, key in _INDEXES.items():
        con.execute(f"CREATE INDEX IF NOT EXISTS {name} ON records ({key}, crm) WHERE {key} IS NOT NULL")
