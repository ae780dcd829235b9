"""Opening the SQLite file: the settings that make it safe, each read back, and one way to write.

Everything that SQLite says about a broken or full disk leaves this package as StorageFailed.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from leadsync.errors import StorageFailed

APPLICATION_ID = 0x4C53594E
"""`LSYN` in the file's header, so that another program's database is never taken for a ledger."""

PRAGMAS = {
    "synchronous": 2,  # FULL: effects happen outside on the strength of committed intents
    "foreign_keys": 1,
    "busy_timeout": 5000,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "recursive_triggers": 1,  # else INSERT OR REPLACE slips past the append-only triggers
}
CHUNK = 500
"""Values in one IN list; both SQLite and PostgreSQL take more, the gain ends here."""

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Return an open connection with every setting of PRAGMAS in force.

    Raises StorageFailed when a setting does not hold, or the file is no ledger.
    """
    if read_only:
        if not path.exists():
            raise StorageFailed(f"there is no ledger at {path}; `leadsync sync` makes one")
        con = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # The cycle's worker thread is the only one that uses it, but the main thread opens and closes it.
        con = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        return _prepared(con, path, read_only=read_only)
    except BaseException:
        con.close()
        raise


def _prepared(con: sqlite3.Connection, path: Path, *, read_only: bool) -> sqlite3.Connection:
    for name, value in PRAGMAS.items():
        con.execute(f"PRAGMA {name}={value}")
        held = con.execute(f"PRAGMA {name}").fetchone()[0]
        if held != value:
            raise StorageFailed(f"{path}: SQLite keeps {name} at {held} where {value} is needed")
    con.execute("PRAGMA mmap_size=0")
    # Of a file that is yet to be made: a record takes a kilobyte, so few fit a page of SQLite's usual 4096.
    con.execute("PRAGMA page_size=8192")
    # In KiB: e-mail addresses come in no order, so a first load touches their index everywhere; more gains little.
    con.execute("PRAGMA cache_size=-8000")
    if read_only:
        con.execute("PRAGMA query_only=1")
    else:
        mode = con.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise StorageFailed(f"{path}: the file system does not allow a write-ahead log (journal_mode {mode})")
    found = con.execute("PRAGMA application_id").fetchone()[0]
    if found not in (0, APPLICATION_ID) or (found == 0 and con.execute("SELECT 1 FROM sqlite_master").fetchone()):
        raise StorageFailed(f"{path} is a database of another program; point ledger.location somewhere else")
    if found == 0 and not read_only:
        # Before the first table: one whose making ends early is then still known as a ledger.
        con.execute(f"PRAGMA application_id={APPLICATION_ID}")
    return con


def quick_check(con: sqlite3.Connection, path: Path) -> None:
    """Raise StorageFailed when the file is damaged. It is never mended in place."""
    answer = con.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise StorageFailed(f"{path} is damaged ({answer}); keep it, and `leadsync ledger restore` the newest backup")


def storage_failed(error: sqlite3.Error) -> StorageFailed | None:
    """Return what a storage error means for whoever runs leadsync; None for an error that is a fault of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    match primary:
        case sqlite3.SQLITE_FULL:
            return StorageFailed("the disk of the ledger is full; make room, nothing was written since")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StorageFailed("the ledger is damaged; keep it, and `leadsync ledger restore` the newest backup")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY:
            return StorageFailed(f"the ledger cannot be read or written ({error}); look at the disk and its rights")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StorageFailed("another program keeps the ledger locked; open it read-only only (mode=ro)")
        case _:
            return None


def guarded(call: Callable[P, R]) -> Callable[P, R]:
    """Return the function with storage errors turned into StorageFailed."""

    @wraps(call)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except sqlite3.Error as error:
            if failed := storage_failed(error):
                raise failed from error
            raise

    return wrapper


@contextmanager
def writing(con: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one immediate transaction: whole, or not at all."""
    con.execute("BEGIN IMMEDIATE")
    try:
        yield
        con.execute("COMMIT")
    except BaseException:
        # A full disk may have rolled back already.
        if con.in_transaction:
            con.execute("ROLLBACK")
        raise


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield the values in lists short enough for one IN list."""
    rest = list(values)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def select_in(
    con: sqlite3.Connection, sql: str, values: Iterable[Any], before: Sequence[Any] = (), after: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a statement whose `IN (*)` is filled with the values, chunk by chunk.

    `before` and `after` are the parameters of the statement left and right of the list.
    """
    for part in chunks(values):
        # The star stands for placeholders only; no value ever becomes text of the statement.
        statement = sql.replace("(*)", "(" + ",".join("?" * len(part)) + ")")
        yield from con.execute(statement, (*before, *part, *after))
