"""Finding people and telling their story: what `explain`, `history`, `doctor` and the metrics ask for."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadsync.ledger.codec import email_key, from_data, instant
from leadsync.ledger.connection import select_in
from leadsync.ledger.people import names_of, pids_of


@dataclass(frozen=True, slots=True)
class _UserAddress:
    """The one field of a stored user that sending needs."""

    email: str | None = None


def rows_of(con: sqlite3.Connection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
    """Return the rows of a statement by the names of its columns."""
    cursor = con.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def outbox(con: sqlite3.Connection, state: str | None, limit: int | None) -> list[dict[str, Any]]:
    """Return rows of v_outbox, the newest first."""
    return rows_of(
        con,
        "SELECT * FROM v_outbox WHERE ?1 IS NULL OR state = ?1 ORDER BY decided_at DESC, effect_id LIMIT ?2",
        (state, -1 if limit is None else limit),
    )


def address(con: sqlite3.Connection, crm: str, user_id: str) -> str | None:
    """Return the e-mail address of a CRM user, None when there is no such user or address."""
    row = con.execute("SELECT data FROM users WHERE crm = ? AND id = ?", (crm, user_id)).fetchone()
    return from_data(row[0], _UserAddress).email if row else None


def find(con: sqlite3.Connection, ref_text: str) -> list[tuple[str, str]]:
    """Return (crm, person id) of everybody whom a record id, an e-mail or a person id names, in order."""
    wanted = ref_text.strip()
    pids: set[int] = set()
    if "@" in wanted:
        pids |= {row[0] for row in con.execute("SELECT pid FROM records WHERE email_key = ?", (email_key(wanted),))}
    elif wanted.startswith("p_"):
        pids |= set(pids_of(con, [wanted]).values())
    else:
        for record_id in {wanted, wanted.strip("{}").lower()}:
            pids |= {row[0] for row in con.execute("SELECT pid FROM records WHERE id = ?", (record_id,))}
        if len(wanted) == 15:
            # Salesforce adds three letters to the same id for tools that ignore case.
            pids |= {
                row[0]
                for row in con.execute(
                    "SELECT pid FROM records WHERE id > ? AND id < ? AND length(id) = 18", (wanted, wanted + "~")
                )
            }
    crms = dict(select_in(con, "SELECT rid, crm FROM records WHERE rid IN (*)", pids))
    return sorted((crms[pid], name) for pid, name in names_of(con, pids).items())


_HISTORY = """
SELECT t.at AS at, 'stage' AS what, r.object AS object, r.id AS record_id,
    CASE WHEN t.reason = 'converted' THEN 'converted, ' ELSE '' END
        || COALESCE(t.from_stage, t.from_value, '-') || ' to ' || COALESCE(t.to_stage, t.to_value, '-') AS text,
    t.actor_id AS by, t.source AS source,
    COALESCE(j.verdict, CASE WHEN t.adopted = 1 THEN 'adopted' END) AS verdict, j.why AS why, t.seq AS seq
FROM transitions t JOIN records r ON r.rid = t.rid LEFT JOIN judgements j ON j.seq = t.seq
    LEFT JOIN withdrawals w ON w.seq = t.seq
WHERE r.pid = :person AND w.seq IS NULL
UNION ALL
SELECT o.at, o.field, r.object, r.id, 'to ' || COALESCE(o.owner_id, 'nobody'), o.by, o.source, NULL, NULL, NULL
FROM owners o JOIN records r ON r.rid = o.rid WHERE r.pid = :person
UNION ALL
SELECT u.at, u.kind, u.object, u.record_id,
    u.direction || COALESCE(' ' || u.channel, '') || COALESCE(' ' || u.response, '')
        || CASE WHEN u.retracted_at IS NULL THEN '' ELSE ', retracted' END,
    u.actor_id, u.touch_id, NULL, NULL, NULL
FROM touches u JOIN records r ON r.crm = u.crm AND r.object = u.object AND r.id = u.record_id
WHERE r.pid = :person
UNION ALL
SELECT a.at, 'assigned', r.object, r.id, 'to ' || a.owner_id || ' by ' || a.rule, a.by, 'leadsync', NULL, a.reason, NULL
FROM assignments a JOIN records r ON r.rid = a.rid WHERE r.pid = :person
UNION ALL
SELECT c.started_at, 'clock', NULL, NULL,
    c.rule || ' (' || c.kind || ') ' || c.state || COALESCE(', due ' || c.due_at, ''), c.owner_id, 'leadsync', NULL,
    c.void_reason, NULL
FROM clocks c WHERE c.pid = :person
UNION ALL
SELECT COALESCE(e.done_at, e.decided_at), e.kind, e.object, e.record_id, e.state || ' ' || e.fields,
    (SELECT b.operator FROM jobs b WHERE b.group_id = e.group_id AND b.started_at <= e.decided_at
     ORDER BY b.job_id DESC LIMIT 1), 'leadsync', NULL, e.error, NULL
FROM outbox e JOIN records r ON r.crm = e.crm AND r.object = e.object AND r.id = e.record_id
WHERE r.pid = :person
ORDER BY 1, 10, 2
"""


def history(con: sqlite3.Connection, person_id: str) -> list[dict[str, Any]]:
    """Return everything that happened to a person in order of time: moves, owners, touches, clocks, writes."""
    pid = pids_of(con, [person_id]).get(person_id)
    rows = rows_of(con, _HISTORY, {"person": pid})
    for row in rows:
        del row["seq"]
    return rows


def counts(con: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Return how many rows of each kind there are."""
    queries = {
        "records": "SELECT object || ' ' || state, count(*) FROM records GROUP BY 1",
        "persons": "SELECT 'decided', count(*) FROM persons WHERE decided_at IS NOT NULL"
        " UNION ALL SELECT 'undecided', count(*) FROM persons WHERE decided_at IS NULL",
        "transitions": "SELECT source, count(*) FROM v_transitions GROUP BY 1",
        "touches": "SELECT kind, count(*) FROM touches GROUP BY 1",
        "outbox": "SELECT state, count(*) FROM outbox GROUP BY 1",
        "clocks": "SELECT state, count(*) FROM clocks GROUP BY 1",
        "gaps": "SELECT object, count(*) FROM records WHERE gap IS NOT NULL GROUP BY 1",
    }
    return {name: dict(con.execute(sql).fetchall()) for name, sql in queries.items()}


def stage_ids(con: sqlite3.Connection, crm: str, object_name: str) -> Iterator[tuple[str, datetime, str | None, str]]:
    """Yield (id, stamp, stage value, state) of every record of an object in order of id."""
    rows = con.execute(
        "SELECT id, stamp, stage_value, state FROM records WHERE crm = ? AND object = ? ORDER BY id", (crm, object_name)
    )
    for record_id, stamp, value, state in rows:
        yield record_id, instant(stamp), value, state
