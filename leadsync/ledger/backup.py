"""Copies of the ledger: made while it is in use, proved before they count, put back only while nobody writes.

The live file is never copied byte by byte: without its write-ahead log that would be a torn state.
"""

import os
import sqlite3
from pathlib import Path

from leadsync.errors import StorageFailed
from leadsync.ledger.connection import connect, guarded
from leadsync.ledger.lock import Lock


@guarded
def backup(path: Path, to: Path) -> None:
    """Write a whole and checked copy of the ledger to `to`, replacing what is there only when the copy is good.

    Raises StorageFailed when the copy turns out damaged, which says that the ledger is.
    """
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    # VACUUM INTO is refused under query_only, so this reads with mode=ro alone.
    con = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
    try:
        con.execute("VACUUM INTO ?", (str(part),))
    finally:
        con.close()
    part.chmod(0o600)
    if problems := check(part):
        part.unlink()
        raise StorageFailed(f"the copy of {path} is damaged ({problems[0]}); the last good backup was kept")
    _sync(part)
    part.replace(to)
    _sync(to.parent)


def export(path: Path, to: Path) -> None:
    """Write a copy for other people's tools; raises StorageFailed rather than replace a file that is there."""
    if to.exists():
        raise StorageFailed(f"{to} is there already; name another file or remove that one")
    backup(path, to)


@guarded
def check(path: Path) -> tuple[str, ...]:
    """Return what is wrong with a ledger file, nothing when it is whole: its pages, its rules, its references."""
    con = connect(path, read_only=True)
    try:
        problems = [row[0] for row in con.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
        if not problems:
            problems = [
                f"{table} row {rowid} refers to a row of {parent} that is not there"
                for table, rowid, parent, _ in con.execute("PRAGMA foreign_key_check")
            ]
    finally:
        con.close()
    return tuple(problems)


@guarded
def restore(source: Path, path: Path) -> None:
    """Put a backup in the place of the ledger; what was there is kept beside it as `<name>.before-restore`.

    Raises LockHeld while a process writes the ledger, StorageFailed when the backup is damaged. The next start sees
    that the ledger is older than it was and sends nothing until `leadsync recover` (reliability.md 9).
    """
    if problems := check(source):
        raise StorageFailed(f"{source} is damaged ({problems[0]}); take an older backup")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = Lock(path)
    try:
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(source.read_bytes())
        part.chmod(0o600)
        _sync(part)
        for ending in ("", "-wal", "-shm"):
            old = Path(f"{path}{ending}")
            if old.exists():
                old.replace(f"{path}.before-restore{ending}")
        part.replace(path)
        _sync(path.parent)
    finally:
        lock.release()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
