"""How far each source is known to be complete. Marks of pages that brought nothing wait for the next transaction:
a commit waits for the disk, and a mark that is lost only has something read again.
"""

import sqlite3
from datetime import datetime

from leadsync.ledger.codec import instant, text
from leadsync.ports import Mark, Page


class Marks:
    """The marks that are not written yet."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Page]] = []

    def keep(self, crm: str, page: Page) -> bool:
        """Take over a page that is nothing but a mark; say whether it was one.

        Leads and contacts are left out: with their last page gaps are settled.
        """
        if page.rows or page.mark is None or page.source in ("lead", "contact"):
            return False
        self._waiting.append((crm, page))
        return True

    @property
    def waiting(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting)

    def write(self, con: sqlite3.Connection) -> None:
        """Write what waits; runs inside a transaction."""
        for crm, page in self._waiting:
            store_mark(con, crm, page)
        self._waiting.clear()


def store_mark(con: sqlite3.Connection, crm: str, page: Page) -> None:
    """Write the mark of a page, or how far its load has come; runs inside a transaction."""
    if page.mark is not None:
        con.execute(
            "INSERT INTO marks (crm, source, mark, progress, marked_at) VALUES (?, ?, ?, NULL, ?)"
            " ON CONFLICT (crm, source) DO UPDATE SET mark = excluded.mark, progress = NULL, marked_at = excluded.marked_at",
            (crm, page.source, page.mark, text(page.read_at)),
        )
    elif page.progress is not None:
        con.execute(
            "INSERT INTO marks (crm, source, progress) VALUES (?, ?, ?)"
            " ON CONFLICT (crm, source) DO UPDATE SET progress = excluded.progress",
            (crm, page.source, page.progress),
        )


def read_marks(con: sqlite3.Connection, crm: str) -> dict[str, Mark]:
    """Return how far each source of a CRM is known to be complete."""
    rows = con.execute("SELECT source, mark, progress FROM marks WHERE crm = ?", (crm,))
    return {source: Mark(mark, progress) for source, mark, progress in rows}


def mark_times(con: sqlite3.Connection, crm: str) -> dict[str, datetime]:
    """Return when each source of a CRM was last known complete, in the CRM's time."""
    rows = con.execute("SELECT source, marked_at FROM marks WHERE crm = ? AND marked_at IS NOT NULL", (crm,))
    return {source: instant(at) for source, at in rows}


def forget_mark(con: sqlite3.Connection, crm: str, source: str) -> None:
    """Have a source read whole again; runs inside a transaction."""
    con.execute("DELETE FROM marks WHERE crm = ? AND source = ?", (crm, source))
