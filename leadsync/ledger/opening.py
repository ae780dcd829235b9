"""Opening a ledger: lock, settings, check, migrations, views, keys, epoch, in this order (reliability.md 9)."""

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from leadsync.errors import StorageFailed
from leadsync.ledger.connection import connect, guarded, quick_check, writing
from leadsync.ledger.ledger import Ledger
from leadsync.ledger.lock import Lock, refuse_remote
from leadsync.ledger.meta import read_meta, write_meta
from leadsync.ledger.migrations import steps
from leadsync.ledger.surroundings import key_accounts_anew
from leadsync.ledger.views import make_views


@guarded
def open_ledger(path: Path | str, *, read_only: bool = False) -> Ledger:
    """Open a ledger, and unless read only: take its lock, bring its tables up to date and begin a new epoch.

    Raises LockHeld when another process writes it, StorageFailed when the file is damaged, not a ledger, written by a
    newer leadsync, or on a network file system.
    """
    file = Path(path)
    if read_only:
        con = connect(file, read_only=True)
        db = _database(con)
        if steps.pending(db) or con.execute("PRAGMA user_version").fetchone()[0] != len(steps.applied(db)):
            con.close()
            raise StorageFailed(f"{file} is no ledger of this release; open it once with `leadsync sync`")
        return Ledger(file, con, lock=None, epoch=0)
    refuse_remote(file)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = Lock(file)
    try:
        con = connect(file, read_only=False)
        try:
            quick_check(con, file)
            epoch = _prepare(con, file, lock.last_epoch())
            lock.note_epoch(epoch)
        except BaseException:
            con.close()
            raise
    except BaseException:
        lock.release()
        raise
    return Ledger(file, con, lock=lock, epoch=epoch)


def _database(con: sqlite3.Connection) -> Database:
    return Database(con, execute_plugins=False)


def _prepare(con: sqlite3.Connection, file: Path, last_epoch: int) -> int:
    """Migrate, remake the views and count the epoch up; `last_epoch` is the one that the lock file remembers."""
    db = _database(con)
    if con.execute("PRAGMA user_version").fetchone()[0] > len(steps.pending(db)) + len(steps.applied(db)):
        raise StorageFailed(f"{file} was written by a newer leadsync; use that one, older ones cannot read it")
    steps.apply(db)
    with writing(con):
        make_views(con)
        key_accounts_anew(con)
        known = read_meta(con, "epoch")
        last = int(known) if known else 0
        epoch = max(last, last_epoch) + 1
        write_meta(con, "epoch", str(epoch))
        if known and last_epoch > last:
            # Effects of the epochs in between may have been sent; nobody here remembers them.
            write_meta(con, "recovery", f"restored from epoch {last}, epoch {last_epoch} had been reached")
    return epoch
