"""Ledger against CRM, record by record: id, stamp and status.

What the CRM changed after the ledger's last complete pass is news that the next pass brings, and no difference.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from leadsync.domain.instants import to_text
from leadsync.domain.records import Gone, Record, Ref
from leadsync.ports import Crm, Sweeps, Swept
from leadsync.reports import queries
from leadsync.reports.answer import Cell, Table

CHUNK = 500

OVERLAP = timedelta(minutes=5)
"""Changes this shortly before the end of a complete pass may have been committed after it (reliability.md 5)."""

ALIVE = ("live", "out_of_scope", "converted")
"""States that a CRM still shows in its lists; deleted and merged records are gone from them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that the ledger has wrong."""

    crm: str
    object: str
    record_id: str
    what: str
    ledger: str | None
    in_crm: str | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of one object came to."""

    crm: str
    object: str
    records: int
    same: int
    news: int
    differences: tuple[Difference, ...]


def reconcile(
    con: sqlite3.Connection,
    crm: Crm,
    object_name: str,
    marked_at: datetime | None,
    progress: Callable[[int], None] = lambda _: None,
) -> Compared | None:
    """Return how the records of one object differ; None when the CRM's adapter cannot list them.

    `marked_at` is when the object was last known complete, in the CRM's time. The CRM is only read.
    """
    if not isinstance(crm, Sweeps) or marked_at is None:
        return None
    settled = marked_at - OVERLAP
    met: set[str] = set()
    counts = {"same": 0, "news": 0}
    found: list[Difference] = []
    for rows in _chunks(crm.sweep(object_name)):
        known = queries.seen(con, crm.name, object_name, [row.id for row in rows])
        for row in rows:
            met.add(row.id)
            match _compared(crm.name, object_name, row, known.get(row.id), settled):
                case Difference() as difference:
                    found.append(difference)
                case word:
                    counts[word] += 1
        progress(len(met))
    missing = [one for one in queries.ids_in(con, crm.name, object_name, ALIVE) if one not in met]
    for record_id, record in _looked_up(crm, object_name, missing):
        lost = _vanished(crm.name, object_name, record_id, record, settled)
        if lost is None:
            counts["news"] += 1
        else:
            found.append(lost)
    return Compared(crm.name, object_name, len(met), counts["same"], counts["news"], tuple(found))


def _chunks(rows: Iterator[Swept]) -> Iterator[list[Swept]]:
    while some := list(islice(rows, CHUNK)):
        yield some


def _compared(
    crm: str, object_name: str, row: Swept, known: queries.Seen | None, settled: datetime
) -> Difference | str:
    """Return the difference, or `same`, or `news` when the CRM's row is younger than what the ledger must know."""
    stamp, value = row.stamp.replace(microsecond=0), row.value or None
    if known is not None and (known.stamp, known.value or None) == (stamp, value) and known.state in ALIVE:
        return "same"
    if row.stamp > settled and (known is None or stamp >= known.stamp):
        return "news"
    if known is None:
        return Difference(crm, object_name, row.id, "missing in the ledger", None, row.value)
    if known.state not in ALIVE:
        return Difference(crm, object_name, row.id, f"{known.state} in the ledger", known.state, row.value)
    if (known.value or None) != (row.value or None):
        return Difference(crm, object_name, row.id, "status", known.value, row.value)
    return Difference(crm, object_name, row.id, "stamp", to_text(known.stamp), to_text(row.stamp))


def _looked_up(crm: Crm, object_name: str, ids: Sequence[str]) -> Iterator[tuple[str, Record | Gone | None]]:
    for start in range(0, len(ids), CHUNK):
        refs = [Ref(crm.name, object_name, one) for one in ids[start : start + CHUNK]]
        found: Mapping[Ref, Record | Gone] = crm.read(refs)
        yield from ((ref.id, found.get(ref)) for ref in refs)


def _vanished(
    crm: str, object_name: str, record_id: str, record: Record | Gone | None, settled: datetime
) -> Difference | None:
    """Return the difference that a record not met in the CRM makes; None when that is news, or it was only passed by."""
    match record:
        case Gone(at=at) if at > settled:
            return None
        case Record():
            return None
        case _:
            return Difference(crm, object_name, record_id, "gone in the CRM", "live", None)


def reconciliation_tables(compared: Sequence[Compared], left_out: Sequence[tuple[str, str]]) -> tuple[Table, Table]:
    """Return the counts of each object, those not compared with the reason, and every difference by id."""
    rows: list[tuple[Cell, ...]] = [
        (one.crm, one.object, one.records, one.same, one.news, len(one.differences), "compared") for one in compared
    ]
    rows += [(crm, None, None, None, None, None, why) for crm, why in left_out]
    differences: list[tuple[Cell, ...]] = [
        (one.crm, one.object, one.record_id, one.what, one.ledger, one.in_crm)
        for result in compared
        for one in result.differences
    ]
    return (
        Table(
            "reconciliation",
            "Ledger and CRM",
            ("crm", "object", "records", "same", "news", "differences", "how"),
            tuple(rows),
        ),
        Table(
            "differences",
            "Records that differ",
            ("crm", "object", "record_id", "what", "ledger", "in_crm"),
            tuple(differences),
        ),
    )
