"""What is known of the records whose transitions are to be worked out: rows, history, what stands, what we wrote."""

# ruff: noqa: S608 -- only names of columns from this package are joined into statements, never a value

from collections import defaultdict
from dataclasses import dataclass, field

from leadsync.ledger.chain import Conversion, Step
from leadsync.ledger.codec import from_json
from leadsync.ledger.connection import select_in
from leadsync.ledger.intake import Intake

_ROW = (
    "rid, crm, object, id, stage_value, stage, created_at, created_by, modified_at, modified_by, stamp, state,"
    " converted_to, converted_on, operation, first_seen_at, ended_at, gap"
)


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of a record from which its transitions follow."""

    rid: int
    crm: str
    object: str
    id: str
    stage_value: str | None
    stage: str | None
    created_at: str
    created_by: str | None
    modified_at: str
    modified_by: str | None
    stamp: str
    state: str
    converted_to: str | None
    converted_on: str | None
    operation: str | None
    first_seen_at: str
    ended_at: str | None
    gap: int | None


@dataclass(frozen=True, slots=True)
class OwnWrite:
    """A status write-back of ours that may be what a change shows."""

    effect_id: str
    value: str
    correction: bool
    reason: str | None


@dataclass(slots=True)
class Known:
    """Everything about the records at hand, read in a few statements."""

    rows: dict[int, Row]
    moves: dict[int, list[Step]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[int, list[Step]] = field(default_factory=lambda: defaultdict(list))
    writes: dict[int, list[OwnWrite]] = field(default_factory=lambda: defaultdict(list))
    contacts: dict[str, Row] = field(default_factory=dict)  # by id
    leads: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))  # by the contact's id
    conversions: dict[int, Conversion] = field(default_factory=dict)  # by the lead's rid


def read_known(intake: Intake, rids: set[int]) -> Known:
    """Return everything about these records from which their transitions follow."""
    con, wanted = intake.con, sorted(rids)
    known = Known({row[0]: Row(*row) for row in select_in(con, f"SELECT {_ROW} FROM records WHERE rid IN (*)", wanted)})
    for row in known.rows.values():
        if row.object == "contact":
            known.contacts[row.id] = row
        elif row.converted_to is not None:
            known.leads[row.converted_to].append(row)
    for object_name in ("lead", "contact"):
        ids = {row.id: row.rid for row in known.rows.values() if row.object == object_name}
        for record_id, move_id, old, new, at, by in select_in(
            con,
            "SELECT record_id, move_id, old, new, at, by FROM moves"
            " WHERE crm = ? AND object = ? AND record_id IN (*) AND field = 'stage'",
            ids,
            (intake.crm, object_name),
        ):
            known.moves[ids[record_id]].append(Step("move", move_id, old, new, at, True, by))
        for record_id, effect_id, value, correction, payload in select_in(
            con,
            "SELECT record_id, effect_id, stage_value, correction, payload FROM outbox"
            " WHERE crm = ? AND object = ? AND record_id IN (*) AND stage_value IS NOT NULL"
            " AND state IN ('sent', 'unknown', 'applied') ORDER BY decided_at",
            ids,
            (intake.crm, object_name),
        ):
            reason = from_json(payload)["values"].get("recycle_reason")
            known.writes[ids[record_id]].append(OwnWrite(effect_id, value, bool(correction), reason))
    for rid, seq, kind, cause, old, new, at, exact, actor_id, effect_id, proved in select_in(
        con,
        "SELECT t.rid, t.seq, t.kind, t.cause, t.from_value, t.to_value, t.at, t.at_exact, t.actor_id, t.effect_id,"
        " t.kind = 'conversion' AND t.source IN ('history', 'import')"
        " FROM transitions t LEFT JOIN withdrawals w ON w.seq = t.seq"
        " WHERE w.seq IS NULL AND t.rid IN (*) ORDER BY t.at, t.seq",
        wanted,
    ):
        known.stored[rid].append(Step(kind, cause, old, new, at, bool(exact), actor_id, seq, effect_id, bool(proved)))
    return known
