"""Who has waited too long, or since before going live: the open clocks that managers hear of once a day."""

import sqlite3
from collections import defaultdict

from leadsync.domain.daily import Waiter
from leadsync.domain.records import Record
from leadsync.ledger.codec import RECORD_COLUMNS, instant, record_and_rest
from leadsync.ledger.people import members, names_of


def read_waiters(con: sqlite3.Connection, crm: str) -> list[Waiter]:
    """Return the promised clocks that run on past their time, and those of the backlog, with the record that speaks."""
    rows = con.execute(
        "SELECT c.pid, c.rule, c.state, c.started_at FROM clocks c JOIN persons p ON p.pid = c.pid"
        " WHERE c.stopped_at IS NULL AND c.kind = 'lead' AND (c.state = 'breached' OR c.state = 'backlog') AND p.crm = ?"
        " ORDER BY c.started_at, c.clock_id",
        (crm,),
    ).fetchall()
    pids = sorted({row[0] for row in rows})
    names, records = names_of(con, pids), defaultdict(list)
    for row in members(con, f"{RECORD_COLUMNS}, pid", pids):
        record, (pid,) = record_and_rest(row)
        if record.state == "live":
            records[pid].append(record)
    return [
        Waiter(names[pid], min(records[pid], key=_precedence), rule, state == "breached", instant(started_at))
        for pid, rule, state, started_at in rows
        if pid in records
    ]


def _precedence(record: Record) -> tuple[bool, str, str]:
    return (record.ref.object != "contact", record.created_at.isoformat(), record.ref.id)
