"""What a first load leaves for its end: indexes whose keys come in no order are made at once, not row by row.

Kept up by every page they would cost a third of all writing. A process that ends in between is no harm: whoever decides
next makes the indexes first.
"""

import sqlite3

_INDEXES = {
    "records_by_email": "CREATE INDEX records_by_email ON records (email_key, crm) WHERE email_key IS NOT NULL",
    "records_by_account": "CREATE INDEX records_by_account ON records (account_id, crm) WHERE account_id IS NOT NULL",
}


def postpone_indexes(con: sqlite3.Connection) -> None:
    """Drop the indexes; for a ledger that holds no record yet."""
    for name in _INDEXES:
        con.execute(f"DROP INDEX IF EXISTS {name}")


def are_postponed(con: sqlite3.Connection) -> bool:
    """Say whether the indexes are still to be made; nobody has been decided yet then."""
    return bool(_missing(con))


def make_indexes(con: sqlite3.Connection) -> None:
    """Make what was postponed."""
    for name in _missing(con):
        con.execute(_INDEXES[name])


def _missing(con: sqlite3.Connection) -> list[str]:
    found = {
        row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'records'")
    }
    return [name for name in _INDEXES if name not in found]
