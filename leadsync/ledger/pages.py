"""Storing one page of what the CRM showed: rows, what follows from them, and the mark, in one transaction."""

import sqlite3
from collections import defaultdict
from typing import Any

from leadsync.domain.records import (
    Account,
    Campaign,
    Gone,
    Move,
    Opportunity,
    OpportunityRole,
    Queue,
    Record,
    User,
)
from leadsync.domain.touches import Touch
from leadsync.ledger.codec import text
from leadsync.ledger.connection import select_in
from leadsync.ledger.derivation import derive, moved_records, settle_gaps
from leadsync.ledger.intake import Intake, Stored
from leadsync.ledger.marks import store_mark
from leadsync.ledger.mirror import last_values, store_gone, store_records
from leadsync.ledger.owners import store_owners
from leadsync.ledger.people import relink
from leadsync.ledger.stays import reline, respan
from leadsync.ledger.surroundings import (
    store_accounts,
    store_directory,
    store_opportunities,
    store_roles,
    store_touches,
)
from leadsync.ledger.twins import wake_twins
from leadsync.ledger.vanishing import store_vanished
from leadsync.ports import Page


def store_page(intake: Intake, page: Page, seen: bytearray | None) -> Stored:
    """Write everything a page says; runs inside a transaction. `seen` is what a whole read that ends here has met."""
    con = intake.con
    kinds: dict[type, list[Any]] = defaultdict(list)
    for row in page.rows:
        kinds[type(row)].append(row)
    if moves := kinds[Move]:
        _store_moves(intake, moves)
    if records := [*kinds[Record], *last_values(intake, kinds[Gone])]:
        for object_name in ("lead", "contact"):
            if some := [record for record in records if record.ref.object == object_name]:
                store_records(intake, object_name, some)
    if gone := kinds[Gone]:
        store_gone(intake, gone)
    if seen is not None and page.source in ("lead", "contact"):
        store_vanished(intake, page, seen)
    if accounts := kinds[Account]:
        store_accounts(intake, accounts)
    store_directory(intake, "users", kinds[User])
    store_directory(intake, "queues", kinds[Queue])
    store_directory(intake, "campaigns", kinds[Campaign])
    if roles := kinds[OpportunityRole]:
        store_roles(intake, roles)
    if deals := kinds[Opportunity]:
        store_opportunities(intake, deals)
    if touches := kinds[Touch]:
        store_touches(intake, touches)
    if page.complete and page.source in ("lead", "contact"):
        settle_gaps(intake, page.source)
    _follow_up(intake)
    store_mark(con, intake.crm, page)
    return Stored(
        len(page.rows),
        intake.changed,
        intake.transitions,
        intake.new,
        intake.gaps,
        intake.vanished,
        intake.vanished_held,
    )


def _store_moves(intake: Intake, moves: list[Move]) -> None:
    """Keep history rows; they become transitions at once if their record is known, else when it comes."""
    refs = moved_records(intake, {(move.ref.object, move.ref.id) for move in moves})
    before = intake.con.total_changes
    for move in moves:
        written = intake.con.execute(
            "INSERT INTO moves (crm, object, record_id, field, at, move_id, old, new, by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                intake.crm,
                move.ref.object,
                move.ref.id,
                move.field,
                text(move.at),
                move.move_id,
                move.old,
                move.new,
                move.by,
            ),
        ).rowcount
        rid = refs.get((move.ref.object, move.ref.id))
        if written and rid is not None:
            (intake.derive if move.field == "stage" else intake.owners).add(rid)
    intake.changed += intake.con.total_changes - before


def _follow_up(intake: Intake) -> None:
    """Work out persons, transitions, stays and owners of what changed, and wake whom it concerns."""
    con = intake.con
    persons: set[int] = set()
    if intake.relink:
        moved, persons = relink(con, intake.relink)
        live = any(intake.news.get(rid, False) for rid in intake.relink)
        for rid in moved:
            intake.news[rid] = intake.news.get(rid, False) or live
    if intake.derive or intake.settle:
        rids = derive(intake)
        respan(con, rids)
        persons |= {row[0] for row in select_in(con, "SELECT pid FROM records WHERE rid IN (*)", sorted(rids))}
    if persons:
        reline(con, persons)
    if intake.owners:
        store_owners(intake)
    wake(con, intake.news)
    wake_twins(con, intake.crm, intake.former_emails)


def wake(con: sqlite3.Connection, news: dict[int, bool]) -> None:
    """Make the persons of these records due at once.

    People taken over at first sight and not decided yet are left to their slice, unless the news are younger than
    going live.
    """
    due = [
        (pid, int(news[rid]))
        for rid, pid in select_in(con, "SELECT rid, pid FROM records WHERE rid IN (*)", sorted(news))
    ]
    con.executemany(
        "UPDATE persons SET wake_at = '' WHERE pid = ?1 AND (?2 OR decided_at IS NOT NULL)"
        " AND (wake_at IS NULL OR wake_at <> '')",
        due,
    )
