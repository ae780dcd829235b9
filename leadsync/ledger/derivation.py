"""The transitions of records about which something new is known: what `chain.py` says they should be, against what is
written down. What is missing is added, what better knowledge replaced is withdrawn, all else stays as it was.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from leadsync.ledger.chain import (
    SAME_BIRTH,
    Conversion,
    Origin,
    Step,
    converted_at,
    first_step,
    in_order,
    is_born_by,
    stage_in,
    steps_of,
)
from leadsync.ledger.codec import fields_of, instant
from leadsync.ledger.connection import select_in
from leadsync.ledger.first_sight import believed_entry
from leadsync.ledger.intake import Intake
from leadsync.ledger.known import Known, OwnWrite, Row, read_known


def derive(intake: Intake) -> set[int]:
    """Bring the transitions of `intake.derive` and `intake.settle` up to date; return the records that were looked at."""
    wanted = _with_partners(intake, intake.derive | intake.settle)
    known = read_known(intake, wanted)
    for row in sorted(known.rows.values(), key=lambda row: (row.object != "lead", row.rid)):
        _bring_up_to_date(intake, known, row)
    return wanted


def _with_partners(intake: Intake, rids: set[int]) -> set[int]:
    """Add the contacts that these leads became, and the leads that became these contacts."""
    found = set(rids)
    for statement in (
        "SELECT b.rid FROM records a JOIN records b ON b.crm = a.crm AND b.object = 'contact' AND b.id = a.converted_to"
        " WHERE a.rid IN (*)",
        "SELECT a.rid FROM records b JOIN records a ON a.converted_to = b.id AND a.crm = b.crm"
        " WHERE b.object = 'contact' AND b.rid IN (*)",
    ):
        found |= {row[0] for row in select_in(intake.con, statement, sorted(found))}
    return found


def _bring_up_to_date(intake: Intake, known: Known, row: Row) -> None:
    stored = known.stored[row.rid]
    has_history = row.object in intake.history
    moves = [
        move
        for move in known.moves[row.rid]
        if move.old != move.new
        and not (row.object == "lead" and (move.new in intake.forced or move.old in intake.forced))
    ]
    line = steps_of(moves, [step for step in stored if step.kind in ("poll", "gap")])
    conversions = _conversions(known, row, line)
    forced_from = next((move.old for move in known.moves[row.rid] if move.new in intake.forced), None)
    root = _root(intake, row, line, stored, conversions, has_history=has_history, forced_from=forced_from)
    line += _polled(intake, row, line, root, has_history=has_history)
    met = [_led_into(conversion, root, line) for conversion in conversions if not conversion.born]
    wished = [root, *(in_order([*line, *met]) if met else line)]
    _write(intake, known, row, wished, has_history=has_history)
    if row.object == "lead" and row.converted_to is not None:
        _end(intake, known, row, line[-1] if line else root, line)


def _root(
    intake: Intake, row: Row, line: Sequence[Step], stored: Sequence[Step], conversions: Sequence[Conversion], *,
    has_history: bool, forced_from: str | None,
) -> Step:  # fmt: skip
    """Return the first transition; one that is written down already stays unless something contradicts it.

    `forced_from` is the value that history says a conversion replaced.
    """
    before = next((step for step in stored if step.kind in ("birth", "conversion")), None)
    value = row.stage_value
    if row.object == "lead" and value in intake.forced:
        # Seen for the first time after its conversion: only history can tell the stage it had.
        value = forced_from
    adopted = intake.go_live is None or row.created_at < intake.go_live
    origin = Origin(
        created_at=row.created_at,
        created_by=row.created_by,
        untouched=instant(row.modified_at) - instant(row.created_at) <= SAME_BIRTH,
        first_seen_at=row.first_seen_at,
        value=value,
        has_history=has_history,
        adopted=adopted,
        ended=row.state not in ("live", "out_of_scope"),
        entered_at=_believed(intake, row) if not before and not line else None,
    )
    # A lead that came before its history was born with no known value; what its conversion replaced is better.
    unknown = before is not None and before.kind == "birth" and before.new is None and value is not None and not line
    later_told = unknown and row.stage_value in intake.forced
    root = first_step(origin, line, None if later_told else before, conversions)
    if before is None or before.kind != root.kind or before.cause != root.cause or before.new != root.new:
        return root
    born = next((conversion for conversion in conversions if conversion.born), None)
    if born is not None:
        better = born.evidence in ("history", "creation") and not _agrees(before, root)
        return root if better else before
    return root if line and line[0].at < before.at else before


def _believed(intake: Intake, row: Row) -> str | None:
    objects = intake.mapping.objects
    if row.object not in objects or not objects[row.object].entered_from:
        return None
    written = intake.con.execute("SELECT fields FROM records WHERE rid = ?", (row.rid,)).fetchone()[0]
    return believed_entry(intake.mapping, row.object, row.stage, fields_of(written))


def _polled(intake: Intake, row: Row, line: Sequence[Step], root: Step, *, has_history: bool) -> list[Step]:
    """Return the change that the record shows and nothing explains, if the time has come to believe it.

    Without history that is at once. With history the record may simply have been read before the history row that
    explains it, so the value waits as a gap until two complete passes have found no such row.
    """
    last = line[-1] if line else root
    value = row.stage_value
    forced = row.object == "lead" and value in intake.forced
    outrun = has_history and row.stamp < last.at  # the history is ahead of the record, which will be read again
    silent = forced or outrun or value == last.new or row.state in ("merged", "deleted")
    polled = Step("poll", None, last.new, value, max(row.modified_at, last.at), False, row.modified_by)
    if silent:
        _note_gap(intake, row, None)
        return []
    if not has_history:
        return [polled]
    if row.rid in intake.settle and row.gap == 1:
        _note_gap(intake, row, None)
        return [replace(polled, kind="gap")]
    _note_gap(intake, row, row.gap or 0)
    intake.gaps += 1
    return []


def _note_gap(intake: Intake, row: Row, gap: int | None) -> None:
    if gap != row.gap:
        intake.con.execute("UPDATE records SET gap = ? WHERE rid = ?", (gap, row.rid))


def _conversions(known: Known, row: Row, line: Sequence[Step]) -> list[Conversion]:
    """Return the leads that became this contact, in order; at most the first can have created it."""
    if row.object != "contact":
        return []
    leads = sorted(known.leads.get(row.id, []), key=lambda lead: lead.id)
    found = [known.conversions[lead.rid] for lead in leads if lead.rid in known.conversions]
    found.sort(key=lambda conversion: (not conversion.born, conversion.at))
    return [replace(conversion, born=conversion.born and place == 0) for place, conversion in enumerate(found)]


def _led_into(conversion: Conversion, root: Step, line: Sequence[Step]) -> Step:
    """Return a conversion into a contact that was there before: its stage is whatever it was."""
    value = root.new
    for step in line:
        if step.at <= conversion.at:
            value = step.new
    return conversion.step(value)


def _end(intake: Intake, known: Known, row: Row, last: Step, line: Sequence[Step]) -> None:
    """Work out when a lead was converted, for the end of its stay and for the contact it became."""
    contact = known.contacts.get(row.converted_to or "")
    forced = [move for move in in_order(known.moves[row.rid]) if move.new in intake.forced]
    at, evidence = converted_at(
        forced_at=forced[0].at if forced else None,
        converted_on=row.converted_on,
        lead_modified_at=row.modified_at,
        contact_created_at=contact.created_at if contact else None,
        last_move_at=line[-1].at if line else None,
    )
    if evidence in ("change", "day") and row.ended_at is not None:
        # A later edit of the converted lead says nothing about its conversion.
        at = row.ended_at
    if at != row.ended_at:
        intake.con.execute("UPDATE records SET ended_at = ? WHERE rid = ?", (at, row.rid))
    if contact is not None:
        by = forced[0].actor_id if forced else row.modified_by
        # Whoever converts is the author of what comes of it, and a contact that has moved before was there before.
        was_there = forced and (
            contact.created_by not in (None, by) or any(move.at < at for move in known.moves[contact.rid])
        )
        born = not was_there and is_born_by(contact.created_at, at, evidence)
        known.conversions[row.rid] = Conversion(row.rid, last.new, at, evidence, born, by)


def _write(intake: Intake, known: Known, row: Row, wished: Sequence[Step], *, has_history: bool) -> None:
    """Add what is missing and withdraw what is wished for no longer, so that `seq` goes up within every second."""
    stored = {_identity(step): step for step in known.stored[row.rid]}
    kept: dict[int, Step] = {}
    missing: list[Step] = []
    second, highest, fresh = "", 0, False
    for step in wished:
        if step.at != second:
            second, highest, fresh = step.at, 0, False
        same = stored.get(_identity(step))
        if same is not None and same.seq is not None and not fresh and same.seq > highest and _agrees(same, step):
            highest = same.seq
            kept[highest] = same
        else:
            fresh = True
            missing.append(step)
    gone = [step.seq for step in stored.values() if step.seq not in kept]
    if not missing and not gone:
        return
    explained = {step.effect_id for step in kept.values()}
    known.writes[row.rid] = [write for write in known.writes[row.rid] if write.effect_id not in explained]
    added = [_new_row(intake, known, row, step, has_history=has_history) for step in missing]
    intake.con.executemany(
        "INSERT INTO transitions (seq, rid, kind, cause, from_stage, to_stage, from_value, to_value, at, at_exact,"
        " observed_at, source, actor_id, coalesced, reason, correction, adopted, effect_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        added,
    )
    intake.con.executemany(
        "INSERT INTO withdrawals (seq, at, why) VALUES (?, ?, 'history says otherwise')",
        [(seq, intake.read_at) for seq in gone],
    )
    # What is only moved to its place within its second keeps what was said of it.
    intake.con.executemany(
        "INSERT INTO judgements (seq, verdict, actor_roles, correction, why, reason, bulk_id, at)"
        " SELECT ?, verdict, actor_roles, correction, why, reason, bulk_id, at FROM judgements WHERE seq = ?",
        [
            (values[0], same.seq)
            for step, values in zip(missing, added, strict=True)
            if (same := stored.get(_identity(step))) and _agrees(same, step)
        ],
    )
    intake.transitions += len(added)
    for values in added:
        intake.heard(row.rid, values[8])


def _identity(step: Step) -> tuple[str, object]:
    match step.kind:
        case "birth":
            return ("birth", None)
        case "move" | "conversion":
            return (step.kind, step.cause)
        case "poll" | "gap":
            return ("polled", step.seq)


def _agrees(stored: Step, step: Step) -> bool:
    match step.kind:
        case "birth":
            return stored.new == step.new and stored.at == step.at
        case "conversion":
            same = (stored.at, stored.exact, stored.old, stored.new) == (step.at, step.exact, step.old, step.new)
            return same and (not step.proved or (stored.proved and stored.actor_id == step.actor_id))
        case "move" | "poll" | "gap":
            return True


def _new_row(intake: Intake, known: Known, row: Row, step: Step, *, has_history: bool) -> tuple[Any, ...]:
    own = _own_write(intake, known, row, step)
    # A record that is older than going live is taken over, even where it is only known since when it was seen.
    born_adopted = step.kind == "birth" and (intake.go_live is None or row.created_at < intake.go_live)
    adopted = born_adopted or intake.is_adopted(step.at, row.first_seen_at)
    if own is not None:
        source = "leadsync"
    elif adopted:
        source = "import"
    else:
        source = "history" if _from_history(known, step, has_history=has_history) else "poll"
    seq = intake.next_seq
    intake.next_seq += 1
    return (
        seq, row.rid, step.kind, step.cause, stage_in(intake.mapping, step.old), stage_in(intake.mapping, step.new),
        step.old, step.new, step.at, int(step.exact), intake.read_at, source,
        intake.own_user_id if own is not None else step.actor_id, int(step.kind == "gap"),
        "converted" if step.kind == "conversion" else own.reason if own is not None else None,
        int(own is not None and own.correction), int(adopted), own.effect_id if own is not None else None,
    )  # fmt: skip


def _from_history(known: Known, step: Step, *, has_history: bool) -> bool:
    match step.kind:
        case "move":
            return True
        case "birth":
            return has_history
        case "conversion":
            return known.conversions[int(step.cause or 0)].evidence == "history"
        case "poll" | "gap":
            return False


def _own_write(intake: Intake, known: Known, row: Row, step: Step) -> OwnWrite | None:
    """Return the write-back of ours that a change shows, if it does; each explains one change only.

    The history row of a person proves that it was not ours, though our token may still stand on the record.
    """
    if step.kind not in ("move", "poll", "gap"):
        return None
    for write in known.writes[row.rid]:
        by_us = step.actor_id == intake.own_user_id
        by_token = write.effect_id == row.operation and (step.kind != "move" or step.actor_id is None)
        if write.value == (step.new or "") and (by_us or by_token):
            known.writes[row.rid].remove(write)
            return write
    return None


def settle_gaps(intake: Intake, object_name: str) -> None:
    """Ask for the settling of gaps that an earlier complete pass has seen; those of this pass have now been seen once."""
    rows = intake.con.execute(
        "SELECT rid, gap FROM records WHERE crm = ? AND object = ? AND gap IS NOT NULL", (intake.crm, object_name)
    ).fetchall()
    intake.settle |= {rid for rid, gap in rows if gap == 1}
    intake.con.executemany("UPDATE records SET gap = 1 WHERE rid = ?", [(rid,) for rid, gap in rows if gap == 0])


def moved_records(intake: Intake, refs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the rids of the records (object, id) that are known."""
    by_object: dict[str, set[str]] = defaultdict(set)
    for object_name, record_id in refs:
        by_object[object_name].add(record_id)
    return {
        (object_name, record_id): rid
        for object_name, ids in by_object.items()
        for record_id, rid in select_in(
            intake.con, "SELECT id, rid FROM records WHERE crm = ? AND object = ? AND id IN (*)", sorted(ids),
            (intake.crm, object_name),
        )
    }  # fmt: skip
