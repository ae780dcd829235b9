"""What operators' one-off jobs ask of the ledger, and the book of their steps: who did what, when, and what came of it.

What the jobs mean is `leadsync/jobs/`; their writes go through the outbox like all others.
"""

# ruff: noqa: S608 -- only names of columns from this package are joined into statements, never a value

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leadsync.domain.records import Move, Record
from leadsync.ledger.codec import RECORD_COLUMNS, optional_instant, record_and_rest, text
from leadsync.ledger.connection import guarded, select_in, writing
from leadsync.ledger.ledger import Ledger
from leadsync.ledger.people import names_of


@dataclass(frozen=True, slots=True)
class Fate:
    """How far one effect of a job has come; `done_at` is when its end was written down."""

    state: str
    error: str | None
    done_at: datetime | None
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Showing:
    """A live record, and the last stage that it was known to have (None: none yet)."""

    record: Record
    last_stage: str | None


_COLUMNS = ", ".join(f"r.{name.strip()}" for name in RECORD_COLUMNS.split(","))


@guarded
def records_showing(ledger: Ledger, crm: str, values: Collection[str]) -> list[Showing]:
    """Return the live records whose status is one of these, leads first, the oldest first."""
    rows = select_in(
        ledger.con,
        f"SELECT {_COLUMNS}, (SELECT t.to_stage FROM transitions t LEFT JOIN withdrawals w ON w.seq = t.seq"
        " WHERE t.rid = r.rid AND w.seq IS NULL AND t.to_stage IS NOT NULL ORDER BY t.at DESC, t.seq DESC LIMIT 1)"
        " FROM records r WHERE r.crm = ? AND r.state = 'live' AND r.stage_value IN (*)",
        sorted(values),
        (crm,),
    )
    found = [Showing(record, rest[0]) for record, rest in map(record_and_rest, rows)]
    return sorted(found, key=lambda one: (one.record.ref.object != "lead", one.record.created_at, one.record.ref.id))


@guarded
def people_without_status(ledger: Ledger, crm: str) -> list[str]:
    """Return the persons with a live Contact whose status is blank and to whom a deal or a converted lead belongs."""
    pids = [
        row[0]
        for row in ledger.con.execute(
            "SELECT DISTINCT r.pid FROM records r WHERE r.crm = ? AND r.object = 'contact' AND r.state = 'live'"
            " AND COALESCE(r.stage_value, '') = '' AND (EXISTS (SELECT 1 FROM opportunity_roles o WHERE o.crm = r.crm"
            "  AND o.contact_id = r.id AND o.deleted = 0) OR EXISTS (SELECT 1 FROM records l WHERE l.crm = r.crm"
            "  AND l.converted_to = r.id)) ORDER BY r.pid",
            (crm,),
        )
    ]
    names = names_of(ledger.con, pids)
    return [names[pid] for pid in pids]


@guarded
def known_moves(ledger: Ledger, crm: str, moves: Sequence[Move]) -> set[str]:
    """Return the ids of those history rows that the ledger has."""
    found = select_in(
        ledger.con,
        "SELECT move_id FROM moves WHERE crm = ? AND move_id IN (*)",
        {move.move_id for move in moves},
        (crm,),
    )
    return {row[0] for row in found}


@guarded
def fates(ledger: Ledger, group_id: str) -> dict[str, Fate]:
    """Return how far each effect of a group has come, by its id."""
    rows = ledger.con.execute(
        "SELECT effect_id, state, error, done_at, retry_at FROM outbox WHERE group_id = ?", (group_id,)
    )
    return {row[0]: Fate(row[1], row[2], optional_instant(row[3]), optional_instant(row[4])) for row in rows}


@guarded
def unknown_writes(ledger: Ledger, crm: str) -> int:
    """Return how many writes of a CRM have an unknown fate, and must be looked up first."""
    count: int = ledger.con.execute(
        "SELECT count(*) FROM outbox WHERE crm = ? AND kind = 'write' AND state = 'unknown'", (crm,)
    ).fetchone()[0]
    return count


@guarded
def begin_step(
    ledger: Ledger, *, crm: str, plan_id: str, step: str, group_id: str, operator: str, now: datetime
) -> int:
    """Write down that somebody begins a step of a job, and return its number."""
    with writing(ledger.con):
        number: int = ledger.con.execute(
            "INSERT INTO jobs (crm, plan_id, step, group_id, operator, started_at) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING job_id",
            (crm, plan_id, step, group_id, operator, text(now)),
        ).fetchone()[0]
    return number


@guarded
def end_step(ledger: Ledger, job_id: int, counts: Mapping[str, int], now: datetime) -> None:
    """Write down what a step came to."""
    with writing(ledger.con):
        ledger.con.execute(
            "UPDATE jobs SET finished_at = ?, counts = ? WHERE job_id = ?",
            (text(now), json.dumps(dict(counts), sort_keys=True), job_id),
        )


@guarded
def undone_by(ledger: Ledger, plan_id: str) -> tuple[str, datetime] | None:
    """Return who began to undo a plan first, and when; None while nobody has."""
    row = ledger.con.execute(
        "SELECT operator, started_at FROM jobs WHERE plan_id = ? AND step = 'undo' ORDER BY job_id LIMIT 1", (plan_id,)
    ).fetchone()
    at = optional_instant(row[1]) if row else None
    return (row[0], at) if row and at else None
