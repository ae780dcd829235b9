"""Which records may show another age in stage today: live ones with nothing on its way to them, a slice at a time."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leadsync.domain.records import Ref, Value
from leadsync.ledger.codec import fields_of


@dataclass(frozen=True, slots=True)
class Ageing:
    """One live record with what an age is counted from; `rid` is where the next slice goes on."""

    rid: int
    ref: Ref
    version: str
    fields: Mapping[str, Value]


_SLICE = """
SELECT r.rid, r.object, r.id, r.version, r.fields FROM records r
WHERE r.crm = ? AND r.state = 'live' AND r.rid > ? AND NOT EXISTS (
    SELECT 1 FROM outbox o WHERE o.record_id = r.id AND o.object = r.object AND o.crm = r.crm
    AND o.kind = 'write' AND o.state IN ('pending', 'held', 'sent', 'unknown'))
ORDER BY r.rid LIMIT ?
"""


def ageing(con: sqlite3.Connection, crm: str, after: int, limit: int) -> Sequence[Ageing]:
    """Return the next live records of a CRM in a fixed order; those with a write under way get their age with it or later."""
    rows = con.execute(_SLICE, (crm, after, limit))
    return [
        Ageing(rid, Ref(crm, object_name, record_id), version, fields_of(fields))
        for rid, object_name, record_id, version, fields in rows
    ]
