"""Owners and assignees of records over time: from the CRM's history where there is some, else from what was polled.

A record whose owner never changed has no rows here; its owner of now is the only one (`records.owner_rows`).
"""

from collections import defaultdict
from typing import Any, Literal

from leadsync.ledger.chain import Step, steps_of
from leadsync.ledger.connection import select_in
from leadsync.ledger.intake import Intake


def store_owners(intake: Intake) -> None:
    """Bring the owner rows of `intake.owners` up to date."""
    con, wanted = intake.con, sorted(intake.owners)
    # Whom a record had before it was seen to change for the first time is known from the row it had.
    con.executemany(
        "INSERT INTO owners (rid, field, n, owner_id, at, by, source) VALUES (?, ?, 0, ?, ?, ?, 'poll')"
        " ON CONFLICT DO NOTHING",
        intake.former_owners,
    )
    moves: dict[int, list[Step]] = defaultdict(list)
    for rid, move_id, old, new, at, by in select_in(
        con,
        "SELECT r.rid, m.move_id, m.old, m.new, m.at, m.by FROM records r JOIN moves m"
        " ON m.crm = r.crm AND m.object = r.object AND m.record_id = r.id AND m.field = 'owner' WHERE r.rid IN (*)",
        wanted,
    ):
        if old != new:
            moves[rid].append(Step("move", move_id, old, new, at, True, by))
    stored: dict[tuple[int, str], list[tuple[Any, ...]]] = defaultdict(list)
    for row in select_in(
        con,
        "SELECT rid, field, n, owner_id, at, by, source FROM owners WHERE rid IN (*) ORDER BY rid, field, n",
        wanted,
    ):
        stored[row[0], row[1]].append(row)
    for rid, created_at, created_by, modified_at, modified_by, owner_id, assignee_id, stamp in list(
        select_in(
            con,
            "SELECT rid, created_at, created_by, modified_at, modified_by, owner_id, assignee_id, stamp FROM records"
            " WHERE rid IN (*)",
            wanted,
        )
    ):
        for field, value in (("owner", owner_id), ("assignee", assignee_id)):
            before = stored[rid, field]
            history = moves[rid] if field == "owner" else []
            polled = [
                Step("poll", None, before[row[2] - 1][3], row[3], row[4], False, row[5], row[2])
                for row in before[1:]
                if row[6] in ("poll", "leadsync")
            ]
            line = steps_of(history, polled)
            last = line[-1].new if line else before[0][3] if before else None
            first_known = bool(line or before)
            # The row may have been read before history moved on, even within its second.
            outrun = bool(history) and stamp <= max(move.at for move in history)
            if first_known and value != last and not outrun:
                line.append(Step("poll", None, last, value, modified_at, False, modified_by))
            if not line:
                continue
            rows = [(rid, field, 0, line[0].old, created_at, created_by, "poll")]
            rows += [
                (rid, field, n, step.new, step.at, step.actor_id, _source(intake, step))
                for n, step in enumerate(line, start=1)
            ]
            if rows != before:
                con.execute("DELETE FROM owners WHERE rid = ? AND field = ?", (rid, field))
                con.executemany(
                    "INSERT INTO owners (rid, field, n, owner_id, at, by, source) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
                if field == "owner":
                    con.execute("UPDATE records SET owner_rows = 1 WHERE rid = ?", (rid,))
                intake.heard(rid, rows[-1][4])


def _source(intake: Intake, step: Step) -> Literal["history", "poll", "leadsync"]:
    if step.actor_id == intake.own_user_id:
        return "leadsync"
    return "history" if step.kind == "move" else "poll"
