"""A ledger's file as other people's tools open it: read-only, whoever writes to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def read_only(location: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection that cannot write; it is closed in the end."""
    con = sqlite3.connect(f"{location.as_uri()}?mode=ro", uri=True)
    try:
        yield con
    finally:
        con.close()


def rows(location: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Return what a query finds."""
    with read_only(location) as con:
        return con.execute(sql, values).fetchall()
