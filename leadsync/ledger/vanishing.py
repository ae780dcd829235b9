"""Whole reads of leads or contacts: what they did not find is gone, unless it is too much to be believed."""

import sqlite3

from leadsync.ledger.intake import Intake
from leadsync.ports import Page

VANISHED_SHARE = 0.01
"""A whole read that misses more of the records than this is not believed (reliability.md 5)."""

VANISHED_FREE = 10
"""So many may always vanish, or a small org could never delete anything."""


class WholeReads:
    """The ids of whole reads that are under way, by CRM and source."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, str], set[str]] = {}

    def follow(self, con: sqlite3.Connection, crm: str, page: Page) -> set[str] | None:
        """Note the ids of a page; return all ids of the whole read that it ends, None when it ends none.

        A read that was begun by an earlier process is not known whole, so nothing is concluded from it.
        """
        if page.source not in ("lead", "contact"):
            return None
        key = (crm, page.source)
        row = con.execute("SELECT progress IS NOT NULL FROM marks WHERE crm = ? AND source = ?", key).fetchone()
        under_way = bool(row and row[0])
        if (page.progress is not None or page.full) and not under_way:
            self._ids[key] = set()
        if (ids := self._ids.get(key)) is None:
            return None
        ids |= {row.ref.id for row in page.rows if hasattr(row, "ref")}
        return ids if page.full else None

    def stored(self, crm: str, page: Page) -> None:
        """Forget a whole read that is over."""
        if page.mark is not None:
            self._ids.pop((crm, page.source), None)


def store_vanished(intake: Intake, page: Page, seen: set[str]) -> None:
    """Mark what a whole read did not find; hold when it is too much to be believed."""
    live = intake.con.execute(
        "SELECT id, rid FROM records WHERE crm = ? AND object = ? AND state NOT IN ('deleted', 'merged')",
        (intake.crm, page.source),
    ).fetchall()
    missing = [rid for record_id, rid in live if record_id not in seen]
    if len(missing) > max(VANISHED_FREE, len(live) * VANISHED_SHARE):
        intake.vanished_held = len(missing)
        return
    intake.con.executemany(
        "UPDATE records SET state = 'deleted', ended_at = COALESCE(ended_at, ?), read_at = ? WHERE rid = ?",
        [(intake.read_at, intake.read_at, rid) for rid in missing],
    )
    for rid in missing:
        intake.derive.add(rid)
        intake.heard(rid, intake.read_at)
    intake.vanished = len(missing)
    intake.changed += len(missing)
