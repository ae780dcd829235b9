"""Whole reads of leads or contacts: what they did not find is gone, unless it is too much to be believed."""

import sqlite3

from leadsync.ledger.connection import select_in
from leadsync.ledger.intake import Intake
from leadsync.ports import Page

VANISHED_SHARE = 0.01
"""A whole read that misses more of the records than this is not believed (reliability.md 5)."""

VANISHED_FREE = 10
"""So many may always vanish, or a small org could never delete anything."""


class WholeReads:
    """Which known records the whole reads under way have met, by CRM and source: one byte for each rid.

    A million ids as text would take a hundred times as much room.
    """

    def __init__(self) -> None:
        self._met: dict[tuple[str, str], bytearray] = {}

    def follow(self, con: sqlite3.Connection, crm: str, page: Page) -> bytearray | None:
        """Note the records of a page; return what the whole read that it ends has met, None when it ends none.

        A read that was begun by an earlier process is not known whole, so nothing is concluded from it.
        """
        if page.source not in ("lead", "contact"):
            return None
        key = (crm, page.source)
        row = con.execute("SELECT progress IS NOT NULL FROM marks WHERE crm = ? AND source = ?", key).fetchone()
        under_way = bool(row and row[0])
        if (page.progress is not None or page.full) and not under_way:
            # Records that the read itself brings in come after these and cannot be missed by it.
            last = con.execute(
                "SELECT rid FROM records WHERE crm = ? AND object = ? ORDER BY rid DESC LIMIT 1", key
            ).fetchone()
            self._met[key] = bytearray(1 + last[0] if last else 0)
        if (met := self._met.get(key)) is None:
            return None
        ids = {row.ref.id for row in page.rows if hasattr(row, "ref")} if met else ()
        for (rid,) in select_in(con, "SELECT rid FROM records WHERE crm = ? AND object = ? AND id IN (*)", ids, key):
            if rid < len(met):
                met[rid] = 1
        return met if page.full else None

    def stored(self, crm: str, page: Page) -> None:
        """Forget a whole read that is over."""
        if page.mark is not None:
            self._met.pop((crm, page.source), None)


def store_vanished(intake: Intake, page: Page, seen: bytearray) -> None:
    """Mark what a whole read did not find; hold when it is too much to be believed."""
    live = 0
    missing: list[int] = []
    for (rid,) in intake.con.execute(
        "SELECT rid FROM records WHERE crm = ? AND object = ? AND state NOT IN ('deleted', 'merged') AND rid < ?",
        (intake.crm, page.source, len(seen)),
    ):
        live += 1
        if not seen[rid]:
            missing.append(rid)
    if len(missing) > max(VANISHED_FREE, live * VANISHED_SHARE):
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
