"""What a batch of decisions leaves behind, written in one transaction: verdicts, persons, clocks, assignments, wishes."""

# ruff: noqa: S608 -- only names of columns and tables from this package are joined into statements, never a value

import sqlite3
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from leadsync.domain.decision import PersonState
from leadsync.domain.effects import Effect
from leadsync.domain.plan import Plan
from leadsync.domain.records import Ref
from leadsync.domain.situation import Assignment
from leadsync.domain.sla import Clock
from leadsync.domain.transitions import Judgement
from leadsync.ledger.codec import CLOCK_COLUMNS, clock_row, optional_text, text, to_json
from leadsync.ledger.connection import select_in
from leadsync.ledger.outbox import wish
from leadsync.ledger.stays import reline, respan


@dataclass(frozen=True, slots=True)
class TouchValue:
    """What the rules made of one touch: whole points of now (None: none) and whether it is strong enough to count."""

    touch_id: str
    points: int | None
    strength: str  # strong | weak


@dataclass(frozen=True, slots=True)
class PlanRows:
    """Everything of a Plan that the ledger keeps. `held` are the groups whose effects wait for a release."""

    judgements: tuple[Judgement, ...] = ()
    persons: tuple[PersonState, ...] = ()
    clocks: tuple[Clock, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    charges: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    held: frozenset[str] = frozenset()
    rulebook_hash: str | None = None
    crm: str | None = None  # whose touches `touches` are
    touches: tuple[TouchValue, ...] = ()
    decided: frozenset[str] = frozenset()  # persons looked at who have no state to keep
    noticed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommitCounts:
    """How many rows a commit really added or changed; deciding the same thing again adds none."""

    judged: int
    persons: int
    clocks: int
    assigned: int
    wished: int
    held: int


def rows_of(plan: Plan) -> PlanRows:
    """Return what the ledger keeps of a Plan."""
    return PlanRows(
        judgements=tuple(judgement for decision in plan.decisions for judgement in decision.judgements),
        persons=tuple(decision.state for decision in plan.decisions),
        clocks=tuple(clock for decision in plan.decisions for clock in decision.clocks),
        assignments=tuple(decision.assignment for decision in plan.decisions if decision.assignment is not None),
        charges=plan.charges,
        effects=plan.effects,
        held=frozenset(plan.held),
        rulebook_hash=plan.rulebook_hash,
    )


def store_plan(con: sqlite3.Connection, rows: PlanRows, now: datetime) -> CommitCounts:
    """Write a Plan; runs inside a transaction."""
    at = text(now)
    persons = _persons_of(con, {effect.ref for effect in rows.effects})
    judged = _store_judgements(con, rows, at)
    changed = _store_persons(con, rows, at)
    clocks = _store_clocks(con, rows)
    assigned = _store_assignments(con, rows)
    con.executemany(
        "INSERT INTO pool_state (pool, tier, user_id, vt) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (pool, tier, user_id) DO UPDATE SET vt = excluded.vt WHERE pool_state.vt <> excluded.vt",
        [(*key, vt) for key, vt in rows.charges.items()],
    )
    con.executemany(
        "UPDATE touches SET points = ?1, strength = ?2 WHERE crm = ?3 AND touch_id = ?4"
        " AND (points IS NOT ?1 OR strength IS NOT ?2)",
        [(value.points, value.strength, rows.crm, value.touch_id) for value in rows.touches],
    )
    wished = wish(con, rows.effects, rows.held, persons, at)
    held = sum(1 for effect in rows.effects if effect.group_id in rows.held)
    return CommitCounts(judged, changed, clocks, assigned, wished, held)


def _persons_of(con: sqlite3.Connection, refs: Set[Ref]) -> dict[tuple[str, str, str], str]:
    """Return the person behind each record (crm, object, id) that effects name."""
    ids = sorted({ref.id for ref in refs})
    wanted = {(ref.crm, ref.object) for ref in refs}
    return {
        (crm, object_name, record_id): person_id
        for crm, object_name in wanted
        for record_id, person_id in select_in(
            con, "SELECT id, person_id FROM records WHERE crm = ? AND object = ? AND id IN (*)", ids, (crm, object_name)
        )
    }


def _store_judgements(con: sqlite3.Connection, rows: PlanRows, at: str) -> int:
    """Add verdicts; a transition is judged once. A correction joins stays, so those are written anew."""
    cursor = con.executemany(
        "INSERT INTO judgements (seq, verdict, actor_roles, correction, why, reason, bulk_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING",
        [
            (j.seq, j.verdict, to_json(j.actor_roles), int(j.correction), j.why, j.reason, j.bulk_id, at)
            for j in rows.judgements
        ],
    )
    corrected = [j.seq for j in rows.judgements if j.correction]
    if corrected:
        rids = {row[0] for row in select_in(con, "SELECT rid FROM transitions WHERE seq IN (*)", corrected)}
        respan(con, rids)
        reline(con, {row[0] for row in select_in(con, "SELECT person_id FROM records WHERE rid IN (*)", sorted(rids))})
    return max(cursor.rowcount, 0)


def _store_persons(con: sqlite3.Connection, rows: PlanRows, at: str) -> int:
    cursor = con.executemany(
        "UPDATE persons SET wake_at = ?, waiting = 0, decided_at = ?, score = ?, band = ?, product = ?, fired = ?,"
        " rulebook_hash = ?, recycle_count = ?, mql_count = ?, first_mql_at = ?, last_mql_at = ?, held_until = ?,"
        " passes = ?, outcome = ?, outcome_at = ?, twin_of = ?, marketable = ? WHERE person_id = ?",
        [
            (
                optional_text(state.wake_at), at, state.score, state.band, state.product, to_json(dict(state.fired)),
                rows.rulebook_hash, state.recycle_count, state.mql_count, optional_text(state.first_mql_at),
                optional_text(state.last_mql_at), optional_text(state.held_until), state.passes, state.outcome,
                optional_text(state.outcome_at), state.twin_of, int(state.marketable), state.person_id,
            )
            for state in rows.persons
        ],
    )  # fmt: skip
    con.executemany(
        "UPDATE persons SET noticed = ? WHERE person_id = ?",
        [(to_json(noticed), person_id) for person_id, noticed in rows.noticed.items()],
    )
    con.executemany(
        "UPDATE persons SET wake_at = NULL, waiting = 0, decided_at = ?, rulebook_hash = ? WHERE person_id = ?",
        [(at, rows.rulebook_hash, person_id) for person_id in sorted(rows.decided)],
    )
    return max(cursor.rowcount, 0)


def _store_clocks(con: sqlite3.Connection, rows: PlanRows) -> int:
    names = [name.strip() for name in CLOCK_COLUMNS.split(",")]
    changes = [name for name in names if name not in ("clock_id", "person_id", "rule", "kind", "start_cause")]
    before = con.total_changes
    con.executemany(
        f"INSERT INTO clocks ({CLOCK_COLUMNS}) VALUES ({', '.join('?' * len(names))}) ON CONFLICT (clock_id) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in changes)
        + " WHERE "
        + " OR ".join(f"clocks.{name} IS NOT excluded.{name}" for name in changes),
        [clock_row(clock) for clock in rows.clocks],
    )
    return con.total_changes - before


def _store_assignments(con: sqlite3.Connection, rows: PlanRows) -> int:
    if not rows.assignments:
        return 0
    rids = {
        (person_id, record_id): rid
        for person_id, record_id, rid in select_in(
            con,
            "SELECT person_id, id, rid FROM records WHERE person_id IN (*)",
            sorted({assignment.person_id for assignment in rows.assignments}),
        )
    }
    cursor = con.executemany(
        "INSERT INTO assignments (rid, person_id, rule, pool, tier, sticky, owner_id, by, at, reason, door, candidates)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (rids[a.person_id, a.record_id], a.person_id, a.rule, a.pool, a.tier, int(a.sticky), a.owner_id, a.by,
             text(a.at), a.reason, a.door, to_json(a.candidates))
            for a in rows.assignments
        ],
    )  # fmt: skip
    return max(cursor.rowcount, 0)
