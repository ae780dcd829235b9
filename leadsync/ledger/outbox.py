"""The outbox: each wish with its life so far. A wish is written once however often it is decided.

    pending --claim--> sent --> applied | rejected | superseded | dead
       ^  ^              |
       |  |              +--> pending (retry_at)        not applied, or its precondition failed
       |  +--release      +--> unknown --> applied | superseded | pending (read first), or sent again (messages)
     held                      ^ `sent` of an older epoch, after a crash

At most one write-back of a record is in flight; a newer one waits, and replaces an older one that was never sent.
"""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadsync.domain.effects import PRIORITIES, Effect, Escalation, Membership, Notice, OutboxRow, Outcome, WriteBack
from leadsync.ledger.codec import (
    EFFECTS,
    as_data,
    effect_kind,
    from_data,
    from_json,
    instant,
    optional_instant,
    text,
    to_sorted_json,
)
from leadsync.ledger.connection import select_in
from leadsync.ledger.people import NAME_SQL

_OPEN = ("pending", "held", "sent", "unknown")


def wish(
    con: sqlite3.Connection,
    effects: Sequence[Effect],
    held: Collection[str],
    at: str,
) -> int:
    """Put effects into the outbox and return how many were not wished before.

    A wish decided again on a newer version of its record replaces what waits unsent; one that had been overtaken lives
    again. What was sent keeps its payload: the same id always means the same thing on the wire.
    """
    written = 0
    for effect in effects:
        row = _row(effect, held, at)
        written += con.execute(_WISH, row).rowcount
        if isinstance(effect, WriteBack):
            con.execute(
                "UPDATE outbox SET state = 'superseded', done_at = ?1, error = 'newer' WHERE record_id = ?2 AND object = ?3"
                " AND crm = ?4 AND kind = 'write' AND state IN ('pending', 'held') AND effect_id <> ?5"
                " AND EXISTS (SELECT 1 FROM outbox n WHERE n.effect_id = ?5 AND n.state IN ('pending', 'held'))",
                (at, effect.ref.id, effect.ref.object, effect.ref.crm, effect.effect_id),
            )
    return written


_WISH = """
INSERT INTO outbox (effect_id, kind, group_id, crm, object, record_id, payload, fields, stage_value, correction,
    clock_id, clock, rung, channel, recipient, due_at, priority, state, decided_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (effect_id) DO UPDATE SET
    payload = excluded.payload, fields = excluded.fields, stage_value = excluded.stage_value,
    group_id = CASE WHEN outbox.state = 'held' THEN outbox.group_id ELSE excluded.group_id END,
    priority = excluded.priority, decided_at = excluded.decided_at,
    state = CASE WHEN outbox.state = 'superseded' THEN excluded.state ELSE outbox.state END,
    retry_at = CASE WHEN outbox.state = 'superseded' THEN NULL ELSE outbox.retry_at END,
    done_at = NULL, error = NULL
WHERE outbox.state = 'superseded'
    OR (outbox.kind = 'write' AND outbox.state IN ('pending', 'held') AND outbox.payload <> excluded.payload)
"""


def _row(effect: Effect, held: Collection[str], at: str) -> tuple[Any, ...]:
    ref = effect.ref
    fields: Mapping[str, object]
    stage_value, correction = None, False
    rung: tuple[Any, ...] = (None,) * 6  # clock_id, clock, rung, channel, recipient, due_at
    match effect:
        case WriteBack():
            fields, correction, priority = effect.values, effect.correction, PRIORITIES.index(effect.priority)
            stage = effect.values.get("stage")
            # Emptying the status is a change as well, and is recognised by it.
            stage_value = stage if isinstance(stage, str) else "" if "stage" in effect.values else None
        case Membership():
            fields = {"nurture": effect.nurture, "join": effect.join}
            priority = len(PRIORITIES)
        case Escalation():
            fields = {
                "clock": effect.clock,
                "rung": effect.rung,
                "channel": effect.channel,
                "recipient": effect.recipient,
            }
            priority = 0
            rung = (
                effect.clock_id, effect.clock, effect.rung, effect.channel, effect.recipient, text(effect.due_at)
            )  # fmt: skip
        case Notice():
            fields = {"notice": effect.notice, "channel": effect.channel, "recipient": effect.recipient}
            priority = 1
    return (
        effect.effect_id, effect_kind(effect), effect.group_id, ref.crm, ref.object, ref.id, as_data(effect),
        to_sorted_json(fields), stage_value, int(correction), *rung, priority,
        "held" if effect.group_id in held else "pending", at,
    )  # fmt: skip


def read_outbox(
    con: sqlite3.Connection,
    states: Sequence[str],
    *,
    now: datetime,
    kinds: Sequence[str] | None,
    crm: str | None,
    limit: int | None,
) -> list[OutboxRow]:
    """Return effects in these states whose time has come, the most urgent and the longest decided first, then by record.

    `kinds` are of write, membership, escalation, notice; `retry_at` holds back pending ones only. `extra` names the
    person of now behind the record as `person_id`.
    """
    sql = (
        f"SELECT {_OUTBOX_COLUMNS} FROM outbox o"
        " LEFT JOIN records r ON r.crm = o.crm AND r.object = o.object AND r.id = o.record_id"
        f" LEFT JOIN records n ON n.rid = r.pid WHERE o.state IN ({', '.join('?' * len(states))})"
        " AND (o.state <> 'pending' OR o.retry_at IS NULL OR o.retry_at <= ?)"
    )
    values: list[Any] = [*states, text(now)]
    if kinds is not None:
        sql += f" AND o.kind IN ({', '.join('?' * len(kinds))})"
        values += kinds
    if crm is not None:
        sql += " AND o.crm = ?"
        values.append(crm)
    sql += " ORDER BY o.priority, o.decided_at, o.record_id, o.effect_id"
    if limit is not None:
        sql += " LIMIT ?"
        values.append(limit)
    return [_outbox_row(row) for row in con.execute(sql, values)]


_OUTBOX_COLUMNS = (
    f"o.kind, o.payload, o.state, o.attempts, o.decided_at, o.retry_at, o.error, {NAME_SQL}, o.done_at, o.version"
)


def _outbox_row(row: tuple[Any, ...]) -> OutboxRow:
    return OutboxRow(
        effect=from_data(row[1], EFFECTS[row[0]]),
        state=row[2],
        attempts=row[3],
        decided_at=instant(row[4]),
        retry_at=optional_instant(row[5]),
        error=row[6],
        extra={"person_id": row[7], "done_at": row[8], "version": row[9]},
    )


def claim(con: sqlite3.Connection, effect_ids: Sequence[str], epoch: int, at: str) -> list[str]:
    """Mark effects as being sent, before the first byte is, and return those that really may be.

    Pending ones may, and messages of unknown fate. A write-back may not while another one of its record is in flight.
    """
    rows = {
        row[0]: row
        for row in select_in(
            con, "SELECT effect_id, kind, state, crm, object, record_id, decided_at FROM outbox WHERE effect_id IN (*)",
            effect_ids,
        )
    }  # fmt: skip
    claimed: list[str] = []
    for effect_id in effect_ids:
        if effect_id not in rows:
            continue
        _, kind, state, crm, object_name, record_id, _ = rows[effect_id]
        if state != "pending" and not (state == "unknown" and kind in ("escalation", "notice")):
            continue
        claimed += [
            row[0]
            for row in con.execute(
                "UPDATE outbox SET state = 'sent', attempts = attempts + 1, sent_at = ?1, retry_at = NULL, epoch = ?2"
                " WHERE effect_id = ?3 AND state IN ('pending', 'unknown') AND (kind <> 'write' OR NOT EXISTS ("
                "  SELECT 1 FROM outbox o WHERE o.record_id = ?4 AND o.object = ?5 AND o.crm = ?6 AND o.kind = 'write'"
                "  AND o.state IN ('sent', 'unknown') AND o.effect_id <> ?3)) RETURNING effect_id",
                (at, epoch, effect_id, record_id, object_name, crm),
            )
        ]
    return claimed


def finish(con: sqlite3.Connection, outcomes: Sequence[Outcome], now: datetime) -> int:
    """Write down what became of attempts; what is over stays over. Returns how many rows changed."""
    changed = 0
    for outcome in outcomes:
        open_end = outcome.state in _OPEN
        retry_at = text(now + timedelta(seconds=outcome.retry_after)) if outcome.retry_after else None
        changed += con.execute(
            "UPDATE outbox SET state = ?, retry_at = ?, error = ?, version = COALESCE(?, version), done_at = ?"
            " WHERE effect_id = ? AND state IN ('pending', 'held', 'sent', 'unknown')",
            (
                outcome.state, retry_at if outcome.state == "pending" else None, outcome.error, outcome.version,
                None if open_end else text(now), outcome.effect_id,
            ),
        ).rowcount  # fmt: skip
        if outcome.state == "pending":
            _give_way(con, outcome.effect_id, text(now))
    return changed


def _give_way(con: sqlite3.Connection, effect_id: str, at: str) -> None:
    """Let a write-back that goes back to waiting be replaced by a newer one that waits already."""
    con.execute(
        "UPDATE outbox SET state = 'superseded', done_at = ?1, error = 'newer' WHERE effect_id = ?2 AND kind = 'write'"
        " AND EXISTS (SELECT 1 FROM outbox n WHERE n.record_id = outbox.record_id AND n.object = outbox.object"
        "  AND n.crm = outbox.crm AND n.kind = 'write' AND n.state IN ('pending', 'held') AND n.effect_id <> ?2)",
        (at, effect_id),
    )


def release(con: sqlite3.Connection, group_id: str) -> int:
    """Let the held effects of a group go; return how many."""
    return con.execute(
        "UPDATE outbox SET state = 'pending' WHERE group_id = ? AND state = 'held'", (group_id,)
    ).rowcount


def group_sizes(con: sqlite3.Connection, since: str) -> dict[str, int]:
    """Return how many effects of each group were let go since an instant: held and overtaken ones do not count."""
    rows = con.execute(
        "SELECT group_id, count(*) FROM outbox WHERE decided_at >= ? AND (state NOT IN ('held', 'superseded')"
        " OR attempts > 0) GROUP BY group_id",
        (since,),
    )
    return dict(rows.fetchall())


def causes(con: sqlite3.Connection, seqs: Collection[int]) -> dict[int, str]:
    """Return what made us write each of these transitions, a rule's name mostly; others' moves are left out."""
    return {
        seq: from_json(payload)["cause"]
        for seq, payload in select_in(
            con,
            "SELECT t.seq, x.payload FROM transitions t JOIN outbox x ON x.effect_id = t.effect_id"
            " WHERE x.kind = 'write' AND t.seq IN (*)",
            seqs,
        )
    }


def retry(con: sqlite3.Connection, effect_id: str) -> bool:
    """Give a dead or rejected effect another try under its own id; say whether there was one.

    A write-back that a newer one of its record has overtaken gets none.
    """
    tried = con.execute(
        "UPDATE outbox SET state = 'pending', retry_at = NULL, done_at = NULL, error = NULL WHERE effect_id = ?1"
        " AND state IN ('dead', 'rejected', 'pending') AND (kind <> 'write' OR NOT EXISTS ("
        "  SELECT 1 FROM outbox n WHERE n.record_id = outbox.record_id AND n.object = outbox.object AND n.crm = outbox.crm"
        "  AND n.kind = 'write' AND n.state IN ('pending', 'held') AND n.effect_id <> ?1))",
        (effect_id,),
    ).rowcount
    return tried > 0


def rescue(con: sqlite3.Connection, epoch: int) -> int:
    """Turn what an earlier epoch left as sent into unknown: nobody lives who knows its fate."""
    return con.execute("UPDATE outbox SET state = 'unknown' WHERE state = 'sent' AND epoch < ?", (epoch,)).rowcount


def void_undelivered(con: sqlite3.Connection, at: str) -> int:
    """Supersede every effect that was never sent: going live starts from decisions made afresh."""
    return con.execute(
        "UPDATE outbox SET state = 'superseded', done_at = ?, error = 'decided before going live'"
        " WHERE state IN ('pending', 'held')",
        (at,),
    ).rowcount
