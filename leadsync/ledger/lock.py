"""One process writes a ledger: a lock file beside it says so, and the kernel drops the lock when that process dies.

Also refuses file systems on which neither this lock nor SQLite's own can be trusted. The epoch, which tells a later
holder's work from an earlier one's, is in the ledger itself (`ledger.py`).
"""

import fcntl
import os
from pathlib import Path

from leadsync.errors import LockHeld, StorageFailed

REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ncpfs"})


class Lock:
    """The right to write one ledger, held until `release` or the end of the process."""

    def __init__(self, ledger: Path) -> None:
        """Take the lock; raises LockHeld when another process (or another Ledger of this one) has it."""
        self._descriptor = os.open(f"{ledger}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise LockHeld(
                f"{ledger} is being written by another leadsync; stop that one first, or open the ledger read-only"
            ) from error

    def last_epoch(self) -> int:
        """Return the last epoch that wrote this ledger, 0 when none has. It outlives a restored backup."""
        written = os.pread(self._descriptor, 32, 0).strip()
        return int(written) if written.isdigit() else 0

    def note_epoch(self, epoch: int) -> None:
        """Remember the epoch beside the ledger, so that a ledger older than its own past is noticed."""
        os.pwrite(self._descriptor, f"{epoch:>20}\n".encode(), 0)
        os.fsync(self._descriptor)

    def release(self) -> None:
        """Give the lock back; the file stays, since removing it could let two processes lock two files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def refuse_remote(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise StorageFailed when the ledger would lie on a network file system (SQLite: locks there are not reliable).

    Where the kernel lists no mounts (macOS) nothing is known, so nothing is refused.
    """
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return
    place = path.resolve()
    best, kind = Path(), ""
    for line in lines:
        words = line.split(" ")
        mounted = Path(words[1].replace("\\040", " "))
        # Later lines of the same mount point hide earlier ones.
        if (place == mounted or mounted in place.parents) and len(mounted.parts) >= len(best.parts):
            best, kind = mounted, words[2]
    if kind in REMOTE:
        raise StorageFailed(
            f"{path} lies on a network file system ({kind} at {best}); put ledger.location on a local disk"
        )
